"""Spatial covariance over time: correlation falls with the time between observations."""

from __future__ import annotations

import numpy as np

from msclong.covariance.markov_chain import MarkovChain
from msclong.covariance.structure import Sigma, Theta
from msclong.covariance.time_structure import TimeStructure


class SpatialExponential(TimeStructure):
    """sp_exp: Sigma_st = sigma^2 exp(-d / range), d = |time_s - time_t| (SAS type=sp(exp)).

    R mmrm's sp_exp is the same family with rho = exp(-1 / range), nlme's corExp and corCAR1 too.
    """

    keyword = "sp_exp"
    description = "spatial exponential: one variance, correlation exp(-d / range) at distance d in time"
    parameters = {"variance": "variance", "range": "range"}
    power = 1
    """Correlation is exp(-(d / range)^power)."""

    @property
    def is_chain(self) -> bool:
        return type(self) is SpatialExponential  # a subclass may have another kernel

    def chain(self, theta: np.ndarray, coords: np.ndarray) -> MarkovChain:
        variance, length = theta
        gap = np.diff(coords[:, :, 0], axis=1, prepend=np.nan) / length
        gap[:, 0] = np.inf  # the first depends on none
        slope = np.exp(-gap)
        distant = np.where(np.isinf(gap), 0.0, gap)
        by_length = slope * distant / length
        bend = by_length * (distant - 2) / length
        left = -np.expm1(-2 * gap)
        first = -slope * by_length / left
        second = -(by_length**2 + slope * bend) / left - 2 * first**2
        none = np.zeros_like(slope)
        return MarkovChain(
            slope=slope,
            log_sd=(np.log(variance) + np.log(left)) / 2,
            variance=none + variance,
            slope_first=np.stack([none, by_length]),
            log_sd_first=np.stack([none + 0.5 / variance, first]),
            slope_second=np.stack([[none, none], [none, bend]]),
            log_sd_second=np.stack([[none - 0.5 / variance**2, none], [none, second]]),
        )

    def kernel(self, theta: Theta, distance: np.ndarray) -> Sigma:
        decay = -((distance / theta[1]) ** self.power)
        return theta[0] * (np.exp(decay) if isinstance(decay, np.ndarray) else np.e**decay)

    def kernel_first(self, theta: np.ndarray, distance: np.ndarray) -> np.ndarray:
        correlation, slope, _ = self._correlation(theta[1], distance)
        return np.stack([correlation, theta[0] * slope])

    def kernel_second(self, theta: np.ndarray, distance: np.ndarray) -> np.ndarray:
        _, slope, bend = self._correlation(theta[1], distance)
        return np.stack([np.stack([0 * slope, slope]), np.stack([slope, theta[0] * bend])])

    def _correlation(self, length: float, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The correlation and its first two derivatives in the range."""
        decay = (distance / length) ** self.power
        correlation = np.exp(-decay)
        slope = correlation * decay * self.power / length
        bend = slope * (self.power * decay - self.power - 1) / length
        return correlation, slope, bend


class SpatialGaussian(SpatialExponential):
    """sp_gau: Sigma_st = sigma^2 exp(-d^2 / range^2) (SAS type=sp(gau)).

    R mmrm's sp_gau is the same family with rho = exp(-1 / range^2).
    """

    keyword = "sp_gau"
    description = "spatial Gaussian: one variance, correlation exp(-d^2 / range^2) at distance d in time"
    power = 2
