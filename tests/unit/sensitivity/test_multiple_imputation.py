"""Multiple imputation agrees with the conditional mean within its Monte Carlo error; Rubin's rules by hand."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.errors import SpecError
from msclong.sensitivity.multiple_imputation import Rubin
from msclong.sensitivity.planned_visits import planned_visits
from trials_with_dropout import SATURATED, saturated, trial

MANY = 30


@pytest.mark.parametrize("strategy", ["MAR", "J2R", "CR"])
def test_agrees_with_the_conditional_mean_within_monte_carlo_error(strategy):
    fit = saturated(n=80, seed=6)
    exact = ml.sensitivity.reference_based(fit, strategy).contrasts()
    drawn = ml.sensitivity.reference_based(
        fit, strategy, inference=ml.sensitivity.MultipleImputation(seed=1, imputations=MANY)
    )
    table = drawn.contrasts()
    L = fit.hypothesis().L
    between = np.einsum("ip,pq,iq->i", L, drawn.estimate.small_sample.between, L)
    error = np.sqrt(between / MANY)
    assert (np.abs(table["estimate"] - exact["estimate"]) < 4 * error + 1e-10).all()


def test_a_shift_is_added_to_every_draw():
    fit = saturated()
    settings = ml.sensitivity.MultipleImputation(seed=3, imputations=5)
    plain, moved = (ml.sensitivity.delta(fit, d, inference=settings) for d in (0, 2))
    exact = (
        ml.sensitivity.delta(fit, 2).contrasts()["estimate"]
        - ml.sensitivity.delta(fit, 0).contrasts()["estimate"]
    )
    found = moved.contrasts()["estimate"] - plain.contrasts()["estimate"]
    np.testing.assert_allclose(found, exact, atol=1e-8)


def test_the_seed_decides_and_is_needed():
    fit = saturated()
    one, again, other = (
        ml.sensitivity.reference_based(
            fit, inference=ml.sensitivity.MultipleImputation(seed=s, imputations=3)
        ).estimate.beta
        for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    with pytest.raises(SpecError, match="seed"):
        ml.sensitivity.MultipleImputation(seed=None)
    with pytest.raises(SpecError, match="imputations"):
        ml.sensitivity.MultipleImputation(seed=1, imputations=1)


def test_a_posterior_is_imputed_from_its_draws():
    spec = ml.ModelSpec("y ~ (x + arm) * visit + cs(visit | id)", arm="arm", outcome_type="change")
    fit = ml.fit(spec, trial(), ml.Bayesian(seed=1))
    settings = ml.sensitivity.MultipleImputation(seed=1, imputations=40)
    found = ml.sensitivity.reference_based(fit, "J2R", inference=settings).contrasts().iloc[-1]
    exact = ml.sensitivity.reference_based(ml.fit(spec, trial()), "J2R").contrasts().iloc[-1]
    assert found["estimate"] == pytest.approx(exact["estimate"], abs=0.35 * exact["se"])


def test_rubins_rules_by_hand():
    class Known:
        def __init__(self, vcov):
            self.vcov = vcov

        def df(self, L):
            return np.full(len(L), 50.0)

    rng = np.random.default_rng(0)
    betas = rng.standard_normal((10, 2))
    pooled = Rubin(np.eye(2), np.cov(betas, rowvar=False), tuple(Known(np.eye(2)) for _ in range(10)))
    L = np.array([[1.0, -1.0]])
    B = np.var(betas @ L[0], ddof=1)
    T = 2 + 1.1 * B
    np.testing.assert_allclose(L @ pooled.vcov @ L.T, T)
    lam = 1.1 * B / T
    old, observed = 9 / lam**2, 51 / 53 * 50 * (1 - lam)
    np.testing.assert_allclose(pooled.df(L), old * observed / (old + observed))


def test_draws_of_missing_outcomes_have_the_spread_that_the_model_says():
    """Of someone seen once, the residual at the next visits is normal with the conditional covariance."""
    from msclong.sensitivity.assumption import Assumption
    from msclong.sensitivity.conditional_mean import imputed_residuals
    from msclong.sensitivity.strategies import jump_to_reference

    fit = ml.fit(ml.ModelSpec(SATURATED, arm="arm", outcome_type="change"), trial(n=60))
    planned = planned_visits(fit.design)
    assumption = Assumption(planned, jump_to_reference(planned, 0), np.zeros((*planned.y.shape, 0)))
    sigma = planned.sigma(fit.covariance.theta)
    rng = np.random.default_rng(5)
    draws = np.stack([imputed_residuals(assumption, fit.estimate.beta, sigma, rng) for _ in range(8000)])
    mean = imputed_residuals(assumption, fit.estimate.beta, sigma)
    who = int(np.flatnonzero(planned.last == 0)[0])
    S = sigma[0]
    spread = S[1:, 1:] - np.outer(S[1:, 0], S[0, 1:]) / S[0, 0]
    np.testing.assert_allclose(np.cov(draws[:, who, 1:], rowvar=False), spread, atol=0.05 * spread.max())
    np.testing.assert_allclose(draws[:, who].mean(axis=0), mean[who], atol=5 * np.sqrt(S.max() / 8000))
    gap = int(np.flatnonzero((~planned.observed & ~planned.after).any(axis=1))[0])
    t = int(np.flatnonzero(~planned.observed[gap])[0])
    seen = np.flatnonzero(planned.observed[gap])
    left = S[t, t] - S[t, seen] @ np.linalg.solve(S[np.ix_(seen, seen)], S[seen, t])
    assert draws[:, gap, t].var(ddof=1) == pytest.approx(left, rel=0.1)
