"""Sizes read off a curve that is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri

from msclong.errors import SpecError
from msclong.replication.sample_size import sample_size

N = np.array([10.0, 16.0, 25.0, 40.0])


def curve(power: np.ndarray, width: float = 0.02) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([N.astype(int), ["x"]], names=["n", "row"])
    return pd.DataFrame({"power": power, "lower": power - width, "upper": power + width}, index)


def test_a_curve_that_is_straight_on_the_scales_is_inverted_exactly():
    effect = 0.55
    found = sample_size(curve(ndtr(effect * np.sqrt(N) - 1.96), 0.0), 0.8, named=True).loc["x"]
    exact = int(np.ceil(((ndtri(0.8) + 1.96) / effect) ** 2))
    assert (found["n"], found["lower"], found["upper"]) == (exact, exact, exact)


def test_limits_of_the_power_give_limits_of_n():
    found = sample_size(curve(np.array([0.3, 0.6, 0.79, 0.95])), 0.8, named=False).loc["x"]
    assert 16 < found["lower"] <= 25 < found["n"] < found["upper"]


def test_a_dip_by_chance_is_smoothed():
    found = sample_size(curve(np.array([0.5, 0.82, 0.78, 0.9])), 0.8, named=False).loc["x"]
    assert found["n"] == 16


@pytest.mark.parametrize(
    ("wanted", "note"), [(0.9, "below 0.9 up to n = 40"), (0.2, "0.2 or more at every n")]
)
def test_nothing_is_extrapolated(wanted, note):
    table = curve(np.array([0.3, 0.5, 0.7, 0.85]))
    found = sample_size(table, wanted, named=False).loc["x"]
    assert found["n"] is pd.NA
    assert note in found["note"]
    with pytest.raises(SpecError, match=note):
        sample_size(table, wanted, named=True)


def test_a_power_beyond_its_range_is_refused():
    with pytest.raises(SpecError, match="between 0 and 1"):
        sample_size(curve(N / 100), 80, named=False)
