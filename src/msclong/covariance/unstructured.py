"""Unstructured covariance: a variance for each visit and a covariance for each pair."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from msclong.covariance.structure import Scatter, Sigma, Theta
from msclong.covariance.visit_structure import VisitStructure, pairwise_covariance
from msclong.covariance.working import CholeskyFactor, Working, vech_names, vech_positions


class Unstructured(VisitStructure):
    """us: theta = vech(Sigma), T (T + 1) / 2 parameters, linear (SAS type=un)."""

    keyword = "us"
    description = "unstructured: a variance for each visit, a covariance for each pair of visits"
    linear = True

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return vech_names(self.visit_labels)

    @property
    def working(self) -> Working:
        return CholeskyFactor(self.n_visits)

    def grid(self, theta: Theta) -> Sigma:
        return theta[vech_positions(self.n_visits)]

    def grid_first(self, theta: np.ndarray) -> np.ndarray:
        return (vech_positions(self.n_visits) == np.arange(self.n_parameters)[:, None, None]).astype(float)

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        covariance = pairwise_covariance(scatter, self.n_visits)
        # Available pairs need not form a positive definite matrix: shrink towards the diagonal until they do.
        variances = np.diag(covariance).clip(1e-3 * np.diag(covariance).max(), None)
        for weight in (0.1, 0.3, 0.6, 1.0):
            shrunk = (1 - weight) * covariance + weight * np.diag(variances)
            np.fill_diagonal(shrunk, variances)
            if np.linalg.eigvalsh(shrunk / np.sqrt(np.outer(variances, variances)))[0] > 0.02:
                break
        return shrunk[np.tril_indices(self.n_visits)]
