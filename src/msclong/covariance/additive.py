"""A sum of covariance structures: random effects plus residual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import block_diag

from msclong.covariance.structure import CovarianceStructure, Recoordinated, Scatter, Sigma, Theta
from msclong.covariance.working import Joined, Working


@dataclass(frozen=True)
class Additive(CovarianceStructure):
    """Sigma = sum of the parts' Sigma; theta and coordinates are the parts' side by side."""

    parts: tuple[CovarianceStructure, ...]

    keyword = "sum"
    description = "a sum of its parts"

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
        k = d = 0
        for part in self.parts:
            yield part, slice(k, k + part.n_parameters), slice(d, d + part.coordinates)
            k, d = k + part.n_parameters, d + part.coordinates

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

    def recoordinated(self, scatter: Sequence[Scatter]) -> Recoordinated:
        parts = [
            part.recoordinated([replace(s, coords=s.coords[:, :, d]) for s in scatter])
            for part, _, d in self.split()
        ]
        return Recoordinated(
            Additive(tuple(part.structure for part in parts)),
            block_diag(*(part.coords for part in parts)),
            block_diag(*(part.theta for part in parts)),
        )

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        starts = []
        for part, _, d in self.split():
            starts.append(part.start([replace(s, coords=s.coords[:, :, d]) for s in scatter]))
        return np.concatenate(starts)

    def scale(self, theta: np.ndarray, factor: float) -> np.ndarray:
        return np.concatenate([part.scale(theta[k], factor) for part, k, _ in self.split()])

    def is_singular(self, theta: np.ndarray, coords_rms: np.ndarray) -> bool:
        return any(part.is_singular(theta[k], coords_rms[d]) for part, k, d in self.split())
