from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from msclong.errors import DataError, SpecError
from msclong.single_arm import expected_change, population_sd
from msclong.single_arm.selection import _hazard, _log_share

MONTE_CARLO = 5  # standard errors, with a fixed seed
ROUND_TRIP = 1e-8


@pytest.mark.parametrize(("cutoff", "side"), [(40, "below"), (70, "above"), (60, "above"), (50, "above")])
def test_expected_change_by_simulation(cutoff, side):
    mean, sd, rho = 60, 15, 0.6
    x, y = (
        np.random.default_rng(1)
        .multivariate_normal((mean, mean), sd**2 * np.array([[1, rho], [rho, 1]]), 200_000)
        .T
    )
    chosen = x > cutoff if side == "above" else x < cutoff
    change = (y - x)[chosen]
    expected = expected_change(cutoff, mean, sd, rho, side)
    assert abs(change.mean() - expected) < MONTE_CARLO * change.std() / np.sqrt(change.size)


@pytest.mark.parametrize(
    ("cutoff", "side"), [(40, "below"), (70, "above"), (60, "above"), (20, "above"), (110, "above")]
)
def test_the_populations_sd_is_found_again(cutoff, side):
    mean, sd = 60, 15
    a, b = ((cutoff - mean) / sd, np.inf) if side == "above" else (-np.inf, (cutoff - mean) / sd)
    selected = stats.truncnorm(a, b, loc=mean, scale=sd).std()
    assert population_sd(cutoff, mean, selected, side) == pytest.approx(
        sd, rel=1e-6
    )  # truncnorm's own accuracy


def test_far_beyond_the_cutoff_the_expansion_takes_over():
    for distance in (1.0, 1e3, 1e6):
        sd = population_sd(distance, 0.0, 1e-3, "above")
        assert np.log(sd) + _log_share(distance / sd) / 2 == pytest.approx(np.log(1e-3), rel=ROUND_TRIP)
    assert _log_share(30 - 1e-9) == pytest.approx(
        _log_share(30 + 1e-9), abs=1e-6
    )  # next term of the expansion: 518 / 30^6


def test_the_variance_beyond_is_that_of_the_truncated_normal():
    for z in (-60.0, -2.0, 0.5, 3.0):
        assert np.exp(_log_share(z)) == pytest.approx(stats.truncnorm(z, np.inf).var(), rel=1e-6)
    z = 1e8
    assert _hazard(z) == pytest.approx(z + 1 / z, rel=1e-12)  # the next term is of 1 / z^3


def test_extreme_figures_have_an_answer():
    """Far out the selected part is exponential with SD sd / z, z = distance / sd."""
    assert population_sd(6, 5, 1e-200) == pytest.approx(1e-100, rel=ROUND_TRIP)
    assert population_sd(4, 5, 1e-200) == pytest.approx(1e-200, rel=ROUND_TRIP)
    assert expected_change(6, 5, 1e-9, 0.5) == pytest.approx(-0.5, rel=ROUND_TRIP)


def test_figures_may_be_numpys_own():
    assert expected_change(np.int64(6), 5, np.float32(1.5), 0.6) == expected_change(6, 5, 1.5, 0.6)
    assert type(expected_change(np.int64(6), 5, np.float32(1.5), 0.6)) is float
    assert population_sd(np.float32(6), np.int64(5), 1.0) == population_sd(6, 5, 1.0)


def test_bad_input():
    with pytest.raises(DataError):
        expected_change(40, 60, 0, 0.5)
    with pytest.raises(DataError):
        expected_change(40, 60, 15, 1.5)
    with pytest.raises(DataError):
        expected_change(40, float("nan"), 15, 0.5)
    with pytest.raises(DataError):
        population_sd(40, 60, -1)
    with pytest.raises(SpecError):
        population_sd(40, 60, 1, "left")
