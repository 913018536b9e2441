"""Variance times correlation: the form that the autoregressive, heterogeneous and Toeplitz structures share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from msclong.covariance.structure import Scatter, Sigma, Theta
from msclong.covariance.visit_structure import (
    VisitStructure,
    pairwise_correlation,
    pairwise_covariance,
    positive_variances,
)
from msclong.covariance.working import Elementwise, Working


class ScaledCorrelation(VisitStructure):
    """Sigma_st = sigma_s sigma_t R_st(rho); theta = (variances, correlations).

    One variance when `heterogeneous` is false, else one for each of the T visits (SAS's
    parameterisation of csh, ar1, ar1h, toeph and ante(1)). A subclass gives R and its derivatives.
    """

    heterogeneous: ClassVar[bool]
    several_maxima = True

    @abstractmethod
    def correlation_names(self) -> tuple[str, ...]:
        """Names of the correlation parameters."""

    @abstractmethod
    def correlation(self, rho: Theta) -> Sigma:
        """R, (T, T); NumPy or PyTensor."""

    @abstractmethod
    def correlation_first(self, rho: np.ndarray) -> np.ndarray:
        """dR / drho, (m, T, T)."""

    def correlation_second(self, rho: np.ndarray) -> np.ndarray:
        """d2R / drho drho', (m, m, T, T); zero where R is linear in rho."""
        return np.zeros((rho.size, rho.size, self.n_visits, self.n_visits))

    @abstractmethod
    def correlation_start(self, sample: np.ndarray) -> np.ndarray:
        """Start values of rho from the (T, T) sample correlations of residuals."""

    @property
    def n_variances(self) -> int:
        return self.n_visits if self.heterogeneous else 1

    @property
    def parameter_names(self) -> tuple[str, ...]:
        variances = (
            tuple(f"variance({v})" for v in self.visit_labels) if self.heterogeneous else ("variance",)
        )
        return variances + self.correlation_names()

    @property
    def working(self) -> Working:
        return Elementwise(("log",) * self.n_variances + ("atanh",) * len(self.correlation_names()))

    def grid(self, theta: Theta) -> Sigma:
        rho = theta[self.n_variances :]
        if not self.heterogeneous:
            return theta[0] * self.correlation(rho)
        sd = theta[: self.n_variances] ** 0.5
        return sd[:, None] * self.correlation(rho) * sd[None, :]

    def grid_first(self, theta: np.ndarray) -> np.ndarray:
        correlation, scale, log_slope = self._pieces(theta)
        by_variance = log_slope * (scale * correlation)
        by_rho = scale * self.correlation_first(theta[self.n_variances :])
        return np.concatenate([by_variance, by_rho])

    def grid_second(self, theta: np.ndarray) -> np.ndarray:
        correlation, scale, log_slope = self._pieces(theta)
        m, k = self.n_variances, theta.size
        rho = theta[m:]
        result = np.zeros((k, k, self.n_visits, self.n_visits))
        # d2 log(sigma_s sigma_t) / d(variance_i)^2 = -2 (d log / d variance_i) / (2 variance_i)
        result[:m, :m] = log_slope[:, None] * log_slope[None, :]
        result[range(m), range(m)] -= log_slope / theta[:m, None, None]
        result[:m, :m] *= scale * correlation
        mixed = log_slope[:, None] * (scale * self.correlation_first(rho))[None, :]
        result[:m, m:] = mixed
        result[m:, :m] = mixed.transpose(1, 0, 2, 3)
        result[m:, m:] = scale * self.correlation_second(rho)
        return result

    def _pieces(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """R (T, T); sigma_s sigma_t (T, T); d log(sigma_s sigma_t) / d variance_i (m, T, T)."""
        m, size = self.n_variances, self.n_visits
        correlation = self.correlation(theta[m:])
        if not self.heterogeneous:
            return correlation, np.full((size, size), theta[0]), np.full((1, size, size), 1 / theta[0])
        sd = np.sqrt(theta[:m])
        touches = np.eye(size)[:, :, None] + np.eye(size)[:, None, :]
        return correlation, np.outer(sd, sd), touches / (2 * theta[:m, None, None])

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        covariance = pairwise_covariance(scatter, self.n_visits)
        variances = positive_variances(covariance)
        rho = self.correlation_start(pairwise_correlation(covariance))
        return np.concatenate([variances if self.heterogeneous else [variances.mean()], rho])

    def scale(self, theta: np.ndarray, factor: float) -> np.ndarray:
        scaled = theta.copy()
        scaled[: self.n_variances] *= factor**2
        return scaled
