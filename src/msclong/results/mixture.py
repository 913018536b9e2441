"""Mixtures of normal distributions: what posterior draws of a mean and a variance predict."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

HALVINGS = 60
"""Steps of bisection: the quantile to 2^-60 of the mixture's width."""


def normal_mixture(mean: np.ndarray, variance: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """Mean, SD and equal-tailed `level` interval of M mixtures of S normals, each with weight 1 / S.

    mean, variance : (S, M). Exact given the draws, where simulating each normal would add Monte Carlo error.
    """
    total = mean.var(axis=0, ddof=1) + variance.mean(axis=0)
    tail = (1 - level) / 2
    lower, upper = (_quantile(mean, variance, share) for share in (tail, 1 - tail))
    return {"estimate": mean.mean(axis=0), "se": np.sqrt(total), "lower": lower, "upper": upper}


def _quantile(mean: np.ndarray, variance: np.ndarray, share: float) -> np.ndarray:
    """(M,) quantiles, by bisection; those of the means where no normal has a variance."""
    if not variance.any():
        return np.quantile(mean, share, axis=0)
    sd = np.sqrt(variance.clip(0, None)) + np.finfo(float).tiny
    low, high = (mean - 10 * sd).min(axis=0), (mean + 10 * sd).max(axis=0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        with np.errstate(over="ignore"):  # a mean that is far out in units of a tiny SD
            below = ndtr((middle - mean) / sd).mean(axis=0) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2
