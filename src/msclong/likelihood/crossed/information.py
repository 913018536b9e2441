"""Derivatives of the (restricted) likelihood of crossed and nested random effects."""

from __future__ import annotations

import numpy as np

from msclong.likelihood.crossed.gls import CrossedLeastSquares
from msclong.likelihood.crossed.traces import own_traces, square_traces
from msclong.likelihood.derivatives import Information


def second_products(gls: CrossedLeastSquares) -> np.ndarray:
    """w'V^-1 V_j V^-1 V_k V^-1 w, (k, k, p + 1, p + 1), with w = [X C, y - X beta] and V_j = dV / dtheta_j.

    Of effects from Z'V^-1 Z; those of the residual variance because sum of theta_j V_j = V.
    """
    k, width = gls.theta.size, gls.own.shape[0]
    products, residual = gls.factor.products, gls.moments.effects.residual
    stack = _moved(gls)
    effects = [j for j in range(k) if j != residual]
    first = np.concatenate([stack[j][0] for j in effects], axis=2)
    rest = np.concatenate([stack[j][1] for j in effects], axis=1)
    g_first, g_rest = products.product(first, rest)
    b_first, b_rest, _ = gls.factor.solve(g_first, g_rest)
    back_first, back_rest = products.product(b_first, b_rest)
    flat, moved = (
        np.concatenate([x.reshape(-1, x.shape[2]), y])
        for x, y in (((first), (rest)), (g_first - back_first, g_rest - back_rest))
    )
    gram = (flat.T @ moved / gls.sigma2).reshape(len(effects), width, len(effects), width)
    result = np.zeros((k, k, width, width))
    result[np.ix_(effects, effects)] = gram.transpose(0, 2, 1, 3)
    singles = first_products(gls)
    for j in effects:
        mixed = singles[j] - np.einsum("i,iab->ab", gls.theta[effects], result[effects, j])
        result[residual, j] = mixed / gls.sigma2
        result[j, residual] = result[residual, j].T
    own = singles[residual] - np.einsum("i,iab->ab", gls.theta[effects], result[effects, residual])
    result[residual, residual] = own / gls.sigma2
    return result


def first_products(gls: CrossedLeastSquares) -> np.ndarray:
    """w'V^-1 V_j V^-1 w, (k, p + 1, p + 1)."""
    result = np.empty((gls.theta.size, *gls.own.shape))
    result[gls.moments.effects.residual] = gls.own
    scores_first, scores_rest = gls.scores
    for j, (first, rest) in _moved(gls).items():
        flat = scores_first.reshape(-1, scores_first.shape[2]).T @ first.reshape(-1, first.shape[2])
        result[j] = flat + scores_rest.T @ rest
    return result


def _moved(gls: CrossedLeastSquares) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """(I x dG / dtheta_j) Z'V^-1 w of each parameter of the effects, of the first grouping and of the others."""
    products = gls.factor.products
    scores_first, scores_rest = gls.scores
    found = {}
    for j, slope in products.first.slopes.items():
        found[j] = slope @ scores_first, np.zeros_like(scores_rest)
    for one, place in zip(products.others, products.place, strict=True):
        where = place.effects(one.r)
        for j, slope in one.slopes.items():
            rest = np.zeros_like(scores_rest)
            rest[where] = slope @ scores_rest[where]
            found[j] = np.zeros_like(scores_first), rest
    return found


def gradient(gls: CrossedLeastSquares, reml: bool, singles: np.ndarray) -> np.ndarray:
    """(k,), of minus twice the log-likelihood; `singles` as `first_products` gives them."""
    products, residual = gls.factor.products, gls.moments.effects.residual
    p = gls.beta.size
    traces = np.zeros(gls.theta.size)
    for one, trace in zip((products.first, *products.others), own_traces(gls.factor), strict=True):
        for j, slope in one.slopes.items():
            traces[j] = np.sum(slope * trace) / gls.sigma2
    spare = gls.moments.n_obs
    if reml:
        traces -= np.einsum("kaa->k", singles[:, :p, :p])
        spare -= p
    traces[residual] = 0.0
    # tr(P V) is N - p (REML) or N, and V the sum of theta_j V_j.
    traces[residual] = (spare - gls.theta @ traces) / gls.sigma2
    return traces - singles[:, p, p]


def average_information(gls: CrossedLeastSquares, reml: bool) -> tuple[np.ndarray, np.ndarray]:
    """Gradient (k,) of minus twice the log-likelihood, and the mean of observed and expected information, (k, k).

    y'P V_j P V_k P y / 2 (Gilmour, Thompson and Cullis 1995, Biometrics 51:1440): no trace of a product is needed.
    """
    singles, p = first_products(gls), gls.beta.size
    v = singles[:, :p, p]
    return gradient(gls, reml, singles), (second_products(gls)[:, :, p, p] - v @ v.T) / 2


def crossed_information(gls: CrossedLeastSquares, reml: bool) -> Information:
    """As `msclong.likelihood.information.information`, whose formulas these are."""
    singles, pairs = first_products(gls), second_products(gls)
    p, k, residual = gls.beta.size, gls.theta.size, gls.moments.effects.residual
    slopes = gradient(gls, reml, singles)
    products = gls.factor.products
    order = (products.first, *products.others)
    traces = np.zeros((k, k))
    for (g, h), Q in square_traces(gls.factor).items():
        for i, E in order[g].slopes.items():
            for j, F in order[h].slopes.items():
                traces[i, j] = np.einsum("ab,cd,bacd->", E, F, Q) / gls.sigma2**2
    P, v = singles[:, :p, :p], singles[:, :p, p]
    single_trace = slopes + singles[:, p, p]
    if reml:
        flat = P.reshape(k, -1)
        traces += flat @ flat.T - 2 * np.einsum("jkaa->jk", pairs[:, :, :p, :p])
    # sum over k of theta_k tr(P V_j P V_k) = tr(P V_j).
    effects = np.arange(k) != residual
    traces[residual] = traces[:, residual] = 0.0
    mixed = (single_trace - traces @ gls.theta)[effects] / gls.sigma2
    traces[residual, effects] = traces[effects, residual] = mixed
    traces[residual, residual] = (single_trace[residual] - mixed @ gls.theta[effects]) / gls.sigma2
    expected = (traces + traces.T) / 4
    scatter = pairs[:, :, p, p]
    observed = -expected + (scatter + scatter.T) / 2 - v @ v.T
    return Information(slopes, expected, observed, P)
