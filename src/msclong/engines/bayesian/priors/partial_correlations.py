"""Covariance matrices from standard deviations and canonical partial correlations, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from msclong.covariance.working import unvech


def covariance_from_partials(sd: Any, partial: Any, size: int, xp: Any) -> Any:
    """vech of D R D from `size` standard deviations and the canonical partial correlations below them, row by row."""
    return vech_of_square(factor_from_partials(sd, partial, size, xp), size)


def vech_of_square(root: Any, size: int) -> Any:
    """vech of A A' from A (size, size)."""
    row, column = np.tril_indices(size)
    return (root[row] * root[column]).sum(axis=1)


def factor_from_partials(sd: Any, partial: Any, size: int, xp: Any) -> Any:
    """The Cholesky factor of D R D, (size, size).

    Row i of R's Cholesky factor is z_i1, z_i2 sqrt(1 - z_i1^2), ... (Lewandowski, Kurowicka and Joe 2009, section 2).
    """
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    below = i > j
    position = np.where(below, i * (i - 1) // 2 + j, 0)
    z = partial[position] * below + np.eye(size)
    left = np.ones(size)
    columns = []
    for m in range(size):
        columns.append(z[:, m] * left * (np.arange(size) >= m))
        left = left * (1 - (z[:, m] * (np.arange(size) > m)) ** 2) ** 0.5
    return sd[:, None] * xp.stack(columns, axis=1)


def partials_from_covariance(theta: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `covariance_from_partials` for S rows: standard deviations (S, size), partial correlations."""
    sigma = unvech(theta.T, size).transpose(2, 0, 1)
    sd = np.sqrt(np.einsum("sii->si", sigma))
    factor = np.linalg.cholesky(sigma / (sd[:, :, None] * sd[:, None, :]))
    left = np.sqrt((1 - np.cumsum(factor**2, axis=2) + factor**2).clip(0, None))  # of row i before column j
    row, column = np.tril_indices(size, -1)
    return sd, factor[:, row, column] / left[:, row, column]
