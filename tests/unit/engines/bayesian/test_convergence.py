"""Chain diagnostics."""

import numpy as np
import pytest

from msclong.engines.bayesian.convergence import convergence


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(1).standard_normal((4, 1000, 3))


def test_independent_draws_are_all_effective(noise):
    checks = convergence(noise)
    assert checks["rhat"] == pytest.approx(1, abs=0.005)
    assert checks["ess_bulk"] == pytest.approx(4000, rel=0.15)
    assert checks["mcse"] == pytest.approx(1 / np.sqrt(4000), rel=0.1)


def test_chains_in_different_places_show():
    draws = np.random.default_rng(1).standard_normal((4, 1000, 1)) + np.arange(4)[:, None, None]
    checks = convergence(draws)
    assert checks["rhat"][0] > 1.5
    assert checks["ess_bulk"][0] < 10


def test_a_quantity_without_variation_has_no_rhat_and_no_error(noise):
    draws = noise.copy()
    draws[:, :, 1] = 7.0
    checks = convergence(draws)
    assert np.isnan([checks["rhat"][1], checks["ess_bulk"][1]]).all()
    assert checks["mcse"][1] == 0
    for name, value in convergence(noise).items():
        assert checks[name][[0, 2]] == pytest.approx(value[[0, 2]])


def test_nothing_but_the_error_carries_the_unit(noise):
    large, small = convergence(noise), convergence(1e-18 * noise)
    assert small["rhat"] == pytest.approx(large["rhat"], rel=1e-6)
    assert small["ess_bulk"] == pytest.approx(large["ess_bulk"], rel=1e-6)
    assert small["mcse"] == pytest.approx(1e-18 * large["mcse"], rel=1e-6)
