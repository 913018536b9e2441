"""Numbers that the compiled code and its callers share."""

from __future__ import annotations

CONVERGED, SINGULAR, LEFT, DEGENERATE = range(4)
"""Status of a replicate: a maximum inside; one on the boundary; left to the ordinary engine; without a maximum, for too
few subjects were seen together at some visits for an unstructured covariance."""

NONE, INDEPENDENT, DIAGONAL, CS, CSH, AR1, AR1H = range(7)
"""Residual structures beside the blocks Z L L' Z'."""

OBSERVED, EXPECTED = 0, 1
"""Which information is asked for."""

SAFE = 1e-6
"""Least eigenvalue (a lower bound of it) of a Hessian with unit diagonal for which a plain Cholesky factor serves."""

NEAR = 1e-5
"""Least variance, in units of the residual one, from which on none is taken for zero."""

CORRELATED = 2e3
"""Sigma_ss (Sigma^-1)_ss of visits so correlated that sums of squares lose digits: the ordinary engine's."""
