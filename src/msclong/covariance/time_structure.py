"""Structures in measured time: Sigma as a function of the time between two observations of a subject."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from msclong.covariance.structure import (
    SINGULAR,
    CovarianceStructure,
    Recoordinated,
    Scatter,
    Sigma,
    Theta,
    pooled_variance,
)
from msclong.covariance.working import Elementwise, Working
from msclong.errors import DataError, listing

WORKING_KINDS = {"variance": "log", "range": "range", "correlation": "atanh"}
"""Kinds of parameters, and the working coordinate of each."""

MOST_PRODUCTS = 2**18
"""Products of residuals of two observations that are looked at for start values."""

START_RANGES = 2.0 ** np.arange(-4, 4)
"""Ranges that are tried as start values, in units of the median time between two observations of a subject."""


@dataclass(frozen=True)
class TimeStructure(CovarianceStructure):
    """A structure given by a kernel: Sigma of observations that lie `distance` apart in time.

    The one coordinate is the observation's time, in the analyst's unit: planned or irregular, the same code. A
    subclass names its parameters with their kinds and gives the kernel with its derivatives; the start values, working
    coordinates, units and priors follow from the kinds.

    shortest, longest : time between two observations of a subject, least and most, where known (what tells a range of
    zero, and an infinite one).
    """

    shortest: float = np.nan
    longest: float = np.nan

    keyword: ClassVar[str]
    description: ClassVar[str]
    reads: ClassVar[Literal["time"]] = "time"
    several_maxima = True
    parameters: ClassVar[Mapping[str, Literal["variance", "range", "correlation"]]]
    """Name -> kind of each: a variance (squared outcome units), a range (units of time), a correlation in (-1, 1)."""

    @abstractmethod
    def kernel(self, theta: Theta, distance: np.ndarray) -> Sigma:
        """Sigma (P, t, t) from distances (P, t, t); NumPy or PyTensor (operators only: np.e**x, not np.exp(x)).

        A nugget is a multiple of np.eye(t): two observations at one time share all but it.
        """

    @abstractmethod
    def kernel_first(self, theta: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """dSigma / dtheta, (k, P, t, t)."""

    @abstractmethod
    def kernel_second(self, theta: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """d2Sigma / dtheta dtheta', (k, k, P, t, t)."""

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(self.parameters)

    @property
    def working(self) -> Working:
        return Elementwise(tuple(WORKING_KINDS[kind] for kind in self.parameters.values()))

    def sigma(self, theta: Theta, coords: np.ndarray) -> Sigma:
        return self.kernel(theta, _distances(coords))

    def first(self, theta: np.ndarray, coords: np.ndarray) -> np.ndarray:
        return self.kernel_first(theta, _distances(coords))

    def second_contracted(self, theta: np.ndarray, coords: np.ndarray, weight: np.ndarray) -> np.ndarray:
        second = self.kernel_second(theta, _distances(coords))
        return second.reshape(*second.shape[:2], -1) @ weight.reshape(-1)

    def second_combined(self, theta: np.ndarray, coords: np.ndarray, W: np.ndarray) -> np.ndarray:
        return np.einsum("jk,jkpab->pab", W, self.kernel_second(theta, _distances(coords)))

    def scale(self, theta: np.ndarray, factor: float) -> np.ndarray:
        return theta * np.where(self._are("variance"), factor**2, 1.0)

    def recoordinated(self, scatter: Sequence[Scatter]) -> Recoordinated:
        shortest, longest = np.inf, 0.0
        for part in scatter:
            time = np.sort(part.coords[:, :, 0], axis=1)
            steps = np.diff(time, axis=1)
            shortest = min(shortest, float(steps[steps > 0].min(initial=np.inf)))
            longest = max(longest, float((time[:, -1] - time[:, 0]).max()))
        known = replace(self, shortest=shortest, longest=longest)
        return Recoordinated(known, np.eye(1), np.eye(self.n_parameters))

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        """Equal shares of the variance, and of START_RANGES the one that fits the residual products best.

        Where these are many, those of patterns throughout.
        """
        scatter = [_some(part) for part in scatter]
        gaps = _gaps(scatter)
        typical = float(np.median(gaps)) if gaps.size else 1.0
        share = pooled_variance(scatter) / max(1, int(self._are("variance").sum()))
        best, least = None, np.inf
        for multiple in START_RANGES:
            values = {"variance": share, "range": multiple * typical, "correlation": 0.3}
            theta = np.array([values[kind] for kind in self.parameters.values()])
            misfit = self._misfit(theta, scatter)
            if best is None or misfit < least:
                best, least = theta, misfit
        assert best is not None
        return best

    def _misfit(self, theta: np.ndarray, scatter: Sequence[Scatter]) -> float:
        """Squared differences of mean residual products and Sigma, summed; infinite where Sigma is near singular."""
        total = 0.0
        for part in scatter:
            sigma = self.sigma(theta, part.coords)
            variance = np.diagonal(sigma, axis1=1, axis2=2).mean()
            try:
                np.linalg.cholesky(sigma - 1e-3 * variance * np.eye(sigma.shape[1]))
            except np.linalg.LinAlgError:
                return np.inf
            n = part.n[:, None, None]
            total += float(np.sum(n * (part.cross_products / n - sigma) ** 2))
        return total

    def is_singular(self, theta: np.ndarray, coords_rms: np.ndarray) -> bool:
        if np.any(theta[self._are("variance")] < SINGULAR):
            return True
        pair = np.array([[0.0, 1.0], [1.0, 0.0]])
        distances = np.array([0.0, self.shortest, self.longest])[:, None, None] * pair
        same, near, far = np.abs(self.kernel(theta, distances)[:, 0, 1])
        return bool(near < SINGULAR * same or far > (1 - SINGULAR) * same)

    def check(self, coords: np.ndarray, subject: np.ndarray, column: str, rows: Iterable[object]) -> None:
        at_once = self.kernel(self.working.to_theta(np.zeros(self.n_parameters)), np.zeros((1, 2, 2)))[0]
        if at_once[0, 0] > at_once[0, 1]:  # a nugget
            return
        keys = np.column_stack([subject, coords[:, 0]])
        _, which, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        repeated = [row for row, n in zip(rows, count[which.reshape(-1)], strict=True) if n > 1]
        if repeated:
            raise DataError(
                f"Some subjects have several observations at one {column!r}, in rows {listing(repeated)}. "
                f"{self.keyword!r} knows no measurement error and would have them equal. Keep one of each, or use "
                "random effects such as (1 | subject)."
            )

    def _are(self, kind: str) -> np.ndarray:
        return np.array([k == kind for k in self.parameters.values()])


def _some(part: Scatter) -> Scatter:
    """Evenly spaced ones of its patterns, as many as make MOST_PRODUCTS residual products."""
    n_patterns, t = part.coords.shape[:2]
    step = -(-n_patterns * t * t // MOST_PRODUCTS)
    if step == 1:
        return part
    return Scatter(part.coords[::step], part.n[::step], part.cross_products[::step])


def _distances(coords: np.ndarray) -> np.ndarray:
    """(P, t, t) absolute differences of times (P, t, 1)."""
    time = coords[:, :, 0]
    return np.abs(time[:, :, None] - time[:, None, :])


def _gaps(scatter: Sequence[Scatter]) -> np.ndarray:
    """Positive times between two observations of a subject, over all patterns."""
    distances = np.concatenate([_distances(part.coords).ravel() for part in scatter])
    return distances[distances > 0]
