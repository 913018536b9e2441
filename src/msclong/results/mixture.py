"""Mixtures of normal distributions: what posterior draws of a mean and a variance predict."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

STEPS = 60
"""Steps of a quantile's search at most: bisection alone reaches 2^-60 of the mixture's width."""

PRECISE = 1e-10
"""A quantile is found when its error is below this share of the mixture's SD."""

SHARES = 24
"""Intervals between which the shortest is looked for, twice, the second time around the shortest of the first."""


def normal_mixture(mean: np.ndarray, variance: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """Mean, SD and equal-tailed `level` interval of M mixtures of S normals, each with weight 1 / S.

    mean, variance : (S, M). Exact given the draws, where simulating each normal would add Monte Carlo error.
    """
    total = mean.var(axis=0, ddof=1) + variance.mean(axis=0)
    tail = (1 - level) / 2
    if variance.any():
        weights = np.full(len(mean), 1 / len(mean))
        sd = np.sqrt(variance.clip(0, None))
        lower, upper = (mixture_quantile(mean, sd, weights, share) for share in (tail, 1 - tail))
    else:
        lower, upper = np.quantile(mean, [tail, 1 - tail], axis=0)
    return {"estimate": mean.mean(axis=0), "se": np.sqrt(total), "lower": lower, "upper": upper}


def mixture_moments(mean: np.ndarray, sd: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD (M,) of mixtures of S normals (S, M) with weights (S,) that sum to one."""
    centre = weights @ mean
    return centre, np.sqrt(weights @ (sd**2 + (mean - centre) ** 2))


def mixture_cdf(x: np.ndarray, mean: np.ndarray, sd: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """P(X <= x), (M,)."""
    with np.errstate(over="ignore"):  # a mean that is far out in units of a tiny SD
        return np.asarray(weights @ ndtr((x - mean) / (sd + np.finfo(float).tiny)))


def mixture_quantile(mean: np.ndarray, sd: np.ndarray, weights: np.ndarray, share: float) -> np.ndarray:
    """(M,) quantiles, by Halley's steps inside a bracket that each step tightens.

    The steps' errors fall with the third power, in units of the components' SDs, so that from where Cornish and Fisher
    (1938, Revue de l'Institut international de statistique 5:307) expect the quantile most need two.
    """
    floor = sd + np.finfo(float).tiny
    low, high = (mean - 10 * sd).min(axis=0), (mean + 10 * sd).max(axis=0)
    centre, spread = mixture_moments(mean, sd, weights)
    x = (
        _expected_quantile(mean - centre, sd, weights, spread, share).clip(low - centre, high - centre)
        + centre
    )
    near = np.cbrt(PRECISE * spread * floor.min(axis=0) ** 2)
    for _ in range(STEPS):
        with np.errstate(over="ignore", divide="ignore", invalid="ignore", under="ignore"):
            z = (x - mean) / floor
            excess = weights @ ndtr(z) - share
            height = np.exp(-(z**2) / 2) / (floor * np.sqrt(2 * np.pi))
            density = weights @ height
            step = excess / density
            step /= (1 + step * (weights @ (height * z / floor)) / (2 * density)).clip(0.5, 2.0)
        low, high = np.where(excess < 0, x, low), np.where(excess < 0, high, x)
        trial = x - step
        inside = (trial > low) & (trial < high)
        moved = np.where(inside, trial, (low + high) / 2)
        done = np.abs(moved - x) <= np.maximum(PRECISE * spread, np.where(inside, near, 0.0))
        x = moved
        if done.all():
            break
    return x


def _expected_quantile(
    moved: np.ndarray, sd: np.ndarray, weights: np.ndarray, spread: np.ndarray, share: float
) -> np.ndarray:
    """(M,) from the first four moments; moved (S, M) are the components' means less the mixture's."""
    square, variance = moved**2, sd**2
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        skewness = weights @ (moved * (square + 3 * variance)) / spread**3
        kurtosis = weights @ (square * (square + 6 * variance) + 3 * variance**2) / spread**4 - 3
        z = ndtri(share)
        terms = (
            (z**2 - 1) / 6 * skewness,
            (z**3 - 3 * z) / 24 * kurtosis,
            (5 * z - 2 * z**3) / 36 * skewness**2,
        )
        found = spread * (z + np.sum(terms, axis=0))
    return np.where(np.isfinite(found), found, 0.0)


def shortest_interval(
    mean: np.ndarray, sd: np.ndarray, weights: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ends (M,) of the shortest intervals with probability `level`, to within 1 / SHARES^2 of a tail's probability."""
    ends = []
    for column in range(mean.shape[1]):
        one = (mean[:, [column]], sd[:, [column]], weights)
        low, high = 0.0, 1 - level
        for _ in range(2):
            shares = np.linspace(low, high, SHARES + 1)[1:-1]
            tried = [(mixture_quantile(*one, s)[0], mixture_quantile(*one, s + level)[0]) for s in shares]
            best = int(np.argmin([b - a for a, b in tried]))
            width = shares[1] - shares[0]
            low, high = shares[best] - width, shares[best] + width
        ends.append(tried[best])
    lower, upper = np.array(ends).T
    return lower, upper
