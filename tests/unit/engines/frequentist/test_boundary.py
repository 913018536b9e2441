"""Fits on the boundary, extreme units, and models without an answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml


def trial(
    seed: int, subject_sd: float = 0.0, n: int = 20, visits: int = 5, slope_sd: float = 0.0
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    subject, time = np.repeat(np.arange(n), visits), np.tile(np.arange(float(visits)), n)
    y = 1 + 0.3 * time + subject_sd * rng.normal(size=n)[subject] + rng.normal(size=n * visits)
    y += slope_sd * rng.normal(size=n)[subject] * time
    return pd.DataFrame({"id": subject, "time": time, "y": y})


@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary:msclong.errors.ConvergenceWarning")
@pytest.mark.parametrize(
    "formula", ["y ~ time + (1 | id)", "y ~ time + (1 + time | id)", "y ~ time + (1 + time || id)"]
)
def test_a_true_variance_of_zero_still_converges(formula):
    fits = [ml.fit(formula, trial(seed)) for seed in range(12)]
    assert any(fit.outcome.singular for fit in fits)
    for seed, fit in enumerate(fits):
        assert np.isfinite(fit.coefficients().to_numpy()).all()
        if formula == "y ~ time + (1 | id)" and fit.outcome.singular:
            # Without a random effect REML is ordinary least squares.
            table = trial(seed)
            X = np.column_stack([np.ones(len(table)), table["time"]])
            ols = np.linalg.lstsq(X, table["y"].to_numpy(), rcond=None)[0]
            np.testing.assert_allclose(fit.estimate.beta, ols, rtol=1e-9)
            residual = table["y"] - X @ ols
            assert fit.covariance.residual_variance == pytest.approx(residual @ residual / (len(table) - 2))


def test_a_singular_fit_says_so():
    with pytest.warns(ml.errors.ConvergenceWarning, match="lies on its boundary"):
        fit = next(
            fit
            for fit in (ml.fit("y ~ time + (1 | id)", trial(seed)) for seed in range(12))
            if fit.outcome.singular
        )
    assert "boundary" in str(fit.outcome)
    assert "singular" in fit.summary()


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("structure", ["us(time | id)", "(1 + time | id)", "ar1h(time | id)"])
def test_units_of_the_outcome_are_units_only(structure, factor):
    table = trial(3, subject_sd=1.0, slope_sd=0.5)
    scaled = table.assign(y=table["y"] * factor)
    plain, other = (ml.fit(f"y ~ C(time) + {structure}", t) for t in (table, scaled))
    for column, power in {"estimate": 1, "se": 1, "lower": 1, "upper": 1, "df": 0, "p_value": 0}.items():
        np.testing.assert_allclose(
            other.coefficients()[column], plain.coefficients()[column] * factor**power, rtol=1e-9
        )
    assert other.loglik == pytest.approx(plain.loglik - (100 - 5) * np.log(factor), rel=1e-10)
    assert other.outcome.diagnostics["iterations"] == plain.outcome.diagnostics["iterations"]


def test_a_far_origin_of_outcome_and_time_costs_no_digits():
    table = trial(3, subject_sd=1.0)
    shifted = table.assign(y=table["y"] + 1e6, time=table["time"] + 1e4)
    plain, other = (ml.fit("y ~ time + (1 | id)", t).coefficients() for t in (table, shifted))
    assert other.loc["time", "estimate"] == pytest.approx(plain.loc["time", "estimate"], rel=1e-8)
    assert other.loc["time", "se"] == pytest.approx(plain.loc["time", "se"], rel=1e-8)


def test_an_outcome_without_variation_is_refused():
    table = trial(0).assign(y=3.0)
    with pytest.raises(ml.errors.DesignError, match="reproduces every value of 'y' exactly"):
        ml.fit("y ~ time + (1 | id)", table)


def test_options_that_do_not_exist_or_fit_together_are_refused():
    with pytest.raises(ml.errors.SpecError, match=r"Frequentist\(ddf=...\) takes 'kenward-roger'.* got 'kr'"):
        ml.Frequentist(ddf="kr")
    with pytest.raises(ml.errors.SpecError, match="Kenward-Roger inference needs REML"):
        ml.Frequentist(method="ml")
    with pytest.raises(ml.errors.EngineError, match="engine must be an engine"):
        ml.fit("y ~ time + (1 | id)", trial(0), engine="reml")
    with pytest.raises(ml.errors.EngineError, match="engine must be an engine"):
        ml.fit("y ~ time + (1 | id)", trial(0), engine=ml.Frequentist)


def test_completers_are_counted_against_the_mean_model():
    rng = np.random.default_rng(1)
    table = trial(4, n=7, visits=4).assign(arm=np.repeat(rng.permutation(["a", "b"] * 4)[:7], 4))
    # 7 completers, 4 visits: enough for one mean a visit, one too many coefficients with three groups more.
    ml.fit("y ~ C(time) * arm + us(time | id)", table)
    table["centre"] = table["id"].mod(3).map({0: "x", 1: "y", 2: "z"})
    with pytest.raises(ml.errors.DesignError, match="7 were"):
        ml.fit("y ~ C(time) * (arm + centre) + us(time | id)", table)


@pytest.mark.parametrize(("factor", "origin"), [(1e-6, 0.0), (8.64e7, 0.0), (1.0, 2000.0), (1.0, 2e4)])
def test_unit_and_origin_of_time_change_no_digits(factor, origin):
    """Milliseconds for days, calendar years for years since entry."""
    table = trial(3, subject_sd=1.0, slope_sd=0.5)
    moved = table.assign(time=table["time"] * factor + origin)
    plain, other = (ml.fit("y ~ time + (1 + time | id)", t) for t in (table, moved))
    ours, theirs = other.coefficients().loc["time"], plain.coefficients().loc["time"]
    assert ours["estimate"] * factor == pytest.approx(theirs["estimate"], rel=1e-9)
    assert ours["se"] * factor == pytest.approx(theirs["se"], rel=1e-9)
    assert ours["df"] == pytest.approx(theirs["df"], rel=1e-9)
    slope = "variance(time)"
    parameters = [fit.covariance.parameters.loc[slope] for fit in (other, plain)]
    np.testing.assert_allclose(parameters[0] * factor**2, parameters[1], rtol=1e-8)


@pytest.mark.parametrize("factor", [1e-80, 1e80])
def test_extreme_units_of_the_outcome(factor):
    table = trial(3, subject_sd=1.0)
    plain, other = (
        ml.fit("y ~ time + cs(time | id)", t) for t in (table, table.assign(y=table["y"] * factor))
    )
    np.testing.assert_allclose(other.coefficients()["df"], plain.coefficients()["df"], rtol=1e-9)
    np.testing.assert_allclose(other.coefficients()["p_value"], plain.coefficients()["p_value"], rtol=1e-9)


@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary:msclong.errors.ConvergenceWarning")
def test_expected_information_at_a_variance_of_zero_is_pbkrtests():
    """R 4.2.2, lme4 1.1-31, pbkrtest 0.5.2: 24.4 df for each coefficient; both random variances are zero."""
    rng = np.random.default_rng(4)
    rows = [(i, t, rng.normal() + t * 0.2) for i in range(12) for t in range(4)]
    table = pd.DataFrame(rows, columns=["id", "t", "y"])
    table["arm"] = np.where(table["id"] % 2, "a", "b")
    fit = ml.fit("y ~ arm * t + (1 + t || id)", table, engine=ml.Frequentist(information="expected"))
    assert fit.outcome.singular
    np.testing.assert_allclose(fit.coefficients()["df"], 24.4, rtol=1e-3)


@pytest.mark.parametrize(
    ("formula", "rows"),
    [
        (
            "y ~ C(visit) + ar1h(visit | id)",
            [(0, 1, 6.8368), (1, 0, 5.3503), (2, 0, 5.2019), (3, 1, 5.0795), (5, 0, 6.345), (5, 1, 4.685)],
        ),
        ("y ~ C(visit) + toep(visit | id)", [(0, 1, 0.0071), (2, 0, 0.0054), (2, 1, 0.004), (3, 0, 0.0045)]),
    ],
)
def test_no_standard_errors_are_made_of_rounding(formula, rows):
    """One subject was seen twice: the likelihood is highest where its observations are correlated at one."""
    table = pd.DataFrame(rows, columns=["id", "visit", "y"])
    with pytest.raises(ml.errors.ConvergenceError, match="fewer parameters"):
        ml.fit(formula, table)
