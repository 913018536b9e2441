"""Compound symmetry: every pair of visits alike, with one variance (cs) or one for each visit (csh)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from msclong.covariance.scaled_correlation import ScaledCorrelation
from msclong.covariance.structure import Scatter, Sigma, Theta
from msclong.covariance.visit_structure import VisitStructure, pairwise_covariance
from msclong.covariance.working import Elementwise, Working


class CompoundSymmetry(VisitStructure):
    """cs: Sigma = c J + r I with theta = (c, r), linear (SAS type=cs). c may be negative."""

    keyword = "cs"
    description = "compound symmetric: one variance, one covariance for every pair of visits"
    linear = True

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return ("covariance", "residual variance")

    @property
    def working(self) -> Working:
        return Elementwise(("identity", "log"))

    def grid(self, theta: Theta) -> Sigma:
        return theta[0] * np.ones((self.n_visits, self.n_visits)) + theta[1] * np.eye(self.n_visits)

    def grid_first(self, theta: np.ndarray) -> np.ndarray:
        return np.stack([np.ones((self.n_visits, self.n_visits)), np.eye(self.n_visits)])

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        covariance = pairwise_covariance(scatter, self.n_visits)
        variance = float(np.mean(np.diag(covariance)))
        pairs = covariance[np.tril_indices(self.n_visits, -1)]
        common = float(np.clip(pairs.mean(), 0.0, 0.9 * variance))
        return np.array([common, variance - common])


class HeterogeneousCompoundSymmetry(ScaledCorrelation):
    """csh: one correlation for every pair of visits, a variance for each visit (SAS type=csh)."""

    keyword = "csh"
    description = (
        "heterogeneous compound symmetric: a variance for each visit, "
        "one correlation for every pair of visits"
    )
    heterogeneous = True

    def correlation_names(self) -> tuple[str, ...]:
        return ("correlation",)

    def correlation(self, rho: Theta) -> Sigma:
        return rho[0] * (1 - np.eye(self.n_visits)) + np.eye(self.n_visits)

    def correlation_first(self, rho: np.ndarray) -> np.ndarray:
        return (1 - np.eye(self.n_visits))[None]

    def correlation_start(self, sample: np.ndarray) -> np.ndarray:
        # Positive definite above -1 / (T - 1).
        pairs = sample[np.tril_indices(self.n_visits, -1)]
        return np.array([np.clip(pairs.mean(), -0.9 / (self.n_visits - 1), 0.9)])
