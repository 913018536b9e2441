"""Chain diagnostics, and those of weighted draws."""

import numpy as np
import pytest

from msclong.engines.bayesian.checking.convergence import Resampled, convergence, weighted_convergence

SPREAD = 4
"""Estimates from repeated importance samples lie within so many of their standard errors of the truth."""


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(1).standard_normal((4, 1000, 3))


def test_independent_draws_are_all_effective(noise):
    checks = convergence(noise, tail=True)
    assert checks["rhat"] == pytest.approx(1, abs=0.005)
    assert checks["ess_bulk"] == pytest.approx(4000, rel=0.15)
    assert checks["ess_tail"] == pytest.approx(4000, rel=0.15)
    assert checks["mcse"] == pytest.approx(1 / np.sqrt(4000), rel=0.1)


def test_chains_in_different_places_show():
    draws = np.random.default_rng(1).standard_normal((4, 1000, 1)) + np.arange(4)[:, None, None]
    checks = convergence(draws)
    assert checks["rhat"][0] > 1.5
    assert checks["ess_bulk"][0] < 10


def test_a_chain_that_visits_its_tail_rarely_shows_in_the_tail():
    """A fifth of each chain is one excursion: the tails are seen four times, the middle all the time."""
    draws = np.random.default_rng(2).standard_normal((4, 1000, 1))
    draws[:, 400:600] += 4
    checks = convergence(draws, tail=True)
    assert checks["ess_tail"][0] < 400


def test_a_quantity_without_variation_has_no_rhat_and_no_error(noise):
    draws = noise.copy()
    draws[:, :, 1] = 7.0
    checks = convergence(draws)
    assert np.isnan([checks["rhat"][1], checks["ess_bulk"][1]]).all()
    assert checks["mcse"][1] == 0
    for name, value in convergence(noise).items():
        assert checks[name][[0, 2]] == pytest.approx(value[[0, 2]])


@pytest.mark.parametrize("wrong", [np.inf, np.nan])
def test_a_quantity_that_is_infinite_somewhere_has_not_converged(noise, wrong):
    draws = noise.copy()
    draws[2, 7, 1] = wrong
    for checks in (convergence(draws, tail=True), weighted_convergence(draws[2], np.full(1000, 1e-3))):
        assert (checks["ess_bulk"][1], checks["ess_tail"][1], checks["mcse"][1]) == (0, 0, np.inf)
        assert np.isfinite(checks["mcse"][[0, 2]]).all()


def test_nothing_but_the_error_carries_the_unit(noise):
    large, small = convergence(noise), convergence(1e-18 * noise)
    assert small["rhat"] == pytest.approx(large["rhat"], rel=1e-6)
    assert small["ess_bulk"] == pytest.approx(large["ess_bulk"], rel=1e-6)
    assert small["mcse"] == pytest.approx(1e-18 * large["mcse"], rel=1e-6)


def test_the_error_of_a_weighted_mean_is_what_repetition_shows():
    """Normal draws weighted to another normal, 400 times: the SD of the means is the MCSE."""
    rng = np.random.default_rng(3)
    means, errors, low = [], [], []
    for _ in range(400):
        x = rng.standard_normal((500, 1))
        ratio = np.exp(0.5 * x[:, 0])  # to Normal(0.5, 1)
        weights = ratio / ratio.sum()
        figures = weighted_convergence(x, weights)
        means.append(weights @ x[:, 0])
        errors.append(figures["mcse"][0])
        low.append(figures["ess_tail"][0])
    relative_error = 1 / np.sqrt(2 * len(means))
    assert np.std(means) == pytest.approx(np.mean(errors), rel=SPREAD * relative_error)
    assert np.mean(means) == pytest.approx(0.5, abs=SPREAD * np.std(means) / np.sqrt(len(means)))
    # The lower tail has the small weights, the upper tail few draws: the worse of them counts.
    assert np.mean(low) < 500


def test_the_tail_is_that_of_the_share_beyond_the_quantile():
    """Against the definition, with ties, values drawn twice and unequal weights."""
    rng = np.random.default_rng(6)
    x = np.round(rng.standard_normal((5000, 4)) * [1, 3, 0.4, 100])
    # The lowest of the last column have hardly any weight: the quantile is far up.
    weights = rng.dirichlet(np.ones(5000)) * np.where(x[:, 3] < 0, 1e-3, 1.0)
    weights /= weights.sum()
    expected = []
    for column in x.T:
        sizes = []
        for side in (column, -column):
            quantile = min(v for v in side if weights[side <= v].sum() >= 0.05)
            inside = (side <= quantile).astype(float)
            square = (inside - weights @ inside) ** 2
            sizes.append(min(weights @ square / (weights**2 @ square), len(x)))
        expected.append(min(sizes))
    np.testing.assert_allclose(weighted_convergence(x, weights)["ess_tail"], expected, rtol=1e-10)


def test_some_of_the_resampled_draws_have_their_own_figures():
    """Draws of one value picked more than once are one: of some of them, as of a sample of these alone."""
    rng = np.random.default_rng(7)
    chosen = rng.integers(0, 50, 400)
    x = rng.standard_normal((50, 2))[chosen]
    kept = np.arange(0, 400, 3)
    found = Resampled(chosen).of_some(kept)(x[None, kept])
    values, counts = np.unique(x[kept, 0], return_counts=True)
    w = counts / len(kept)
    assert found["mcse"][0] == pytest.approx(np.sqrt((w**2 * (values - w @ values) ** 2).sum()))


def test_equal_weights_count_every_draw():
    x = np.random.default_rng(4).standard_normal((2000, 2))
    figures = weighted_convergence(x, np.full(2000, 1 / 2000))
    assert figures["ess_bulk"] == pytest.approx(2000)
    assert figures["ess_tail"] == pytest.approx(2000, rel=0.02)
    assert np.isnan(figures["rhat"]).all()


def test_draws_that_were_picked_twice_count_once():
    x = np.random.default_rng(5).standard_normal((100, 1))
    chosen = np.repeat(np.arange(100), 3)
    figures = Resampled(chosen)(x[chosen][None])
    assert figures["ess_bulk"][0] == pytest.approx(100)
    assert figures["mcse"][0] == pytest.approx(x.std() / 10)
