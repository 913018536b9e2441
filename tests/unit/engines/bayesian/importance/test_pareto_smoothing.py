"""Pareto-smoothed weights against ArviZ's, and k-hat against known tails."""

import numpy as np
import pytest
from scipy.stats import genpareto

from msclong.engines.bayesian.importance.pareto_smoothing import (
    fit_generalised_pareto,
    generalised_pareto_quantiles,
    pareto_smooth,
)

# ArviZ takes one ratio less into the tail; its k-hat differs by the noise of that one.
ARVIZ_KHAT = 0.02
ARVIZ_LOG_WEIGHT = 0.05


@pytest.mark.parametrize("spread", [0.3, 1.0, 2.0])
def test_weights_and_khat_are_those_of_arviz(spread):
    from arviz_stats.base.array import array_stats

    log_ratios = spread * np.random.default_rng(1).standard_normal(4000)
    ours, khat = pareto_smooth(log_ratios)
    theirs, their_khat = array_stats.psislw(-log_ratios)
    assert khat == pytest.approx(float(their_khat), abs=ARVIZ_KHAT)
    theirs = theirs - np.logaddexp.reduce(theirs)
    np.testing.assert_allclose(ours, theirs, atol=ARVIZ_LOG_WEIGHT)


@pytest.mark.parametrize("k", [-0.3, 0.2, 0.6, 1.2])
def test_the_shape_of_a_pareto_sample_is_found(k):
    x = np.sort(genpareto.rvs(k, size=20_000, random_state=1))
    found, scale = fit_generalised_pareto(x)
    assert found == pytest.approx(k, abs=0.03)
    assert scale == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("k", [-0.3, 0.0, 0.6])
def test_quantiles(k):
    share = np.linspace(0.05, 0.95, 7)
    expected = genpareto.ppf(share, k, scale=2.0)
    np.testing.assert_allclose(generalised_pareto_quantiles(share, k, 2.0), expected, rtol=1e-10)


def test_equal_ratios_are_equal_weights():
    log_weights, khat = pareto_smooth(np.full(100, 3.0))
    np.testing.assert_allclose(np.exp(log_weights), 0.01)
    assert khat == 0.0


def test_ratios_of_zero_leave_khat_infinite():
    ratios = np.full(1000, -np.inf)
    ratios[:10] = 0.0
    log_weights, khat = pareto_smooth(ratios)
    assert khat == np.inf
    np.testing.assert_allclose(np.exp(log_weights).sum(), 1.0)


def test_no_weight_exceeds_the_largest_ratio():
    ratios = 3 * np.random.default_rng(1).standard_normal(2000)
    log_weights, _ = pareto_smooth(ratios)
    smallest = np.argsort(ratios)[:1000]
    shift = (log_weights - ratios)[smallest]
    np.testing.assert_allclose(shift, shift[0])  # what is not in the tail is only normalised
    assert (log_weights - shift[0]).max() <= ratios.max() + 1e-12
