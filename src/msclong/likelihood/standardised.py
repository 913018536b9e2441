"""A change of units that makes the numerics independent of the analyst's: orthonormal X, residual y, unit scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.linalg import solve_triangular

from msclong.design.cross_moments import CrossMoments
from msclong.design.crossed_moments import AnyMoments
from msclong.errors import DesignError


@dataclass(frozen=True, eq=False)
class Standardised:
    """Moments of [X R^-1, (y - X b) / s], where X = QR, b is ordinary least squares and s its residual SD.

    With orthonormal columns the normal equations are as well conditioned as Sigma itself; with the residual in
    place of y no sum of squares cancels; with s, tolerances carry no unit of the outcome.
    """

    moments: CrossMoments
    triangle: np.ndarray
    ols: np.ndarray
    scale: float

    @property
    def back(self) -> np.ndarray:
        """R^-1 (p, p): coefficients of X from s times those of X R^-1."""
        return solve_triangular(self.triangle, np.eye(len(self.ols)))

    def coefficients(self, gamma: np.ndarray) -> np.ndarray:
        """beta in the analyst's units from gamma, the coefficients of the standardised problem; last axis p."""
        return self.ols + self.scale * gamma @ self.back.T

    def log_likelihood_shift(self, reml: bool) -> float:
        """What to add to the log-likelihood of the standardised problem to have that of y given X."""
        n, p = self.moments.n_obs, len(self.ols)
        if not reml:
            return -n * np.log(self.scale)
        return float(-(n - p) * np.log(self.scale) - np.sum(np.log(np.abs(np.diag(self.triangle)))))


def standardise(moments: AnyMoments) -> Standardised:
    """Standardise cross-moments; raises DesignError when the mean fits every outcome without error."""
    p = moments.n_fixed
    total = moments.total()
    triangle, projection = total[:p, :p], total[:p, p]
    ols = solve_triangular(triangle, projection)
    residual_ss = total[p, p] ** 2
    outcome_ss = projection @ projection + residual_ss
    if residual_ss <= 1e-20 * outcome_ss:
        raise DesignError(
            f"The fixed part reproduces every value of {moments.names[-1]!r} exactly, so there is no "
            "variation left to model. Is the outcome constant, or a copy of a covariate?"
        )
    scale = float(np.sqrt(residual_ss / (moments.n_obs - p)))
    transform = np.zeros((p + 1, p + 1))
    transform[:p, :p] = solve_triangular(triangle, np.eye(p))
    transform[:p, p] = -ols / scale
    transform[p, p] = 1 / scale
    standardised = cast(CrossMoments, moments.linear_map(transform))  # or CrossedMoments, as they were
    return Standardised(standardised, triangle, ols, scale)
