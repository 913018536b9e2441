"""beta given theta: drawn exactly from its conditional distribution."""

from __future__ import annotations

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.gaussian.collapsed import CollapsedMoments
from msclong.engines.bayesian.gaussian.collapsed_batch import collapsed_batch, most_at_once


def draw_coefficients(
    structure: CovarianceStructure,
    theta: np.ndarray,
    moments: CollapsedMoments,
    rng: np.random.Generator,
    log_weights: np.ndarray | None = None,
    priors: np.ndarray | None = None,
) -> np.ndarray:
    """One draw of beta for each of the S rows of theta (S, k), (S, p), in the units of `moments`.

    beta | theta, y ~ Normal(A^-1 m, A^-1) with A = X' V^-1 X + B^-1 and m = X' V^-1 y + B^-1 b0, where the
    prior is beta ~ Normal(b0, B). Of several priors, with log weights (C,), one is drawn first by its probability.
    priors : (C, W), or (C, W, S) where they differ between the rows.
    """
    draws, p = len(theta), moments.n_columns - 1
    z = rng.standard_normal((draws, p))
    step = most_at_once(moments, 1 if priors is None else len(priors))
    result = np.empty((draws, p))
    for start in range(0, draws, step):
        part = slice(start, start + step)
        own = priors if priors is None or priors.ndim == 2 else priors[:, :, part]
        found = collapsed_batch(structure, theta[part].T, moments, own)
        mean, root = found.coefficients()
        chosen = drawn_component(found.shares(log_weights), rng), np.arange(mean.shape[1])
        result[part] = mean[chosen] + np.einsum("spq,sq->sp", root[chosen], z[part])
    return result


def drawn_component(shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of C components for each of S draws, by their probabilities (S, C)."""
    return (rng.random((len(shares), 1)) > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)
