"""Heterogeneous Toeplitz covariance: a variance for each visit, a correlation for each lag."""

from __future__ import annotations

import numpy as np
from scipy.linalg import toeplitz

from msclong.covariance.scaled_correlation import ScaledCorrelation
from msclong.covariance.structure import Sigma, Theta


class HeterogeneousToeplitz(ScaledCorrelation):
    """toeph: R_st = rho_|s - t| over positions of planned visits, rho_1 .. rho_(T-1) free (SAS type=toeph)."""

    keyword = "toeph"
    description = "Toeplitz: a variance for each visit, a correlation for each lag"
    heterogeneous = True

    def correlation_names(self) -> tuple[str, ...]:
        return tuple(f"correlation(lag {lag})" for lag in range(1, self.n_visits))

    def correlation(self, rho: Theta) -> Sigma:
        off_diagonal = 1 - np.eye(self.n_visits)
        position = (toeplitz(np.arange(self.n_visits)) - 1).clip(0)
        return rho[position] * off_diagonal + np.eye(self.n_visits)

    def correlation_first(self, rho: np.ndarray) -> np.ndarray:
        lag = toeplitz(np.arange(self.n_visits))
        return (lag == np.arange(1, self.n_visits)[:, None, None]).astype(float)

    def correlation_start(self, sample: np.ndarray) -> np.ndarray:
        # A geometric decay is positive definite for any T; sample lag means need not be.
        first = np.clip(np.mean(np.diag(sample, 1)), 0.0, 0.9)
        return first ** np.arange(1, self.n_visits)
