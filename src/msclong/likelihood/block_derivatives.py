"""What one block of patterns adds to the derivatives of the likelihood."""

from __future__ import annotations

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.likelihood.derivatives import BlockDerivatives
from msclong.likelihood.gls import BlockFit
from msclong.likelihood.grid import GridBlock, at_rows, by_pattern


def block_derivatives(
    structure: CovarianceStructure, theta: np.ndarray, fit: BlockFit, reml: bool
) -> BlockDerivatives:
    """By E_j V of every row: for few parameters, or patterns that share nothing."""
    block, V = fit.block, columns(fit)
    k, q = theta.size, V.shape[2]
    p = q - 1
    E = structure.first(theta, block.coords)
    EV = at_rows(E, block.pattern) @ V
    MEV = at_rows(fit.M, block.pattern) @ EV
    ME = fit.M @ E
    weighted = ME if (block.n == 1).all() else block.n[:, None, None] * ME
    model = weighted.reshape(k, -1) @ ME.transpose(0, 1, 3, 2).reshape(k, -1).T
    if reml:
        model -= 2 * EV[..., :p].reshape(k, -1) @ MEV[..., :p].reshape(k, -1).T
    return BlockDerivatives(
        model=model,
        scatter=EV[..., p].reshape(k, -1) @ MEV[..., p].reshape(k, -1).T,
        products=V.reshape(-1, q).T @ EV.reshape(k, -1, q),
        traces=np.einsum("kpaa->k", weighted),
        curvature=curvature(structure, theta, fit, V, reml),
    )


def columns(fit: BlockFit) -> np.ndarray:
    """V = [Z, e], (R, t, p + 1)."""
    return np.concatenate([fit.Z, fit.e[:, :, None]], axis=2)


def curvature(
    structure: CovarianceStructure, theta: np.ndarray, fit: BlockFit, V: np.ndarray, reml: bool
) -> np.ndarray:
    """tr((n M - B - S) E_jk), (k, k)."""
    if structure.linear:
        return np.zeros((theta.size, theta.size))
    rows = V if reml else V[..., -1:]
    weight = fit.block.n[:, None, None] * fit.M - by_pattern(rows @ rows.transpose(0, 2, 1), fit.block)
    if isinstance(fit.block, GridBlock):
        weight = weight.sum(axis=0, keepdims=True)
    return structure.second_contracted(theta, fit.block.coords, weight)


def block_second_products(
    structure: CovarianceStructure, theta: np.ndarray, fit: BlockFit, W: np.ndarray
) -> np.ndarray:
    """sum over j, k of W_jk Z' E_j M E_k Z, (p, p), by E_j Z of every row."""
    k, p = theta.size, fit.Z.shape[2]
    EZ = at_rows(structure.first(theta, fit.block.coords), fit.block.pattern) @ fit.Z
    MEZ = at_rows(fit.M, fit.block.pattern) @ EZ
    combined = (W @ MEZ.reshape(k, -1)).reshape(-1, p)
    return EZ.reshape(-1, p).T @ combined
