"""Which covariance parameters are estimated at the end of their range, where they have no standard error."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.maximum_likelihood import MaximumLikelihood
from msclong.engines.frequentist.theta_covariance import theta_covariance

AT_BOUND = 1e-6
"""An estimate nearer to its bound than this many standard errors lies on it."""


def expected_error(found: MaximumLikelihood) -> np.ndarray:
    """Standard errors (k,) by the expected information, which does not vanish together with a variance."""
    there = found.there
    W = there.theta @ theta_covariance(there.structure, found.optimum, "expected") @ there.theta.T
    return np.sqrt(np.diag(W).clip(0, None))


def on_boundary(found: MaximumLikelihood) -> np.ndarray:
    """(k,) bool: variances of zero, their covariances, and ranges of zero (or so long that nothing tells them)."""
    there, error = found.there, expected_error(found)
    theta = there.theta @ found.optimum.gls.theta
    none = (theta <= AT_BOUND * error) | (error == 0)
    return np.array(
        [
            none[i] if role.kind in ("variance", "range") else bool(none[list(role.variances)].any())
            for i, role in enumerate(there.structure.working.roles)
        ]
    )


def estimated(found: MaximumLikelihood, fixed: np.ndarray | None = None) -> np.ndarray:
    """theta (k,) of the design's structure in standardised units, its zeros exact.

    fixed : (k,) bool, those on the boundary; None finds them (`on_boundary`).
    """
    fixed = on_boundary(found) if fixed is None else fixed
    theta: np.ndarray = found.there.theta @ found.optimum.gls.theta
    is_range = np.array([role.kind == "range" for role in found.there.structure.working.roles])
    theta[fixed & ~is_range] = 0.0
    return theta
