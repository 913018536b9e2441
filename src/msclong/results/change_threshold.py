"""The change of a patient that counts as a response: a declared minimal important difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.errors import SpecError
from msclong.families.family import Family

ROUNDING = 1e-9
"""Share of the larger outcome by which a change may miss the threshold: 1.3 - 1.5 is not quite -0.2."""


@dataclass(frozen=True)
class ChangeThreshold:
    """A change of at least `value`: a fall where it is negative, a rise where it is positive.

    ratio : changes are ratios of the later to the earlier outcome, and value one of them: 0.5 asks for half or less,
    1.5 for one and a half times or more.
    """

    value: float
    ratio: bool

    @property
    def direction(self) -> int:
        """-1 where falls respond, 1 where rises do."""
        return 1 if self.value > (1 if self.ratio else 0) else -1

    @property
    def on_predictor(self) -> float:
        """The threshold on the scale where changes are differences."""
        return float(np.log(self.value)) if self.ratio else self.value

    def met(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Whether each outcome `after` responds to the one `before`; zero before, where outcomes are changes."""
        if self.ratio:
            beyond, size = after - self.value * before, after
        else:
            beyond, size = after - before - self.value, np.maximum(np.abs(before), np.abs(after))
        return np.asarray(self.direction * beyond >= -ROUNDING * size)

    def __str__(self) -> str:
        sign = "<=" if self.direction < 0 else ">="
        return f"{'after / before' if self.ratio else 'after - before'} {sign} {self.value:g}"


def change_threshold(given: object, family: Family) -> ChangeThreshold:
    """The threshold of a family: a ratio where outcomes are positive with a log link. Raises SpecError."""
    ratio = family.link == "log" and not family.points(np.ones(1))
    value = np.nan
    if isinstance(given, (int, float, np.integer, np.floating)) and not isinstance(given, bool):
        value = float(given)
    if ratio and not (0 < value < np.inf and value != 1):
        raise SpecError(
            f"Changes of family {family.keyword!r} are ratios: threshold is above zero and not 1, such as 0.5 for a "
            f"fall to half or less, 1.5 for a rise by half or more; got {given!r}."
        )
    if not np.isfinite(value) or value == 0:
        raise SpecError(
            "threshold is the least change that counts, in the outcome's unit, with its sign: -3 for a fall of 3 or "
            f"more; got {given!r}."
        )
    return ChangeThreshold(value, ratio)
