"""Unstructured covariance: a variance for each visit and a covariance for each pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from msclong.covariance.structure import Recoordinated, Scatter, Sigma, Theta
from msclong.covariance.visit_structure import (
    VisitStructure,
    pairwise_correlation,
    pairwise_covariance,
    positive_variances,
)
from msclong.covariance.working import (
    CholeskyFactor,
    Working,
    congruence,
    lower_triangle,
    unvech,
    vech_names,
    vech_positions,
)


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

    def recoordinated(self, scatter: Sequence[Scatter]) -> Recoordinated:
        if type(self) is not Unstructured:  # a subclass may mean something else by theta
            return super().recoordinated(scatter)
        # Where the start value is the identity, Sigma is about the identity and no digits are lost in its inverse.
        basis = np.linalg.cholesky(unvech(self.start(scatter), self.n_visits))
        return Recoordinated(UnstructuredInBasis(self.visits, basis), np.eye(1), congruence(basis))

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        covariance = pairwise_covariance(scatter, self.n_visits)
        # Available pairs need not form a positive definite matrix: shrink towards the diagonal until they do.
        variances = positive_variances(covariance)
        for weight in (0.1, 0.3, 0.6, 1.0):
            shrunk = (1 - weight) * covariance + weight * np.diag(variances)
            np.fill_diagonal(shrunk, variances)
            if np.linalg.eigvalsh(pairwise_correlation(shrunk))[0] > 0.02:
                break
        return shrunk[lower_triangle(self.n_visits)]


@dataclass(frozen=True, eq=False)
class UnstructuredInBasis(Unstructured):
    """Sigma = B S B' with theta = vech(S): every covariance again, around the identity where B B' is near Sigma."""

    basis: np.ndarray

    def grid(self, theta: Theta) -> Sigma:
        return self.basis @ super().grid(theta) @ self.basis.T

    def grid_first(self, theta: np.ndarray) -> np.ndarray:
        return self.basis @ super().grid_first(theta) @ self.basis.T

    def congruent_first(self, theta: np.ndarray, coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.basis[coords[:, :, 0].astype(np.intp)], super().grid_first(theta)[:, None]

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        return np.eye(self.n_visits)[lower_triangle(self.n_visits)]

    def centred(self, theta: np.ndarray) -> Recoordinated | None:
        try:
            root = np.linalg.cholesky(unvech(theta, self.n_visits))
        except np.linalg.LinAlgError:  # singular to rounding: no coordinates are better
            return None
        return Recoordinated(UnstructuredInBasis(self.visits, self.basis @ root), np.eye(1), congruence(root))
