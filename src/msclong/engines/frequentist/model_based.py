"""What the small-sample methods share: beta's model-based covariance and how it moves with theta."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.likelihood.gls import GeneralisedLeastSquares


@dataclass(frozen=True, eq=False)
class ModelBased:
    """beta's covariance at the optimum, in the analyst's units.

    C : (p, p) with C C' = Phi = (X' V^-1 X)^-1.
    P : (k, p, p), C P_j C' = dPhi / dtheta_j for the k covariance parameters.
    W : (k, k) covariance of theta's estimate. n_obs : N.
    structure, gls : Sigma(theta) and the fit at the optimum; theta, P and W in its standardised units.
    """

    C: np.ndarray
    P: np.ndarray
    W: np.ndarray
    n_obs: int
    structure: CovarianceStructure
    gls: GeneralisedLeastSquares

    @property
    def phi(self) -> np.ndarray:
        return self.C @ self.C.T
