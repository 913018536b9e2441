"""W, the covariance of the covariance parameters' estimate."""

from __future__ import annotations

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.engines.frequentist.optimize import Optimum

FLAT = 1e-9
"""Directions whose curvature is below this share of the largest are left out (they lie on the boundary)."""


def theta_covariance(structure: CovarianceStructure, optimum: Optimum, kind: str) -> np.ndarray:
    """Inverse of the observed or expected information of theta, (k, k), natural scale.

    Expected information is inverted as it stands, on the boundary too (R pbkrtest). Observed information is taken in
    working coordinates and carried over, W = J H^-1 J'. Inside the parameter space that is its inverse, since the
    gradient vanishes there; on the boundary a variance of zero has J = 0 and counts as known, as in R lmerTest.
    """
    parts = optimum.information
    if kind == "expected":
        J, H = np.eye(len(optimum.w)), parts.expected
    else:
        J = structure.working.jacobian(optimum.w)
        H = J.T @ parts.observed @ J + structure.working.curvature(optimum.w, parts.gradient) / 2
    scale = np.sqrt(np.abs(np.diag(H)))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(H / np.outer(scale, scale))
    keep = values > FLAT * values[-1]
    root = (J / scale) @ vectors[:, keep] / np.sqrt(values[keep])
    return root @ root.T
