"""Best linear unbiased prediction of Gaussian quantities from correlated observations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDING = 1e-10
"""What is left of a variance or a covariate is nothing below this share of it: rounding, and V's condition."""


@dataclass(frozen=True, eq=False)
class Kriging:
    """Prediction of m targets of each of P units from their t observations.

    weights : (P, m, t), c V^-1. explained : (P, m), the diagonal of c V^-1 c', by which the observations reduce
    the targets' variances.
    """

    weights: np.ndarray
    explained: np.ndarray


def kriging(V: np.ndarray, c: np.ndarray) -> Kriging:
    """From V (P, t, t), covariance of the observations, and c (P, m, t), of the targets with them.

    A target with prior mean x'beta and variance s is predicted by x'beta + w (y - X beta), w its weights, with
    prediction error variance s - w c' + d Phi d', d = x - w X and Phi = Var(beta): Henderson (1975), Biometrics 31:423;
    universal kriging (Goldberger 1962, JASA 57:369).
    """
    root = np.linalg.cholesky(V)
    half = np.linalg.solve(root, c.transpose(0, 2, 1))
    weights = np.linalg.solve(root.transpose(0, 2, 1), half).transpose(0, 2, 1)
    return Kriging(weights, np.sum(half**2, axis=1))


def remainder(whole: np.ndarray, part: np.ndarray, size: np.ndarray) -> np.ndarray:
    """whole - part, zero where they agree but for rounding of quantities of this `size`."""
    left = whole - part
    return np.where(np.abs(left) <= ROUNDING * size, 0.0, left)
