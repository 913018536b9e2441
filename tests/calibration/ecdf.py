"""Are N numbers uniform on (0, 1)? The simultaneous test of their distribution function at the edges of equal bins.

Sailynoja, Buerkner and Vehtari (2022), Statistics and Computing 32:32: the least pointwise probability over the edges,
and its distribution under uniformity by simulation.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.stats import binom

BINS = 20
SIMULATED = 50_000
EDGES = np.arange(1, BINS) / BINS


def binned(values: np.ndarray) -> np.ndarray:
    """Counts (BINS,) of numbers in (0, 1)."""
    return np.histogram(values, bins=BINS, range=(0, 1))[0]


def uniformity_p_value(counts: np.ndarray) -> float:
    """Of counts (BINS,): small where their cumulative sums leave what uniform numbers do anywhere."""
    n = int(counts.sum())
    found = _least_probability(np.cumsum(counts)[None, :-1], n)[0]
    return float((1 + np.searchsorted(_least_under_uniformity(n), found * (1 + 1e-9))) / (1 + SIMULATED))


def band(n: int, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits (BINS - 1,) of the ECDF of n uniform numbers at EDGES, simultaneous."""
    tail = float(np.quantile(_least_under_uniformity(n), 1 - level)) / 2
    return binom.ppf(tail, n, EDGES) / n, binom.isf(tail, n, EDGES) / n


@cache
def _least_under_uniformity(n: int) -> np.ndarray:
    rng = np.random.default_rng(n)
    counts = rng.multinomial(n, np.full(BINS, 1 / BINS), size=SIMULATED)
    return np.sort(_least_probability(np.cumsum(counts, axis=1)[:, :-1], n))


def _least_probability(below: np.ndarray, n: int) -> np.ndarray:
    """Least two-sided pointwise probability of counts `below` EDGES, (..., BINS - 1) -> (...)."""
    return _two_sided(n)[below, np.arange(BINS - 1)].min(axis=-1)


@cache
def _two_sided(n: int) -> np.ndarray:
    """Two-sided probability of each count out of n below each edge, (n + 1, BINS - 1)."""
    every = np.arange(n + 1)[:, None]
    return 2 * np.minimum(binom.cdf(every, n, EDGES), binom.sf(every - 1, n, EDGES))
