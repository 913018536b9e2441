"""Censored outcomes with a visit structure: the model of the uncensored ones, and the same posterior by NUTS."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from censored_outcomes import spec_of, table
from msclong.errors import EngineError, SpecError

# Means in Monte Carlo errors: of a score of quantities.
MCSE = 4.0
# SDs of some 2,000 effective draws.
SD = 0.1


def trial(n=40, share=0.2):
    rng = np.random.default_rng(5)
    visit, subject = np.tile(np.arange(3), n), np.repeat(np.arange(n), 3)
    y = 2 + 0.3 * visit + rng.normal(0, 0.8, n)[subject] + rng.normal(0, 0.6, 3 * n)
    limit = np.quantile(y, share)
    found = pd.DataFrame({"id": subject, "visit": visit, "y": y.clip(limit)})
    found["c"] = np.where(y < limit, "left", "none")
    return found.drop(index=[4, 9, 17])


def spec(terms, **fields):
    return ml.ModelSpec(f"y ~ C(visit) + {terms}", **fields)


def agree(first, second):
    for one, other in (
        (first.coefficients(), second.coefficients()),
        (first.covariance_posterior(), second.covariance_posterior()),
    ):
        error = np.hypot(one["mcse"], other["mcse"])
        assert (np.abs(one["estimate"] - other["estimate"]) < MCSE * error).all()
        np.testing.assert_allclose(one["se"], other["se"], rtol=SD)


@pytest.mark.parametrize("terms", ["us(visit | id)", "ar1(visit | id)"])
def test_a_column_that_censors_nothing_changes_nothing(terms):
    frame = trial(share=0.0)
    engine = ml.Bayesian(seed=1, sampler="importance")
    with_column = ml.fit(spec(terms, censored="c"), frame, engine=engine)
    without = ml.fit(spec(terms), frame, engine=engine)
    pd.testing.assert_frame_equal(with_column.priors, without.priors)
    assert with_column.spec.equation() == without.spec.equation()
    agree(with_column, without)


def test_what_may_be_asked_of_the_fit():
    fit = ml.fit(spec_of("ar1(visit | id)"), table(), engine=ml.Bayesian(seed=1, sampler="importance"))
    assert fit.outcome.converged
    assert "linear predictor" not in " ".join(fit.outcome.notes)
    assert "Sigma of the linear" not in fit.summary()
    assert np.isfinite(ml.loo(fit).elpd)
    assert ml.prior_sensitivity(fit)["family"].isna().all()
    with pytest.raises(EngineError, match="no parameters here"):
        fit.family_parameters()


def test_a_residual_of_its_own_stays_where_random_effects_are_alone():
    fit = ml.fit(spec("(1 | id)", censored="c"), trial(), engine=ml.Bayesian(seed=1))
    assert list(fit.family_parameters().index) == ["residual sd"]
    with pytest.raises(SpecError, match="write a structure"):
        spec("ar1(visit | id)", censored="c", dispersion_by="visit")


@pytest.mark.parametrize("terms", ["us(visit | id)", "ar1(visit | id)"])
def test_limits_on_either_side(terms):
    """All outcomes lie in intervals half an SD wide, some of them above their limits only."""
    data = trial(share=0.0)
    whole = ml.fit(spec(terms), data, engine=ml.Bayesian(seed=2, sampler="importance"))
    low = np.floor(2 * data["y"]) / 2
    bounded = data.assign(
        low=low, up=np.where(low < 3, low + 0.5, np.nan), c=np.where(low < 3, "interval", "right")
    )
    limits = ml.ModelSpec(
        f"low ~ C(visit) + {terms}",
        censored="c",
        censored_upper="up",
        priors=ml.Priors(outcome_scale=float(data["y"].std())),
    )
    found = ml.fit(limits, bounded, engine=ml.Bayesian(draws=500, seed=1, sampler="importance"))
    assert found.outcome.converged
    known, seen = whole.contrasts(), found.contrasts()
    # The intervals take a little of what the outcomes say.
    assert (np.abs(known["estimate"] - seen["estimate"]) < 0.5 * known["se"]).all()
    assert seen["se"].between(0.95 * known["se"], 1.3 * known["se"]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("terms", "family"), [("us(visit | id)", "gaussian"), ("(1 | id) + ar1(visit | id)", "lognormal")]
)
def test_the_same_posterior_by_nuts(terms, family):
    frame = trial()
    if family == "lognormal":
        frame["y"] = np.exp(frame["y"])
    fits = [
        ml.fit(spec(terms, family=family, censored="c"), frame, engine=ml.Bayesian(seed=1, sampler=sampler))
        for sampler in ("importance", "nuts")
    ]
    agree(*fits)
