"""Structures on the grid of planned visits: one T x T matrix, restricted to what each pattern observed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from msclong.covariance.structure import CovarianceStructure, Scatter, Sigma, Theta
from msclong.linear_hypothesis import label

ZERO = 1e-11
"""Eigenvalue of a correlation matrix, or residual variance in standardised units, that counts as zero.

A climb towards the boundary ends below 1e-12; visits may well be correlated at 0.99999, or differ in SD by thousands.
"""


@dataclass(frozen=True)
class VisitStructure(CovarianceStructure):
    """A structure given by its T x T matrix over the planned visits.

    The one coordinate is the visit's position 0 .. T-1; within a subject positions are distinct.
    """

    visits: tuple[object, ...]

    keyword: ClassVar[str]
    description: ClassVar[str]
    reads: ClassVar[Literal["visit"]] = "visit"

    @property
    def n_visits(self) -> int:
        return len(self.visits)

    @property
    def visit_labels(self) -> tuple[str, ...]:
        return tuple(label(visit) for visit in self.visits)

    @abstractmethod
    def grid(self, theta: Theta) -> Sigma:
        """Sigma over all planned visits, (T, T); NumPy or PyTensor."""

    @abstractmethod
    def grid_first(self, theta: np.ndarray) -> np.ndarray:
        """dSigma / dtheta, (k, T, T)."""

    def grid_second(self, theta: np.ndarray) -> np.ndarray:
        """d2Sigma / dtheta dtheta', (k, k, T, T); asked of structures that are not linear only."""
        raise NotImplementedError(
            f"{type(self).__name__} is not linear and must give its second derivatives."
        )

    def sigma(self, theta: Theta, coords: np.ndarray) -> Sigma:
        rows, columns = _positions(coords)
        return self.grid(theta)[rows, columns]

    def first(self, theta: np.ndarray, coords: np.ndarray) -> np.ndarray:
        rows, columns = _positions(coords)
        return self.grid_first(theta)[:, rows, columns]

    def second_contracted(self, theta: np.ndarray, coords: np.ndarray, weight: np.ndarray) -> np.ndarray:
        if self.linear:
            return super().second_contracted(theta, coords, weight)
        total = np.zeros((self.n_visits, self.n_visits))
        np.add.at(total, _positions(coords), weight)
        return np.einsum("jkab,ab->jk", self.grid_second(theta), total)

    def second_combined(self, theta: np.ndarray, coords: np.ndarray, W: np.ndarray) -> np.ndarray:
        if self.linear:
            return super().second_combined(theta, coords, W)
        return np.einsum("jk,jkab->ab", W, self.grid_second(theta))[_positions(coords)]

    def is_singular(self, theta: np.ndarray, coords_rms: np.ndarray) -> bool:
        # Without random effects no variance is estimated as zero: the likelihood grows without bound on the way there.
        return bool(np.linalg.eigvalsh(pairwise_correlation(self.grid(theta)))[0] < ZERO)


def _positions(coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    position = coords[:, :, 0].astype(np.intp)
    rows, columns = np.broadcast_arrays(position[:, :, None], position[:, None, :])
    return rows, columns


def pairwise_covariance(scatter: Sequence[Scatter], n_visits: int) -> np.ndarray:
    """Available-pairs residual covariance over the visit grid, (T, T); pairs never seen together get zero."""
    total = np.zeros((n_visits, n_visits))
    count = np.zeros((n_visits, n_visits))
    for part in scatter:
        where = _positions(part.coords)
        np.add.at(total, where, part.cross_products)
        np.add.at(count, where, np.broadcast_to(part.n[:, None, None], part.cross_products.shape))
    return total / np.maximum(count, 1)


def positive_variances(covariance: np.ndarray) -> np.ndarray:
    """The diagonal of a (T, T) covariance, (T,), with zeros (a visit that the mean fits exactly) made small."""
    variances = np.diag(covariance)
    return variances.clip(1e-12 * variances.max(), None)


def pairwise_correlation(covariance: np.ndarray) -> np.ndarray:
    """Correlations (T, T) of a covariance whose variances may be zero."""
    sd = np.sqrt(positive_variances(covariance))
    return covariance / np.outer(sd, sd)
