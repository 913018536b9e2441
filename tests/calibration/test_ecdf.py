"""The test of uniform ranks: it holds its level, and it sees what simulation-based calibration looks for."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.ecdf import BINS, EDGES, band, binned, uniformity_p_value

N, REPEATS, LEVEL = 200, 2000, 0.05
ERROR = np.sqrt(LEVEL * (1 - LEVEL) / REPEATS)
# Far beyond chance for what is wrong, without hitting what the simulation can resolve.
SMALL = 1e-3


def test_uniform_ranks_are_rejected_as_often_as_the_level_says():
    rng = np.random.default_rng(1)
    counts = rng.multinomial(N, np.full(BINS, 1 / BINS), size=REPEATS)
    rejected = np.mean([uniformity_p_value(each) <= LEVEL for each in counts])
    # The statistic is discrete: a little below the level, never above.
    assert LEVEL - 0.015 < rejected < LEVEL + 3 * ERROR


@pytest.mark.parametrize(
    ("a", "b"),
    [(1.4, 1.0), (1.0, 1.4), (1.6, 1.6), (0.6, 0.6)],
    ids=["truth too high", "truth too low", "posterior too wide", "posterior too narrow"],
)
def test_miscalibration_is_seen(a, b):
    ranks = np.random.default_rng(2).beta(a, b, size=3 * N)
    assert uniformity_p_value(binned(ranks)) < SMALL


def test_the_band_is_where_the_p_value_is_the_level():
    rng = np.random.default_rng(3)
    lower, upper = band(N, 1 - LEVEL)
    for counts in rng.multinomial(N, np.full(BINS, 1 / BINS), size=200):
        ecdf = np.cumsum(counts)[:-1] / N
        inside = ((lower <= ecdf) & (ecdf <= upper)).all()
        assert inside == (uniformity_p_value(counts) > LEVEL)
    assert (lower < EDGES).all()
    assert (upper > EDGES).all()
