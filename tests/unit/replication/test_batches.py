"""Trials, bootstrap samples and deals analysed in batches have the numbers of those analysed one by one."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.replication import permutation, refits
from msclong.replication.analyses import one_by_one
from msclong.replication.batches import Batched
from msclong.replication.plan import Plan
from msclong.replication.trials import TrialSource

SAME = 1e-6
"""Relative: two climbs to one maximum, each ended where the next step would gain less than rounding."""

SINGLE = ml.Scenario([0, 1, 3], [10, 9, 8], sd=3, correlation=0.6)
ARMS = ml.Scenario([0, 3, 6], {"a": [20, 19, 18], "b": [20, 16, 14]}, sd=[4, 5, 6], correlation=0.5)
SLOPES = SINGLE.replace(covariance=ml.Scenario.random_effects([0, 1, 3], 2, 1, 0.6, 0.1))
LOST = ml.Dropout(0.25, intermittent=0.1)

CASES = {
    "us": ("y ~ C(month) + us(month | id)", SINGLE, {}, {}),
    "expected information": ("y ~ C(month) + us(month | id)", SINGLE, {}, {"information": "expected"}),
    "cs, Satterthwaite": ("y ~ C(month) + cs(month | id)", SINGLE, {}, {"ddf": "satterthwaite"}),
    "slopes": ("y ~ month + (1 + month | id)", SLOPES, {}, {}),
    "intercept, ML": ("y ~ C(month) + (1 | id)", SLOPES, {}, {"method": "ml", "ddf": "satterthwaite"}),
    "arms": ("y ~ arm * C(visit) + us(visit | id)", ARMS, {}, {}),
    "constrained": ("y ~ arm * C(visit) + us(visit | id)", ARMS, {"baseline_as": "constrained"}, {}),
    "covariate": (
        "y ~ arm * C(visit) + us(visit | id)",
        ARMS,
        {"baseline_as": "covariate", "arm": "arm"},
        {},
    ),
    "change": (
        "y ~ baseline + arm * C(visit) + cs(visit | id)",
        ARMS,
        {"baseline_as": "change", "arm": "arm"},
        {},
    ),
}
BY_ITSELF = {
    "by arm": ("y ~ arm * C(visit) + cs(visit | arm / id)", ARMS, {}, {}),
    "sandwich": ("y ~ C(month) + us(month | id)", SINGLE, {}, {"ddf": "satterthwaite", "vcov": "CR2"}),
    "between-within": ("y ~ C(month) + us(month | id)", SINGLE, {}, {"ddf": "between-within"}),
}


def both(case, n=14, trials=12, dropout=LOST, contrast=None):
    formula, scenario, fields, engine = case
    plan = Plan.of(ml.ModelSpec(formula, **fields), scenario, contrast, n)
    batched = Batched.of(plan, ml.Frequentist(**engine), n)
    values, arm = TrialSource.of(scenario, dropout, 1).draw(n, range(trials))
    plain = one_by_one(plan, ml.Frequentist(**engine), batched.rows, values, arm)
    return batched, batched.analyses(values, arm), plain


@pytest.mark.parametrize("name", CASES)
def test_batches_have_the_numbers_of_single_trials(name):
    contrast = {"factor": "arm", "versus": "a", "by": "visit"} if name == "change" else None
    batched, found, plain = both(CASES[name], contrast=contrast)
    assert batched.grid is not None
    assert np.isfinite(plain.estimate).any(axis=0).all()
    for field in ("estimate", "se", "df"):
        np.testing.assert_allclose(getattr(found, field), getattr(plain, field), rtol=SAME)
    np.testing.assert_array_equal(found.boundary, plain.boundary)


@pytest.mark.parametrize("name", BY_ITSELF)
def test_what_the_compiled_engine_does_not_know_is_analysed_by_itself(name):
    batched, found, plain = both(BY_ITSELF[name], trials=2)
    assert batched.grid is None
    np.testing.assert_array_equal(found.estimate, plain.estimate)


def test_means_at_the_mean_of_a_covariate_are_of_each_trials_own_mean():
    batched, found, plain = both(CASES["change"], trials=3)
    assert batched.grid is None
    np.testing.assert_array_equal(found.estimate, plain.estimate)


def test_splines_have_the_knots_of_each_trial():
    scenario = ml.Scenario([0, 1, 3, 4, 6, 8], [9, 8, 7, 7, 6, 6], sd=2, correlation=0.5)
    case = ("y ~ bs(month, df=4) + (1 | id)", scenario, {}, {})
    assert both(case, trials=2)[0].grid is None
    same = ("y ~ month + I(month**2) + (1 | id)", scenario, {}, {})
    assert both(same, trials=2)[0].grid is not None


def test_trials_without_an_answer_or_with_a_fallback_are_the_same():
    lost = ml.Dropout([0, 0.3, 0.6])
    _, found, plain = both(CASES["us"], 7, 30, lost)
    assert 0 < np.isnan(plain.estimate).any(axis=1).sum() < 30
    np.testing.assert_allclose(found.estimate, plain.estimate, rtol=SAME)
    assert found.reasons[0] in plain.reasons
    backed = (*CASES["us"][:2], {"fallback": ("us", "cs")}, {})
    _, found, plain = both(backed, 7, 30, lost)
    np.testing.assert_allclose(found.df, plain.df, rtol=SAME)
    np.testing.assert_array_equal(found.fallback, plain.fallback)
    assert found.fallback.any()


def trial(n=12):
    plan = Plan.of(ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)"), ARMS, None, n)
    values, arm = TrialSource.of(ARMS, LOST, 3).draw(n, [0])
    return plan.frame(values[0], arm).dropna()


@pytest.mark.parametrize("formula", ["y ~ arm * C(visit) + us(visit | id)", "y ~ arm * C(visit) + (1 | id)"])
def test_bootstrap_and_permutation_have_the_same_numbers_either_way(formula, monkeypatch):
    fit = ml.fit(formula, trial(16))
    ask = {"contrast": {"kind": "difference-in-differences"}, "seed": 2}
    fast = ml.bootstrap(fit, n=100, **ask), ml.permutation_test(fit, n=39, **ask)
    assert refits.Grid.of(fit.design, fit.engine) is not None
    monkeypatch.setattr(refits.Grid, "of", lambda *_: None)
    slow = ml.bootstrap(fit, n=100, **ask), ml.permutation_test(fit, n=39, **ask)
    for name in ("contrasts", "coefficients"):
        np.testing.assert_allclose(getattr(fast[0], name), getattr(slow[0], name), rtol=1e-5, atol=1e-8)
    # A variance near zero is known in absolute terms.
    scale = fit.covariance.theta.max()
    np.testing.assert_allclose(fast[0].parameters, slow[0].parameters, rtol=1e-4, atol=1e-6 * scale)
    np.testing.assert_allclose(fast[1], slow[1], rtol=1e-9)


def test_covariates_stay_with_their_subjects_when_arms_are_dealt():
    frame = trial(12).merge(trial(12).groupby("id")["y"].first().rename("x"), on="id")
    fit = ml.fit("y ~ x + arm * C(visit) + cs(visit | id)", frame)
    labels = permutation.Labels.of(fit.design, None)
    rows = permutation._comparing(fit.design, labels, None)
    deals = np.array([labels.dealt(np.random.default_rng(s)) for s in range(5)])
    found, plain = (refits.Refits.none(5, len(rows), fit.design) for _ in range(2))
    fast = refits.Refitter.of(fit.design, fit.engine, rows)
    assert fast.grid is not None
    fast.arms(labels, deals, found, 0)
    refits.Refitter(fit.design, fit.engine, rows, None).arms(labels, deals, plain, 0)
    for field in ("estimate", "se", "df", "beta"):
        np.testing.assert_allclose(getattr(found, field), getattr(plain, field), rtol=SAME)
