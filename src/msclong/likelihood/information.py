"""Gradient, expected and observed information of theta, from the cross-moments in closed form."""

from __future__ import annotations

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.likelihood.block_derivatives import block_derivatives, block_second_products
from msclong.likelihood.crossed.gls import CrossedLeastSquares
from msclong.likelihood.crossed.information import crossed_information
from msclong.likelihood.derivatives import BlockDerivatives, Information
from msclong.likelihood.gls import BlockFit, GeneralisedLeastSquares
from msclong.likelihood.grid_derivatives import grid_derivatives, grid_second_products, is_wide
from msclong.likelihood.markov import MarkovFit


def information(
    structure: CovarianceStructure, gls: GeneralisedLeastSquares | CrossedLeastSquares, reml: bool
) -> Information:
    """Derivatives of the (restricted) log-likelihood at gls.theta.

    With P = V^-1 - V^-1 X Phi X' V^-1 (REML) the terms are tr(P V_j P V_k) and y' P V_j P V_k P y
    (Harville 1977; Lindstrom and Bates 1988), here summed over patterns: for REML
        expected_jk = [sum n tr(M E_j M E_k) - 2 tr(B E_j M E_k) + tr(P_j P_k)] / 2,
        observed_jk = -expected_jk + tr(S E_j M E_k) - v_j' v_k + tr((n M - B - S) E_jk) / 2,
    where B = sum of Z Z', S = sum of e e', v_j = sum of Z' E_j e; for ML, B = 0 and P_j drops out.
    """
    if isinstance(gls, CrossedLeastSquares):
        return crossed_information(gls, reml)
    k, p = gls.theta.size, gls.beta.size
    parts = [_of_block(structure, gls.theta, fit, reml) for fit in gls.blocks]
    total = BlockDerivatives(*(sum(rest, first) for first, *rest in zip(*parts, strict=True)))
    gradient = total.traces - np.einsum("kaa->k", total.products if reml else total.products[:, p:, p:])
    P, v = total.products[:, :p, :p], total.products[:, :p, p]
    expected = (total.model + total.model.T) / 4
    if reml:
        flat = P.reshape(k, -1)
        expected += flat @ flat.T / 2
    observed = -expected + (total.scatter + total.scatter.T) / 2 - v @ v.T + total.curvature / 2
    return Information(gradient, expected, observed, P)


def _of_block(
    structure: CovarianceStructure, theta: np.ndarray, fit: BlockFit | MarkovFit, reml: bool
) -> BlockDerivatives:
    if isinstance(fit, MarkovFit):
        return fit.derivatives(reml)
    if is_wide(structure, fit):
        return grid_derivatives(structure, theta, fit, reml)
    return block_derivatives(structure, theta, fit, reml)


def second_products(
    structure: CovarianceStructure, gls: GeneralisedLeastSquares, W: np.ndarray
) -> np.ndarray:
    """sum over j, k of W_jk Z' E_j M E_k Z, (p, p), for symmetric W (k, k)."""
    total = np.zeros_like(gls.C)
    for fit in gls.blocks:
        if isinstance(fit, MarkovFit):
            total += fit.second_products(W)
        elif is_wide(structure, fit):
            total += grid_second_products(structure, gls.theta, fit, W)
        else:
            total += block_second_products(structure, gls.theta, fit, W)
    return total
