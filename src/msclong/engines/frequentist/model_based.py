"""What the small-sample methods share: beta's covariance and how its model-based form moves with theta."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.design.design import Design
from msclong.engines.frequentist.sandwich import Sandwich
from msclong.errors import HypothesisError
from msclong.likelihood.gls import GeneralisedLeastSquares
from msclong.likelihood.standardised import Standardised
from msclong.results.wald import wald_statistic

SINGULAR = 1e-10
"""Least variance of a combination of tested rows, in units of its model-based one, that counts as more than zero."""


@dataclass(frozen=True, eq=False)
class ModelBased:
    """beta's covariance at the optimum, in the analyst's units.

    C : (p, p) with C C' = Phi = (X' V^-1 X)^-1.
    P : (k, p, p), C P_j C' = dPhi / dtheta_j for the k covariance parameters.
    W : (k, k) covariance of theta's estimate.
    structure, gls : Sigma(theta) and the fit at the optimum; theta, P and W in the units of `standardised`.
    design : what was fitted. robust : the sandwich estimate where one was asked for, else None.
    """

    C: np.ndarray
    P: np.ndarray
    W: np.ndarray
    structure: CovarianceStructure
    gls: GeneralisedLeastSquares
    standardised: Standardised
    design: Design
    robust: Sandwich | None = None

    @property
    def phi(self) -> np.ndarray:
        return self.C @ self.C.T

    @property
    def vcov(self) -> np.ndarray:
        """The covariance of beta to use, (p, p): the sandwich, or Phi."""
        return self.phi if self.robust is None else self.C @ self.robust.middle @ self.C.T

    def wald(self, beta: np.ndarray, L: np.ndarray) -> float:
        """The Wald statistic of L beta = 0 by `vcov`; raises HypothesisError where a sandwich cannot give one."""
        if self.robust is not None:
            basis = np.linalg.qr((L @ self.C).T)[0]
            if np.linalg.eigvalsh(basis.T @ self.robust.middle @ basis)[0] < SINGULAR:
                raise HypothesisError(
                    f"The sandwich covariance of these {len(L)} rows is singular: too few subjects for so many. Test "
                    "fewer rows together, or use vcov='model'."
                )
        return wald_statistic(beta, self.vcov, L)
