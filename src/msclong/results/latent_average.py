"""Averages over normal latent effects: from what holds given a subject to what holds for the population."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

REACH = 7.0
"""The standard normal beyond it has probability 2.6e-12, which bounded functions may lose."""

WIDEST_STEP = 0.6
"""Between nodes, in standard deviations or units of the linear predictor, whichever is smaller."""

MOST_VALUES = 2_000_000
"""Elements of the largest array that is formed at once."""

Function = Callable[[tuple[np.ndarray, ...], np.ndarray], np.ndarray]
"""(eta, draws) -> values: linear predictors (s, ..., G) of the draws whose positions are given, elementwise."""


def latent_average(
    function: Function, eta: tuple[np.ndarray, ...], covariance: np.ndarray, proportional: bool
) -> np.ndarray:
    """E f(eta + u), u ~ N(0, covariance), (S, G), for eta (S, G) of each of m predictors and covariance (S, G, m, m).

    proportional : f is exp(eta[0]) times a function of the other predictor, if there is one: with the log link the
    first predictor is integrated in closed form, E[e^u0 g(u1)] = e^(v00 / 2) E[g(u1 + v01)]. Else f depends on the
    last predictor alone. What is left is one integral, by the trapezoidal rule, whose error falls exponentially with
    the step for functions that are analytic near the real line (Trefethen and Weideman 2014, SIAM Review 56:385): to
    1e-7 or better where they are so within pi / 2, as logistic ones and probabilities of counts.
    """
    if proportional:
        eta = tuple(x + covariance[..., 0, j] / (2 if j == 0 else 1) for j, x in enumerate(eta))
        if len(eta) == 1:
            return function(eta, np.arange(len(eta[0])))
    sd = np.sqrt(covariance[..., -1, -1].clip(0, None))
    largest = sd.max(axis=1)
    order = np.argsort(largest)
    result, start = np.empty(sd.shape), 0
    while start < len(order):
        # Draws of like spread share their nodes.
        size = max(1, MOST_VALUES // (sd.shape[1] * len(_nodes(largest[order[start]]))))
        chosen = order[start : start + size]
        nodes = _nodes(largest[chosen[-1]])
        weights = np.exp(-(nodes**2) / 2)
        moved = [np.broadcast_to(x[chosen][:, None], (len(chosen), len(nodes), sd.shape[1])) for x in eta]
        moved[-1] = moved[-1] + sd[chosen][:, None] * nodes[:, None]
        result[chosen] = np.einsum("k,skg->sg", weights / weights.sum(), function(tuple(moved), chosen))
        start += size
    return result


def _nodes(sd: float) -> np.ndarray:
    """Nodes for a function of `sd` times a standard normal variable, symmetric about zero.

    A step h of the variable leaves an error of exp(-pi^2 / (h sd)) or exp(-2 pi^2 / h^2), whichever is larger.
    """
    half = int(np.ceil(REACH * max(1.0, sd) / WIDEST_STEP))
    return np.linspace(-REACH, REACH, 2 * half + 1)
