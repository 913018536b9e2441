"""Covariance structures that a user might add, through the public classes alone."""

from __future__ import annotations

import numpy as np
from scipy.linalg import toeplitz

from msclong.covariance.scaled_correlation import ScaledCorrelation
from msclong.covariance.time_structure import TimeStructure
from msclong.covariance.unstructured import Unstructured


class Banded(ScaledCorrelation):
    """Correlated neighbours only; positive definite for part of (-1, 1)."""

    keyword = "banded"
    description = "a band"
    heterogeneous = False

    def correlation_names(self):
        return ("correlation(neighbours)",)

    def correlation(self, rho):
        return np.eye(self.n_visits) + rho[0] * self.correlation_first(None)[0]

    def correlation_first(self, rho):
        return toeplitz([0.0, 1.0, *[0.0] * (self.n_visits - 2)])[None]

    def correlation_start(self, sample):
        return np.array([0.2])


class HeterogeneousBanded(Banded):
    """The band with a variance for each visit."""

    keyword = "bandedh"
    heterogeneous = True


class Tapered(Unstructured):
    """Unstructured, with covariances halved for each visit between: a subclass with a meaning of its own."""

    keyword = "tapered"
    description = "unstructured, tapered by distance"

    @property
    def _taper(self):
        return 0.5 ** toeplitz(np.arange(self.n_visits))

    def grid(self, theta):
        return super().grid(theta) * self._taper

    def grid_first(self, theta):
        return super().grid_first(theta) * self._taper


class ExponentialWithNugget(TimeStructure):
    """Correlation falls with the time between observations, from less than one: each has its own measurement error."""

    keyword = "exp_nugget"
    description = "exponential decay plus nugget"
    parameters = {"variance": "variance", "range": "range", "nugget": "variance"}

    def kernel(self, theta, distance):
        return theta[0] * np.e ** (-distance / theta[1]) + theta[2] * np.eye(distance.shape[-1])

    def kernel_first(self, theta, distance):
        decay = np.exp(-distance / theta[1])
        same = np.broadcast_to(np.eye(distance.shape[-1]), distance.shape)
        return np.stack([decay, theta[0] * decay * distance / theta[1] ** 2, same])

    def kernel_second(self, theta, distance):
        slope = np.exp(-distance / theta[1]) * distance / theta[1] ** 2
        bend = theta[0] * slope * (distance / theta[1] - 2) / theta[1]
        zero = 0 * slope
        return np.stack([np.stack([zero, slope, zero]), np.stack([slope, bend, zero]), np.stack([zero] * 3)])
