"""Covariance structures that a user might add, through the public classes alone."""

from __future__ import annotations

import numpy as np
from scipy.linalg import toeplitz

from msclong.covariance.scaled_correlation import ScaledCorrelation


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
