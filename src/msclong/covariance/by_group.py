"""One covariance for each group of subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.structure import Recoordinated, Scatter


@dataclass(frozen=True)
class ByGroup(Additive):
    """A structure with parameters of its own in each group (SAS: repeated / group=); part g is zero outside group g.

    parts : `Scaled`, each reading whether an observation is of its group. groups : the groups' labels.
    """

    groups: tuple[str, ...]

    @property
    def keyword(self) -> str:
        return self.parts[0].keyword

    @property
    def description(self) -> str:
        return f"by group ({', '.join(self.groups)}), in each {self.parts[0].description}"

    @property
    def parameter_names(self) -> tuple[str, ...]:
        pairs = zip(self.groups, self.parts, strict=True)
        return tuple(f"{name} | {group}" for group, part in pairs for name in part.parameter_names)

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        return np.concatenate(self.part_starts(scatter))

    def _with_parts(self, parts: Sequence[Recoordinated]) -> Additive:
        return replace(self, parts=tuple(part.structure for part in parts))
