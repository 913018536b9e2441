"""Cholesky factors of many small matrices at once: matrices first, batch axes last, (t, t, ...).

Vector operations over the batch: for matrices of a few rows several times as fast as a call of LAPACK for each, and
a matrix that is not positive definite spoils no other.
"""

from __future__ import annotations

import numpy as np


def cholesky(matrices: np.ndarray) -> np.ndarray:
    """Lower factors of symmetric matrices (t, t, ...); NaN from the column on where one is not positive definite."""
    t = len(matrices)
    factor = np.zeros_like(matrices)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for j in range(t):
            column = matrices[j:, j] - (factor[j:, :j] * factor[j, :j]).sum(axis=1)
            column[0] = np.sqrt(np.where(column[0] > 0, column[0], np.nan))
            column[1:] /= column[0]
            factor[j:, j] = column
    return factor


def inverse_of_lower(factor: np.ndarray) -> np.ndarray:
    """Inverses of lower triangular matrices (t, t, ...)."""
    inverse = np.zeros_like(factor)
    for i in range(len(factor)):
        inverse[i, i] = 1 / factor[i, i]
        inverse[i, :i] = -(factor[i, :i, None] * inverse[:i, :i]).sum(axis=0) * inverse[i, i]
    return inverse
