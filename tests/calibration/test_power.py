"""Type I error and power of simulated trials beside their nominal levels and closed forms: 24 patients, 5 visits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import nct, t

import msclong as ml

pytestmark = pytest.mark.slow

TRIALS = 20_000
ERRORS = 4.0
"""Monte Carlo standard errors that a share may lie off what is exact."""
APPROXIMATE = 0.005
"""What Kenward and Roger's approximation may add under dropout (see test_type_one_error)."""

SPEC = "y ~ C(month) + us(month | id)"
SCENARIO = ml.Scenario(
    [0, 1, 3, 6, 12],
    [5.6, 4.9, 4.4, 4.1, 4.3],
    sd=[1.4, 1.5, 1.6, 1.6, 1.7],
    correlation=0.5,
    structure="ar1",
)


def within(share: float, nominal: float) -> float:
    """Monte Carlo standard errors off the nominal value."""
    return abs(share - nominal) / np.sqrt(nominal * (1 - nominal) / TRIALS)


def test_without_an_effect_power_is_alpha_and_coverage_its_complement():
    complete = ml.power(SPEC, SCENARIO.with_effect(0), n=24, n_sim=TRIALS, seed=1).table
    assert complete["power"].map(lambda share: within(share, 0.05)).max() < ERRORS
    np.testing.assert_allclose(complete["coverage"], 1 - complete["power"], atol=1e-12)
    lost = ml.power(SPEC, SCENARIO.with_effect(0), n=24, dropout=0.2, n_sim=TRIALS, seed=2).table
    assert (lost["power"] - 0.05).abs().max() < APPROXIMATE + ERRORS * np.sqrt(0.05 * 0.95 / TRIALS)
    assert lost["failed"].max() == 0


def test_complete_data_have_the_power_of_paired_t_tests():
    found = ml.power(SPEC, SCENARIO, n=[12, 24], n_sim=TRIALS, seed=3).table
    sigma, mean = SCENARIO.sigma[0], SCENARIO.mean[0]
    for n in (12, 24):
        for i, row in enumerate(found.loc[n].itertuples(), start=1):
            sd = np.sqrt(sigma[0, 0] + sigma[i, i] - 2 * sigma[0, i])
            limit, shift = t.ppf(0.975, n - 1), (mean[i] - mean[0]) / (sd / np.sqrt(n))
            exact = nct.sf(limit, n - 1, shift) + nct.cdf(-limit, n - 1, shift)
            assert within(row.power, exact) < ERRORS


def test_two_arms_with_dropout_that_depends_on_the_last_value_stay_unbiased():
    scenario = ml.Scenario(
        [0, 3, 6, 12], {"a": [20, 19, 18.5, 18], "b": [20, 17, 15.5, 15]}, sd=5, correlation=0.6
    )
    spec = ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)", baseline_as="constrained")
    lost = ml.Dropout({"a": 0.3, "b": 0.15}, slope=0.7)
    found = ml.power(spec, scenario, n=60, dropout=lost, n_sim=TRIALS, seed=4).table
    error = found["sd"] / np.sqrt(TRIALS)
    assert (found["bias"].abs() < ERRORS * error + 0.03).all()
    assert (found["coverage"] - 0.95).abs().max() < APPROXIMATE + ERRORS * np.sqrt(0.05 * 0.95 / TRIALS)


def test_a_permutation_test_keeps_its_level():
    rng = np.random.default_rng(5)
    scenario = ml.Scenario([0, 1, 2], {"a": [1, 2, 3], "b": [1, 2, 3]}, sd=[1, 2, 3], correlation=0.4)
    from msclong.replication.plan import Plan
    from msclong.replication.trials import TrialSource

    plan = Plan.of(ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)"), scenario, None, 12)
    source, trials = TrialSource.of(scenario, ml.Dropout(0.15), 6), 400
    p = []
    for r in range(trials):
        values, arm = source.draw(12, [r])
        heavy = np.sign(values) * np.abs(values) ** 1.5  # nothing is normal
        frame = plan.frame(heavy[0], arm).dropna()
        found = ml.permutation_test(ml.fit(plan.spec, frame), n=199, seed=int(rng.integers(1 << 30)))
        p.append(found["p_value"].to_numpy())
    share = (np.array(p) <= 0.1).mean(axis=0)
    assert np.abs(share - 0.1).max() < ERRORS * np.sqrt(0.1 * 0.9 / trials)
