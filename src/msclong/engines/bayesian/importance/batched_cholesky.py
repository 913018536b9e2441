"""Cholesky factors of many small matrices at once: matrices first, batch axes last, (t, t, ...).

Vector operations over the batch: for matrices of a few rows several times as fast as a call of LAPACK for each, and
a matrix that is not positive definite spoils no other.
"""

from __future__ import annotations

import numpy as np


def cholesky(matrices: np.ndarray) -> np.ndarray:
    """Lower factors of symmetric matrices (t, t, ...), of which the lower triangle is read.

    NaN from the column on where one is not positive definite.
    """
    factor = np.zeros(matrices.shape)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for j in range(len(matrices)):
            column = factor[j:, j]
            np.einsum("ik...,k...->i...", factor[j:, :j], factor[j, :j], out=column)
            np.subtract(matrices[j:, j], column, out=column)
            column[0] = np.sqrt(np.where(column[0] > 0, column[0], np.nan))
            column[1:] /= column[0]
    return factor


def inverse_of_lower(factor: np.ndarray) -> np.ndarray:
    """Inverses of lower triangular matrices (t, t, ...)."""
    inverse = np.zeros(factor.shape)
    for i in range(len(factor)):
        inverse[i, i] = 1 / factor[i, i]
        np.einsum("k...,kj...->j...", factor[i, :i], inverse[:i, :i], out=inverse[i, :i])
        inverse[i, :i] *= -inverse[i, i]
    return inverse
