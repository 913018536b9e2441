"""A structure read through one further coordinate: masked to groups, or scaled."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import block_diag

from msclong.covariance.structure import CovarianceStructure, Recoordinated, Scatter, Sigma, Theta
from msclong.covariance.working import Working


@dataclass(frozen=True)
class Wrapped(CovarianceStructure):
    """Sigma = part's Sigma times a factor, element by element, that the first coordinate gives; theta is part's.

    part : reads the coordinates after the first.
    """

    part: CovarianceStructure

    @abstractmethod
    def factor(self, lead: np.ndarray) -> np.ndarray:
        """(P, t, t) from the first coordinate of each observation, (P, t)."""

    @abstractmethod
    def pieces(self, lead: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Sets of a pattern's observations (t,) that the part describes by itself: positions, roots of factor."""

    @property
    def keyword(self) -> str:
        return self.part.keyword

    @property
    def description(self) -> str:
        return self.part.description

    @property
    def several_maxima(self) -> bool:
        return self.part.several_maxima

    @property
    def coordinates(self) -> int:
        return 1 + self.part.coordinates

    @property
    def linear(self) -> bool:
        return self.part.linear

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return self.part.parameter_names

    @property
    def working(self) -> Working:
        return self.part.working

    def sigma(self, theta: Theta, coords: np.ndarray) -> Sigma:
        return self.part.sigma(theta, coords[:, :, 1:]) * self.factor(coords[:, :, 0])

    def first(self, theta: np.ndarray, coords: np.ndarray) -> np.ndarray:
        return self.part.first(theta, coords[:, :, 1:]) * self.factor(coords[:, :, 0])

    def second_contracted(self, theta: np.ndarray, coords: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return self.part.second_contracted(theta, coords[:, :, 1:], weight * self.factor(coords[:, :, 0]))

    def second_combined(self, theta: np.ndarray, coords: np.ndarray, W: np.ndarray) -> np.ndarray:
        return self.part.second_combined(theta, coords[:, :, 1:], W) * self.factor(coords[:, :, 0])

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        return self.part.start(self.inner_scatter(scatter))

    def scale(self, theta: np.ndarray, factor: float) -> np.ndarray:
        return self.part.scale(theta, factor)

    def recoordinated(self, scatter: Sequence[Scatter]) -> Recoordinated:
        return self._around(self.part.recoordinated(self.inner_scatter(scatter)))

    def centred(self, theta: np.ndarray) -> Recoordinated | None:
        inner = self.part.centred(theta)
        return None if inner is None else self._around(inner)

    def is_singular(self, theta: np.ndarray, coords_rms: np.ndarray) -> bool:
        return self.part.is_singular(theta, coords_rms[1:])

    def inner_scatter(self, scatter: Sequence[Scatter]) -> list[Scatter]:
        """The scatter as the part sees it: one pattern for each piece, the factor taken out."""
        found: dict[int, list[tuple[np.ndarray, int, np.ndarray]]] = {}
        for whole in scatter:
            for coords, n, products in zip(whole.coords, whole.n, whole.cross_products, strict=True):
                for where, root in self.pieces(coords[:, 0]):
                    inner = products[np.ix_(where, where)] / np.outer(root, root)
                    found.setdefault(len(where), []).append((coords[where, 1:], n, inner))
        return [
            Scatter(*(np.stack(column) for column in zip(*patterns, strict=True)))
            for t, patterns in sorted(found.items())
            if t
        ]

    def _around(self, inner: Recoordinated) -> Recoordinated:
        return Recoordinated(
            replace(self, part=inner.structure), block_diag(np.eye(1), inner.coords), inner.theta
        )
