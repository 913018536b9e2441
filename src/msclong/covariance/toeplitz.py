"""Toeplitz covariance: what two visits share depends on their lag, with one variance (toep) or one each (toeph)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import toeplitz

from msclong.covariance.partial_autocorrelations import Autocovariances, PartialAutocorrelations
from msclong.covariance.scaled_correlation import ScaledCorrelation
from msclong.covariance.structure import Scatter, Sigma, Theta
from msclong.covariance.visit_structure import VisitStructure, pairwise_correlation, pairwise_covariance
from msclong.covariance.working import Elementwise, Joined, Working


class Toeplitz(VisitStructure):
    """toep: Sigma_st = gamma_|s - t| over positions of planned visits; theta = (gamma_0 .. gamma_(T-1)), linear.

    SAS type=toep.
    """

    keyword = "toep"
    description = "Toeplitz: one variance, a covariance for each lag"
    linear = True
    several_maxima = True

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return ("variance", *(f"covariance(lag {lag})" for lag in range(1, self.n_visits)))

    @property
    def working(self) -> Working:
        return Autocovariances(self.n_visits - 1)

    def grid(self, theta: Theta) -> Sigma:
        return theta[toeplitz(np.arange(self.n_visits))]

    def grid_first(self, theta: np.ndarray) -> np.ndarray:
        lag = np.arange(self.n_visits)
        return (toeplitz(lag) == lag[:, None, None]).astype(float)

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        covariance = pairwise_covariance(scatter, self.n_visits)
        sample = pairwise_correlation(covariance)
        return np.diag(covariance).mean() * np.r_[1.0, _geometric(sample)]


class HeterogeneousToeplitz(ScaledCorrelation):
    """toeph: R_st = rho_|s - t| over positions of planned visits, rho_1 .. rho_(T-1) free (SAS type=toeph)."""

    keyword = "toeph"
    description = "heterogeneous Toeplitz: a variance for each visit, a correlation for each lag"
    heterogeneous = True

    def correlation_names(self) -> tuple[str, ...]:
        return tuple(f"correlation(lag {lag})" for lag in range(1, self.n_visits))

    @property
    def working(self) -> Working:
        lags = self.n_visits - 1
        parts = (Elementwise(("log",) * self.n_visits), PartialAutocorrelations(lags))
        return Joined(parts, (self.n_visits, lags))

    def correlation(self, rho: Theta) -> Sigma:
        off_diagonal = 1 - np.eye(self.n_visits)
        position = (toeplitz(np.arange(self.n_visits)) - 1).clip(0)
        return rho[position] * off_diagonal + np.eye(self.n_visits)

    def correlation_first(self, rho: np.ndarray) -> np.ndarray:
        lag = toeplitz(np.arange(self.n_visits))
        return (lag == np.arange(1, self.n_visits)[:, None, None]).astype(float)

    def correlation_start(self, sample: np.ndarray) -> np.ndarray:
        return _geometric(sample)


def _geometric(sample: np.ndarray) -> np.ndarray:
    """Autocorrelations (T-1,) that decay from the sample's first; the sample's own need not be positive definite."""
    first = np.clip(np.mean(np.diag(sample, 1)), -0.9, 0.9)
    return first ** np.arange(1, len(sample))
