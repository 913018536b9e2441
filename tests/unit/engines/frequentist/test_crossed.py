"""Crossed and nested random effects are one model whichever route fits it: fit, tests, predictions, refusals."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from crossed_ratings import FORMULAS, ratings, take_route
from msclong.engines.frequentist import nesting

# Both routes stop where a further step would move theta by less than 1e-8 of its standard error.
SAME = 1e-8
ENGINES = {
    "kenward-roger": ml.Frequentist(),
    "expected": ml.Frequentist(information="expected"),
    "ml": ml.Frequentist(method="ml", ddf="satterthwaite"),
}


def by_both(monkeypatch, formula, engine=None, weights=None, data=None):
    fits = []
    for crossed in (True, False):
        take_route(monkeypatch, crossed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ml.errors.ConvergenceWarning)
            fits.append(
                ml.fit(ml.ModelSpec(formula, weights=weights), ratings() if data is None else data, engine)
            )
        assert (fits[-1].design.crossed is not None) == crossed
    return fits


def assert_same(found, expected, tolerance=SAME):
    found, expected = pd.DataFrame(found), pd.DataFrame(expected)
    assert found.index.equals(expected.index)
    found, expected = (frame.select_dtypes("number").to_numpy(dtype=float) for frame in (found, expected))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.nanmax(np.abs(expected)))


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_the_same_fit(formula, engine, monkeypatch):
    blocked, dense = by_both(monkeypatch, formula, engine)
    assert blocked.loglik == pytest.approx(dense.loglik, rel=1e-12)
    assert blocked.outcome.notes == dense.outcome.notes
    assert blocked.outcome.singular == dense.outcome.singular
    assert (blocked.aic, blocked.bic) == pytest.approx((dense.aic, dense.bic))
    assert_same(blocked.covariance.parameters, dense.covariance.parameters)
    assert_same(blocked.vcov, dense.vcov)
    assert_same(blocked.coefficients(), dense.coefficients(), tolerance=1e-7)
    assert_same(blocked.test(np.eye(2)), dense.test(np.eye(2)), tolerance=1e-7)


def test_weights_and_missing_outcomes(monkeypatch):
    data = ratings()
    data.loc[::11, "y"] = np.nan
    blocked, dense = by_both(monkeypatch, FORMULAS["slopes of the few"], weights="w", data=data)
    assert blocked.n_obs == data["y"].notna().sum()
    assert blocked.loglik == pytest.approx(dense.loglik, rel=1e-12)
    assert_same(blocked.coefficients(), dense.coefficients(), tolerance=1e-7)


def test_a_variance_of_zero_is_exactly_zero_and_warned_of(monkeypatch):
    data = ratings().assign(d=lambda rows: np.random.default_rng(3).permutation(rows["d"]))
    data["y"] -= data.groupby("d")["y"].transform("mean")
    take_route(monkeypatch, crossed=True)
    with pytest.warns(ml.errors.ConvergenceWarning, match="on its boundary"):
        fit = ml.fit(FORMULAS["crossed"], data)
    assert fit.covariance.parameters.loc["variance(Intercept | d)", "estimate"] == 0
    assert fit.outcome.singular
    blocked, dense = by_both(monkeypatch, FORMULAS["crossed"], data=data)
    assert_same(blocked.covariance.parameters, dense.covariance.parameters)
    assert_same(blocked.random_effects(), dense.random_effects())


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_effects_residuals_and_predictions(formula, monkeypatch):
    blocked, dense = by_both(monkeypatch, formula, weights="w")
    # Known levels, an unknown rater, an unknown subject with and without outcomes, both unknown together.
    new = ratings().iloc[::7].reset_index(drop=True)
    new.loc[:5, "d"] = 77
    new.loc[3:8, ["s", "site"]] = 99
    asked = [
        lambda fit: fit.random_effects(),
        lambda fit: fit.residuals("conditional"),
        lambda fit: fit.predict(conditional=True, interval="confidence"),
        lambda fit: fit.predict(new, conditional=True, interval="prediction"),
        lambda fit: fit.predict(new.drop(columns="y"), conditional=True),
        lambda fit: fit.predict(new.iloc[:1], conditional=True),
    ]
    for question in asked:
        take_route(monkeypatch, crossed=True)
        found = question(blocked)
        take_route(monkeypatch, crossed=False)
        assert_same(found, question(dense), tolerance=1e-7)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y ~ C(d) + (1 | s) + (1 | d)", r"say nothing of variance\(Intercept \| d\)"),
        ("y ~ t + (1 | s) + (1 + site | s) + (1 | d)", r"cannot tell"),
        ("y ~ t + (1 | s) + (1 | s2)", r"cannot tell"),
    ],
    ids=["taken up by the mean", "effects constant in subjects", "two names of one grouping"],
)
def test_the_same_refusals(formula, message, monkeypatch):
    data = ratings().assign(s2=lambda rows: rows["s"] * 10)
    told = []
    for crossed in (True, False):
        take_route(monkeypatch, crossed)
        with pytest.raises(ml.errors.DesignError, match=message) as error:
            ml.fit(formula, data)
        told.append(str(error.value))
    assert told[0] == told[1]


def test_intervals_comparisons_and_influence(monkeypatch):
    blocked, dense = by_both(monkeypatch, FORMULAS["crossed"])
    smaller = by_both(monkeypatch, "y ~ t + (1 | s)")
    take_route(monkeypatch, crossed=True)
    intervals, compared = ml.variance_intervals(blocked), ml.compare(smaller[0], blocked)
    left_out = ml.influence(blocked, by="d", cases=[0, 3])
    take_route(monkeypatch, crossed=False)
    assert_same(intervals, ml.variance_intervals(dense), tolerance=1e-6)
    assert_same(compared, ml.compare(smaller[1], dense))
    without = ml.influence(dense, by="d", cases=[0, 3])
    assert_same(left_out.coefficients, without.coefficients)
    assert_same(left_out.theta, without.theta)


def test_nesting_is_seen_from_some_rows_of_a_large_unit(monkeypatch):
    larger, smaller = (ml.fit(f"y ~ t + (1 | s){more}", ratings()) for more in (" + (1 | d)", ""))
    other = ml.fit("y ~ t + (1 | site)", ratings())
    whole = ml.compare(smaller, larger)
    monkeypatch.setattr(nesting, "MOST_ELEMENTS", 100)
    monkeypatch.setattr(nesting, "MOST_OF_LEVEL", 20)
    assert_same(ml.compare(smaller, larger), whole)
    with pytest.raises(ml.errors.HypothesisError, match="no special case"):
        ml.compare(other, larger)


def test_a_pickled_fit_answers_the_same(monkeypatch):
    take_route(monkeypatch, crossed=True)
    fit = ml.fit(FORMULAS["slopes of the few"], ratings())
    again = pickle.loads(pickle.dumps(fit))
    assert_same(again.random_effects(), fit.random_effects(), tolerance=0)
    assert_same(again.test(np.eye(2)), fit.test(np.eye(2)), tolerance=0)


def test_bootstrap_of_variances(monkeypatch):
    """Replicates scatter about the estimate with its standard errors: 40 of them within 4 of theirs."""
    take_route(monkeypatch, crossed=True)
    fit = ml.fit(FORMULAS["crossed"], ratings())
    parameters = fit.covariance.parameters
    found = ml.variance_intervals(fit, method="bootstrap", n=40, seed=1).loc[parameters.index]
    inside = (found["lower"] < parameters["estimate"]) & (parameters["estimate"] < found["upper"])
    assert inside.all()
    width = (found["upper"] - found["lower"]) / parameters["se"]
    assert width.between(1.5, 8).all()


def test_methods_that_need_dense_units_say_what_to_do(monkeypatch):
    take_route(monkeypatch, crossed=True)
    with pytest.raises(ml.errors.DesignError, match="modified Box .* use ddf='kenward-roger'"):
        ml.fit(FORMULAS["crossed"], ratings(), ml.Frequentist(ddf="modified-box"))
