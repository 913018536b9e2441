"""What a grid of patterns adds to the derivatives of the likelihood, where there are many parameters.

Every term is a sum over pairs of elements of Sigma, with numbers that do not depend on the structure: these are summed
over the patterns first, by a few large products, and dSigma / dtheta enters once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.likelihood.block_derivatives import columns, curvature
from msclong.likelihood.derivatives import BlockDerivatives
from msclong.likelihood.gls import BlockFit
from msclong.likelihood.grid import GridBlock, by_pattern

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LARGE = 100_000
"""Elements of dSigma / dtheta from which on its zeros are left out."""


def is_wide(structure: CovarianceStructure, fit: BlockFit) -> bool:
    """Whether this way is the shorter one: parameters outnumber the grid's points."""
    return isinstance(fit.block, GridBlock) and structure.n_parameters > fit.block.t


def grid_derivatives(
    structure: CovarianceStructure, theta: np.ndarray, fit: BlockFit, reml: bool
) -> BlockDerivatives:
    """As `block_derivatives`, for a GridBlock of D points.

    sum of tr(A E_j M E_k) = E_j' K E_k over vec E, K = sum of A (x) M, (D^2, D^2); and V' E_j V = sum over a, b of
    E_j[a, b] V_a' V_b, from the one product of all rows with themselves.
    """
    V, M, E = _congruent(structure, theta, fit)
    squares = V @ V.transpose(0, 2, 1)
    S = by_pattern(V[..., -1:] * V[:, None, :, -1], fit.block)
    A = fit.block.n[:, None, None] * M
    if reml:
        A = A - 2 * (by_pattern(squares, fit.block) - S)
    flat = _flat(E)
    return BlockDerivatives(
        model=_chained(flat, _kronecker(A, M)),
        scatter=_chained(flat, _kronecker(S, M)),
        products=_products(E, V),
        traces=flat @ np.tensordot(fit.block.n.astype(float), M, axes=1).reshape(-1),
        curvature=curvature(structure, theta, fit, columns(fit), reml),
    )


def grid_second_products(
    structure: CovarianceStructure, theta: np.ndarray, fit: BlockFit, W: np.ndarray
) -> np.ndarray:
    """sum over j, k of W_jk Z' E_j M E_k Z, (p, p)."""
    V, M, E = _congruent(structure, theta, fit)
    D, p = E.shape[1], V.shape[2] - 1
    flat = _flat(E)
    pairs = (flat.T @ (flat.T @ W).T).reshape(D, D, D, D).transpose(1, 2, 0, 3).reshape(D * D, D * D)
    middle = (M.reshape(-1, D * D) @ pairs).reshape(-1, D, D)
    Z = V[..., :p]
    return Z.reshape(-1, p).T @ (middle[fit.block.pattern] @ Z).reshape(-1, p)


def _congruent(
    structure: CovarianceStructure, theta: np.ndarray, fit: BlockFit
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """B' V (R, s, q), B' M B (P, s, s) and U (k, s, s), where dSigma / dtheta_j = B U_j B'."""
    B, U = structure.congruent_first(theta, fit.block.coords)
    V = columns(fit)
    if B is None:
        return V, fit.M, U[:, 0]
    return B[0].T @ V, B[0].T @ fit.M @ B[0], U[:, 0]


def _flat(E: np.ndarray) -> np.ndarray | csr_array:
    """(k, D, D) as (k, D^2)."""
    flat = E.reshape(len(E), -1)
    if flat.size <= LARGE or 10 * np.count_nonzero(flat) >= flat.size:
        return flat
    from scipy.sparse import csr_array

    return csr_array(flat)


def _kronecker(A: np.ndarray, M: np.ndarray) -> np.ndarray:
    """K[(a, b), (c, d)] = sum over patterns of A[a, d] M[b, c], for symmetric A and M (P, D, D)."""
    D = A.shape[1]
    sums = A.reshape(-1, D * D).T @ M.reshape(-1, D * D)
    return sums.reshape(D, D, D, D).transpose(0, 2, 3, 1).reshape(D * D, D * D)


def _chained(flat: np.ndarray | csr_array, K: np.ndarray) -> np.ndarray:
    """flat K flat'."""
    result: np.ndarray = (flat @ (flat @ K).T).T
    return result


def _products(E: np.ndarray, V: np.ndarray) -> np.ndarray:
    """sum over rows of V' E_j V, (k, q, q), for V (R, D, q)."""
    R, D, q = V.shape
    rows = V.reshape(R, D * q)
    squares = (rows.T @ rows).reshape(D, q, D, q)
    j, a, b = np.nonzero(E)
    if len(j) > 2 * D * D:
        return (E.reshape(len(E), -1) @ squares.transpose(0, 2, 1, 3).reshape(D * D, q * q)).reshape(-1, q, q)
    result = np.zeros((len(E), q, q))
    np.add.at(result, j, E[j, a, b][:, None, None] * squares[a, :, b])
    return result
