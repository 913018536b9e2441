from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from msclong.errors import DataError, SpecError
from msclong.single_arm import event_limits

EXACT = 1e-9


@pytest.mark.parametrize(("events", "n"), [(0, 24), (1, 24), (7, 24), (24, 24), (0, 1), (3, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_limits_are_those_of_scipy(events, n, level):
    found = event_limits(events, n, level)
    exact = stats.binomtest(events, n).proportion_ci(level, method="exact")
    assert (found.lower, found.upper) == pytest.approx((exact.low, exact.high), rel=EXACT)
    less = stats.binomtest(events, n, alternative="less").proportion_ci(level, method="exact")
    more = stats.binomtest(events, n, alternative="greater").proportion_ci(level, method="exact")
    assert found.upper_one_sided == pytest.approx(less.high, rel=EXACT)
    assert found.lower_one_sided == pytest.approx(more.low, rel=EXACT)
    assert (found.rule_of_three is not None) == (events == 0 and level == 0.95)


def test_sentences():
    none = event_limits(0, 24).sentence()
    assert "No patient of 24 had an adverse event" in none
    assert all(figure in none for figure in ("14.2%", "11.7%", "12.5%"))
    assert "2 of 24 patients had a fall: 8.33% (exact two-sided 95% interval 1.03% to 27%)" in event_limits(
        2, 24
    ).sentence("a fall")


@pytest.mark.parametrize("wrong", [(-1, 24), (25, 24), (0, 0), (0.5, 24), (0, "24"), (True, 24)])
def test_impossible_counts(wrong):
    with pytest.raises(DataError):
        event_limits(*wrong)


@pytest.mark.parametrize("level", [0, 1, 95, "0.95", True])
def test_impossible_level(level):
    with pytest.raises(SpecError, match="level"):
        event_limits(0, 24, level)


def test_figures_may_be_numpys_own():
    found = event_limits(np.int64(0), np.int64(24), np.float64(0.9))
    assert found == event_limits(0, 24, 0.9)
    assert type(found.level) is float
    assert event_limits(0, 24, np.float32(0.5)) == event_limits(0, 24, 0.5)
