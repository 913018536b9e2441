"""Gradient, expected and observed information of theta, from the cross-moments in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.likelihood.gls import BlockFit, GeneralisedLeastSquares


@dataclass(frozen=True, eq=False)
class Information:
    """Derivatives of the log-likelihood at theta, k parameters.

    gradient : (k,) of minus twice the log-likelihood. expected, observed : (k, k) information, that is
    minus the expected and the actual second derivatives of the log-likelihood.
    P : (k, p, p) matrices C' (X' M E_j M X) C, with E_j = dSigma / dtheta_j and C C' = Phi. Phi's own
    derivative is C P_j C': small-sample inference needs no more.
    """

    gradient: np.ndarray
    expected: np.ndarray
    observed: np.ndarray
    P: np.ndarray


def information(structure: CovarianceStructure, gls: GeneralisedLeastSquares, reml: bool) -> Information:
    """Derivatives of the (restricted) log-likelihood at gls.theta.

    With P = V^-1 - V^-1 X Phi X' V^-1 (REML) the terms are tr(P V_j P V_k) and y' P V_j P V_k P y
    (Harville 1977; Lindstrom and Bates 1988), here summed over patterns: for REML
        expected_jk = [sum n tr(M E_j M E_k) - 2 tr(B E_j M E_k) + tr(P_j P_k)] / 2,
        observed_jk = -expected_jk + tr(S E_j M E_k) - v_j' v_k + tr((n M - B - S) E_jk) / 2,
    where B = sum of Z Z', S = sum of e e', v_j = sum of Z' E_j e; for ML, B = 0 and P_j drops out.
    """
    k, p = gls.theta.size, gls.beta.size
    gradient = np.zeros(k)
    trace_model, trace_scatter = np.zeros((k, k)), np.zeros((k, k))
    curvature = np.zeros((k, k))
    products = np.zeros((k, p + 1, p + 1))
    for fit in gls.blocks:
        coords, n = fit.block.coords, fit.block.n
        E = structure.first(gls.theta, coords)
        B, S = _scatter(fit)
        weighted = n[:, None, None] * fit.M
        gradient += np.einsum("kpab,pab->k", E, weighted - S - (B if reml else 0))
        ME = _flat(fit.M @ E, transpose=True)
        trace_model += _flat((weighted - 2 * B if reml else weighted) @ E) @ ME.T
        trace_scatter += _flat(S @ E) @ ME.T
        products += _row_products(fit, E)
        curvature += structure.second_contracted(gls.theta, coords, weighted - S - (B if reml else 0))
    P, v = products[:, :p, :p], products[:, :p, p]
    expected = (trace_model + trace_model.T) / 4
    if reml:
        flat = P.reshape(k, -1)
        expected += flat @ flat.T / 2
    observed = -expected + (trace_scatter + trace_scatter.T) / 2 - v @ v.T + curvature / 2
    return Information(gradient, expected, observed, P)


def _scatter(fit: BlockFit) -> tuple[np.ndarray, np.ndarray]:
    """B and S, (P, t, t): sums over the rows of each pattern of Z Z' and of e e'."""
    starts = np.searchsorted(fit.block.pattern, np.arange(len(fit.block.n)))
    B = np.add.reduceat(fit.Z @ fit.Z.transpose(0, 2, 1), starts)
    S = np.add.reduceat(fit.e[:, :, None] * fit.e[:, None, :], starts)
    return B, S


def _row_products(fit: BlockFit, E: np.ndarray) -> np.ndarray:
    """sum over rows of [Z, e]' E_j [Z, e], (k, p + 1, p + 1), by whichever order of summation costs less."""
    columns = np.concatenate([fit.Z, fit.e[:, :, None]], axis=2)
    R, t, q = columns.shape
    k, patterns = E.shape[0], E.shape[1]
    through_rows = k * R * t * q * (t + q)
    through_squares = (R + k * patterns) * (t * q) ** 2
    result = np.zeros((k, q, q))
    if through_rows <= through_squares:
        flat = columns.reshape(R * t, q)
        for j in range(k):
            result[j] = (E[j][fit.block.pattern] @ columns).reshape(R * t, q).T @ flat
        return result
    ends = np.searchsorted(fit.block.pattern, np.arange(patterns + 1))
    for i in range(patterns):
        rows = columns[ends[i] : ends[i + 1]].reshape(-1, t * q)
        square = (rows.T @ rows).reshape(t, q, t, q).transpose(0, 2, 1, 3).reshape(t * t, q * q)
        result += (E[:, i].reshape(k, t * t) @ square).reshape(k, q, q)
    return result


def _flat(matrices: np.ndarray, transpose: bool = False) -> np.ndarray:
    """(k, P, t, t) as (k, P t t), each matrix transposed first if asked: products of rows are then traces."""
    chosen = matrices.transpose(0, 1, 3, 2) if transpose else matrices
    return chosen.reshape(matrices.shape[0], -1)
