"""A sum of covariance structures: random effects, one or several, plus residual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import block_diag

from msclong.covariance.structure import CovarianceStructure, Recoordinated, Scatter, Sigma, Theta
from msclong.covariance.working import Joined, Working, side_by_side


@dataclass(frozen=True)
class Additive(CovarianceStructure):
    """Sigma = sum of the parts' Sigma; theta and coordinates are the parts' side by side."""

    parts: tuple[CovarianceStructure, ...]

    @property
    def keyword(self) -> str:
        return "sum"

    @property
    def description(self) -> str:
        return "; plus ".join(dict.fromkeys(part.description for part in self.parts))

    @property
    def several_maxima(self) -> bool:
        return any(part.several_maxima for part in self.parts)

    @property
    def coordinates(self) -> int:
        return sum(part.coordinates for part in self.parts)

    @property
    def linear(self) -> bool:
        return all(part.linear for part in self.parts)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(name for part in self.parts for name in part.parameter_names)

    @property
    def working(self) -> Working:
        return Joined(tuple(p.working for p in self.parts), tuple(p.n_parameters for p in self.parts))

    def split(self) -> Iterator[tuple[CovarianceStructure, slice, slice]]:
        """Each part with its slice of theta and its slice of the coordinates."""
        return zip(self.parts, self._of_theta, self._of_coordinates, strict=True)

    @cached_property
    def _of_theta(self) -> list[slice]:
        return side_by_side([part.n_parameters for part in self.parts])

    @cached_property
    def _of_coordinates(self) -> list[slice]:
        return side_by_side([part.coordinates for part in self.parts])

    def sigma(self, theta: Theta, coords: np.ndarray) -> Sigma:
        total = 0.0
        for part, k, d in self.split():
            total = total + part.sigma(theta[k], coords[:, :, d])
        return total

    def first(self, theta: np.ndarray, coords: np.ndarray) -> np.ndarray:
        return np.concatenate([part.first(theta[k], coords[:, :, d]) for part, k, d in self.split()])

    def second_contracted(self, theta: np.ndarray, coords: np.ndarray, weight: np.ndarray) -> np.ndarray:
        result = np.zeros((theta.size, theta.size))
        for part, k, d in self.split():
            result[k, k] = part.second_contracted(theta[k], coords[:, :, d], weight)
        return result

    def second_combined(self, theta: np.ndarray, coords: np.ndarray, W: np.ndarray) -> np.ndarray:
        pieces = [part.second_combined(theta[k], coords[:, :, d], W[k, k]) for part, k, d in self.split()]
        return np.sum(pieces, axis=0)

    def recoordinated(self, scatter: Sequence[Scatter]) -> Recoordinated:
        return self._joined([p.recoordinated(s) for p, s in self._part_scatter(scatter)])

    def centred(self, theta: np.ndarray) -> Recoordinated | None:
        found = [(part, part.centred(theta[k])) for part, k, _ in self.split()]
        if all(there is None for _, there in found):
            return None
        return self._joined([there or part.unchanged() for part, there in found])

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        # Each part by itself would take the whole variance: half for the residual, which comes last, half for the rest.
        starts = self.part_starts(scatter)
        shares = [0.5 / (len(starts) - 1)] * (len(starts) - 1) + [0.5] if len(starts) > 1 else [1.0]
        return np.concatenate(
            [part.scale(s, share**0.5) for part, s, share in zip(self.parts, starts, shares, strict=True)]
        )

    def part_starts(self, scatter: Sequence[Scatter]) -> list[np.ndarray]:
        """The start values of each part by itself."""
        return [part.start(s) for part, s in self._part_scatter(scatter)]

    def scale(self, theta: np.ndarray, factor: float) -> np.ndarray:
        return np.concatenate([part.scale(theta[k], factor) for part, k, _ in self.split()])

    def is_singular(self, theta: np.ndarray, coords_rms: np.ndarray) -> bool:
        return any(part.is_singular(theta[k], coords_rms[d]) for part, k, d in self.split())

    def _part_scatter(
        self, scatter: Sequence[Scatter]
    ) -> Iterator[tuple[CovarianceStructure, list[Scatter]]]:
        for part, _, d in self.split():
            yield part, [replace(s, coords=s.coords[:, :, d]) for s in scatter]

    def _joined(self, parts: Sequence[Recoordinated]) -> Recoordinated:
        return Recoordinated(
            self._with_parts(parts),
            block_diag(*(part.coords for part in parts)),
            block_diag(*(part.theta for part in parts)),
        )

    def _with_parts(self, parts: Sequence[Recoordinated]) -> Additive:
        return Additive(tuple(part.structure for part in parts))
