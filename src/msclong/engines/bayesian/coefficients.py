"""beta given theta: drawn exactly from its conditional normal distribution."""

from __future__ import annotations

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.collapsed import CollapsedMoments

CHUNK = 4_000_000
"""Numbers of the largest array that one batch of draws may need (32 MB)."""


def draw_coefficients(
    structure: CovarianceStructure, theta: np.ndarray, moments: CollapsedMoments, rng: np.random.Generator
) -> np.ndarray:
    """One draw of beta for each of the S rows of theta (S, k), (S, p), in the units of `moments`.

    beta | theta, y ~ Normal(A^-1 m, A^-1) with A = X' V^-1 X + B^-1 and m = X' V^-1 y + B^-1 b0, where the
    prior is beta ~ Normal(b0, B).
    """
    draws, p = len(theta), moments.n_columns - 1
    z = rng.standard_normal((draws, p))
    largest = max(
        moments.coords.shape[0] * moments.coords.shape[1] ** 2, len(moments.products), moments.n_columns**2
    )
    step = max(1, CHUNK // largest)
    result = np.empty((draws, p))
    for start in range(0, draws, step):
        chosen = slice(start, start + step)
        gram = grams(structure, theta[chosen], moments)
        A, m = gram[:, :p, :p], gram[:, :p, p]
        root = np.linalg.cholesky(A)
        # A = L L': A^-1 m + L'^-1 z has covariance A^-1.
        half = np.linalg.solve(root, m[:, :, None])
        result[chosen] = np.linalg.solve(root.transpose(0, 2, 1), half + z[chosen, :, None])[:, :, 0]
    return result


def grams(structure: CovarianceStructure, theta: np.ndarray, moments: CollapsedMoments) -> np.ndarray:
    """[X, y]' V^-1 [X, y] plus the prior's squares for each row of theta, (S, q, q)."""
    pattern, s, t = moments.pairs
    observed = np.arange(moments.coords.shape[1]) < moments.size[:, None]
    both = observed[:, :, None] & observed[:, None, :]
    # Outside a pattern's own observations Sigma becomes the identity: one batch of inverses serves all patterns.
    sigma = np.stack([structure.sigma(row, moments.coords) for row in theta])
    inverse = np.linalg.inv(np.where(both, sigma, np.eye(both.shape[1])))
    half = inverse[:, pattern, s, t] @ moments.products + moments.prior
    q = moments.n_columns
    i, j = np.tril_indices(q)
    gram = np.empty((len(theta), q, q))
    gram[:, i, j] = half
    gram[:, j, i] = half
    return gram
