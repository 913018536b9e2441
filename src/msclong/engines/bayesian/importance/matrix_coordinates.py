"""Coordinates of a covariance matrix in which its posterior is nearly normal: those of Bartlett's decomposition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_expit

from msclong.engines.bayesian.importance.batched_cholesky import inverse_of_lower


@dataclass(frozen=True, eq=False)
class MatrixCoordinates:
    """u (m (m + 1) / 2, S): logs l of a diagonal and elements b below it, row by row, around a Cholesky factor L0.

    Sigma = L L' with L = L0 B^-1 and B lower triangular, B_ii = exp(-l_i), B_ij = b_ij. Row i of L^-1 = B L0^-1 is the
    regression of visit i on earlier visits, over its residual SD. Where the precision matrix has a Wishart
    distribution, B_ii^2 are chi-square and b_ij normal, all independent (Bartlett 1933); with visits missing
    by dropout the rows stay independent.

    root : L0 (m, m). cholesky : whether the variables are Cholesky elements (log diagonal, below), else log standard
    deviations and logits of partial correlations, as in `covariance_from_partials`.
    """

    root: np.ndarray
    cholesky: bool

    def factor(self, u: np.ndarray) -> np.ndarray:
        """L, (m, m, S)."""
        m = len(self.root)
        B = np.zeros((m, m, u.shape[1]))
        B[range(m), range(m)] = np.exp(-u[:m])
        B[np.tril_indices(m, -1)] = u[m:]
        return np.einsum("ij,jk...->ik...", self.root, inverse_of_lower(B))

    def variables(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The variables' unconstrained coordinates v at u, of its shape, and log |dv / du|, (S,), up to a constant."""
        m = len(self.root)
        L = self.factor(u)
        below = np.tril_indices(m, -1)
        i = np.arange(1, m + 1)
        volume = (2 * m + 1 - i) @ u[:m]  # of Sigma in u
        if self.cholesky:
            log_diagonal = np.log(L[range(m), range(m)])
            return np.concatenate([log_diagonal, L[below]]), volume - (m + 2 - i) @ log_diagonal
        # tail_ij = sum over k >= j of L_ik^2: z_ij = L_ij / sqrt(tail_ij), and 1 - z_ij^2 is a ratio of tails.
        tail = np.cumsum(L[:, ::-1] ** 2, axis=1)[:, ::-1]
        log_sd = np.log(tail[:, 0]) / 2
        row, column = below
        z = np.abs(L[below]) / np.sqrt(tail[below])
        left = np.log(tail[row, column + 1]) - np.log(tail[below])
        logit = np.sign(L[below]) * (2 * np.log1p(z) - left)
        # R in the partial correlations: Lewandowski, Kurowicka and Joe (2009), section 2.3; these in their logits.
        into = (m + 1) * log_sd.sum(axis=0) + ((m - 2 - column) / 2) @ left
        into += (log_expit(logit) + log_expit(-logit)).sum(axis=0)
        return np.concatenate([log_sd, logit]), volume - into


def factor_of_variables(v: np.ndarray, size: int, cholesky: bool) -> np.ndarray:
    """The Cholesky factor L (size, size) that unconstrained variables v (k,) stand for."""
    below = np.tril_indices(size, -1)
    L = np.eye(size)
    if cholesky:
        L[below] = v[size:]
        L[range(size), range(size)] = np.exp(v[:size])
        return L
    left = np.ones(size)
    z = np.zeros((size, size))
    z[below] = np.tanh(v[size:] / 2)
    for j in range(size):
        L[:, j] = left * np.where(np.arange(size) == j, 1.0, z[:, j])
        left = left * np.sqrt(1 - z[:, j] ** 2)
    return np.exp(v[:size])[:, None] * np.tril(L)
