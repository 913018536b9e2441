"""Covariance structures that a user might add, through the public classes alone."""

from __future__ import annotations

import numpy as np
from scipy.linalg import toeplitz

from msclong.covariance.scaled_correlation import ScaledCorrelation
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
