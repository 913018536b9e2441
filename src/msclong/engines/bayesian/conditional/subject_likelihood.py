"""What a likelihood of subjects with their latent variables integrated out provides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.conditional.subject_rows import SubjectRows


class SubjectLikelihood(Protocol):
    """log p(y_i | beta, phi, theta) of n subjects, the latent effects integrated out.

    X : (N, p_m) by predictor, in the order of `rows`.
    """

    @property
    def rows(self) -> SubjectRows: ...
    @property
    def X(self) -> tuple[np.ndarray, ...]: ...
    @property
    def structure(self) -> CovarianceStructure: ...

    def log_likelihood(
        self,
        coefficients: tuple[np.ndarray, ...],
        phi: Mapping[str, np.ndarray],
        theta: np.ndarray,
        n_nodes: int | None = None,
    ) -> np.ndarray:
        """(S, n) of S draws: coefficients (S, p_m) by predictor, phi (S, size) each, theta (S, k).

        n_nodes : points where the integrand is evaluated, in each dimension of a quadrature (default: its own).
        """
        ...


@dataclass(frozen=True, eq=False)
class ByPoints:
    """What the likelihoods share whose nodes are quasi-random points of each subject.

    structure : reads what `rows` have as Z. rng : of points that every draw and subject has its own of, so that the
    likelihood of all is an unbiased estimate; without it all share theirs, and it is smooth.
    """

    rows: SubjectRows
    X: tuple[np.ndarray, ...]
    structure: CovarianceStructure
    rng: np.random.Generator | None = None
