"""Joint models: against separate fits, brute force, and R."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import DesignError, EngineError, HypothesisError, SpecError
from several_outcomes import several_outcomes

MONTE_CARLO = 0.03
"""Two importance samples of 4,000: SDs of contrasts differ by their error in theta, some tenths of a percent to 2 %."""

MEANS = 0.02
"""Posterior means of contrasts in their SDs: beta is integrated out exactly, theta hardly matters for them."""

PRIOR_SD = 0.1
"""The SD of 4,000 weighted draws of a correlation has a Monte Carlo error of some 2 %."""

REML = 0.03
"""150 subjects, wide priors: posterior means of variances are above REML estimates by order 1/150."""

TRIAL = several_outcomes()
SPECS = {f"y{k}": ml.ModelSpec(f"y{k} ~ C(week) + (1 | id)", visit="week") for k in range(2)}
LOWER = {"y0": "lower", "y1": "lower"}
ENGINE = ml.Bayesian(seed=1, sampler="importance")


@pytest.fixture(scope="module")
def correlated():
    return ml.fit_joint(SPECS, TRIAL, ENGINE, directions=LOWER)


@pytest.fixture(scope="module")
def pooled():
    return ml.fit_joint(SPECS, TRIAL, ENGINE, directions=LOWER, pool="time course")


def close(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    difference = (found["estimate"] - expected["estimate"]) / expected["se"]
    assert np.abs(difference).max() < MEANS
    np.testing.assert_allclose(found["se"], expected["se"], rtol=MONTE_CARLO)


def test_without_anything_shared_the_outcomes_are_fitted_as_by_themselves():
    priors = ml.Priors(
        coefficients={"C(week)[T.2]": ml.Normal(-2, 0.5)},
        sds={"residual sd": ml.HalfNormal(0.4), "sd(Intercept)": ml.LogNormal(2, 0.3)},
    )
    specs = SPECS | {"y1": SPECS["y1"].replace(priors=priors)}
    joint = ml.fit_joint(specs, TRIAL, ENGINE, subject_effects="independent")
    for name, spec in specs.items():
        alone = ml.fit(spec, TRIAL, ENGINE)
        close(joint[name].contrasts(), alone.contrasts())
        parameters, expected = joint[name].covariance.parameters, alone.covariance.parameters
        # Of variances the Monte Carlo error is theirs: 4 of its SDs.
        error = 4 * np.hypot(parameters["mcse"], expected["mcse"])
        assert (np.abs(parameters["estimate"] - expected["estimate"]) < error).all()
        pd.testing.assert_frame_equal(joint[name].priors, alone.priors)


def test_the_correlation_of_subject_effects_is_that_of_nlme():
    # R 4.2, nlme 3.1: lme(y ~ 0 + o + o:week, random = ~0 + o | id, weights = varIdent(form = ~1 | o)), rows stacked
    wide = ml.Priors(correlation_eta=1, sd_scale=10, coefficient_sd=100, intercept_sd=100)
    specs = {name: spec.replace(priors=wide) for name, spec in SPECS.items()}
    joint = ml.fit_joint(specs, several_outcomes(n=150, rho=0.6, seed=11), ENGINE)
    found = joint.correlations().loc[("y0: Intercept", "y1: Intercept")]
    assert found["estimate"] == pytest.approx(0.6431, abs=0.02)
    assert found["lower"] < 0.6431 < found["upper"]
    variances = [joint[name].covariance.parameters["estimate"].to_numpy() for name in joint]
    np.testing.assert_allclose(variances, [[0.92790, 1.05424], [3.10597, 4.58966]], rtol=REML)
    assert joint["y1"].contrasts()["se"].iloc[0] == pytest.approx(0.24738, rel=0.01)
    assert joint["y1"].contrasts()["estimate"].iloc[0] == pytest.approx(-1.24353, rel=0.001)


def test_an_outcome_that_half_the_subjects_lack_borrows_strength():
    trial = several_outcomes(n=60, rho=0.95, seed=4)
    trial.loc[trial["id"].isin([f"s{i}" for i in range(30)]), "y1"] = np.nan
    joint = ml.fit_joint(SPECS, trial, ENGINE)
    alone = ml.fit(SPECS["y1"], trial, ENGINE)
    assert joint["y1"].n_subjects == 30
    assert joint.n_subjects == 60
    # Half the subjects' effects are known through the other outcome: between 1 and sqrt(2) times as precise.
    ratio = joint["y1"].means()["se"] / alone.means()["se"]
    assert (ratio < 0.93).all()
    assert (ratio > 0.70).all()


SAME_FIGURES = {"check_frame_type": False}
"""A fit's own table is a ResultTable, a part of the joint one a plain DataFrame."""


def test_tables_are_those_of_the_fits_under_each_other(correlated):
    contrasts = correlated.contrasts(margin={"y0": -0.4, "y1": -1.0})
    assert contrasts.index.names == ["outcome", "week"]
    for name, margin in (("y0", -0.4), ("y1", -1.0)):
        pd.testing.assert_frame_equal(
            contrasts.loc[name], correlated[name].contrasts(margin=margin), **SAME_FIGURES
        )
        pd.testing.assert_frame_equal(correlated.means().loc[name], correlated[name].means(), **SAME_FIGURES)
        pd.testing.assert_frame_equal(
            correlated.coefficients().loc[name], correlated[name].coefficients(), **SAME_FIGURES
        )
    assert contrasts.attrs["effect"] == "difference"
    assert list(correlated.vcov.columns)[:2] == ["y0: Intercept", "y0: C(week)[T.1]"]
    np.testing.assert_allclose(correlated.vcov.iloc[4:, 4:], correlated["y1"].vcov, rtol=1e-10)


def test_the_draws_of_all_outcomes_belong_together(correlated):
    fits = [correlated[name].estimate.flat for name in correlated]
    np.testing.assert_array_equal(correlated.estimate.flat, np.hstack(fits))
    # Means of correlated outcomes are correlated a posteriori; rho 0.67 times the subjects' share of the variance.
    intercepts = np.corrcoef(fits[0][:, 0], fits[1][:, 0])[0, 1]
    exact = correlated.vcov.iloc[0, 4] / np.sqrt(correlated.vcov.iloc[0, 0] * correlated.vcov.iloc[4, 4])
    assert exact > 0.2
    assert intercepts == pytest.approx(exact, abs=4 / np.sqrt(4000))


def test_probabilities_count_joint_draws(correlated):
    draws = [correlated[name].estimate.flat[:, 1:] for name in correlated]
    both = correlated.probability(margin={"y1": -1.0})
    np.testing.assert_allclose(both["probability"], ((draws[0] < 0) & (draws[1] < -1)).mean(axis=0))
    either = correlated.probability(at_least=1, margin={"y1": -1.0})
    np.testing.assert_allclose(either["probability"], ((draws[0] < 0) | (draws[1] < -1)).mean(axis=0))
    np.testing.assert_allclose(both["mean_improved"], both["probability"] + either["probability"])
    assert (both["mcse"] < 0.02).all()


def test_pooling_draws_the_changes_together(correlated, pooled):
    scales = pd.Series(pooled.design.scales)

    def spread(fit):
        changes = fit.contrasts()["estimate"].unstack("outcome") / scales
        return float((changes["y0"] - changes["y1"]).abs().mean())

    assert spread(pooled) < 0.5 * spread(correlated)
    assert (pooled.contrasts()["se"] < correlated.contrasts()["se"]).all()
    shared = pooled.pooled()
    assert list(shared.index) == ["1 - 0", "2 - 0", "3 - 0", "heterogeneity"]
    changes = -(pooled.contrasts()["estimate"].unstack("outcome") / scales).mean(axis=1)
    np.testing.assert_allclose(shared["estimate"].iloc[:3], changes, atol=0.02)
    assert "C(week)[T.1]" not in pooled["y0"].priors.index


def test_a_fit_within_a_joint_model_is_like_any_other(correlated):
    fit = correlated["y1"]
    assert fit.covariance.matrix.shape == (4, 4)
    assert fit.test("C(week)")["contour_probability"].iloc[0] < 0.05
    assert "JointBayesian" in fit.summary()
    assert correlated.checks()["passed"].all()
    assert "Correlations of subject effects" in correlated.summary()
    for question in (ml.loo, ml.prior_sensitivity):
        with pytest.raises(EngineError, match="all 2 outcomes"):
            question(fit)
        with pytest.raises(SpecError, match="got JointFit"):
            question(correlated)


def test_the_fits_are_saved_one_by_one_and_belong_together_when_they_are_read(correlated, tmp_path):
    for name, fit in correlated.items():
        ml.save(fit, tmp_path / f"{name}.zip")
    read = {name: ml.load(tmp_path / f"{name}.zip") for name in correlated}
    for name, fit in correlated.items():
        pd.testing.assert_frame_equal(read[name].contrasts(), fit.contrasts())
        assert repr(read[name]) == repr(fit)
        with pytest.raises(EngineError, match="all 2 outcomes"):
            ml.loo(read[name])
    draws = np.hstack([fit.estimate.flat for fit in read.values()])
    np.testing.assert_array_equal(draws, correlated.estimate.flat)
    with pytest.raises(SpecError, match="save each of its fits"):
        ml.save(correlated, tmp_path / "all.zip")


def test_a_report_of_one_outcome_says_what_it_shares_with_the_others(correlated, pooled, tmp_path):
    texts = []
    for joint in (correlated, pooled):
        ml.report(joint["y0"]).to_html(tmp_path / "report.html")
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        texts.append(re.sub(r"</?data[^>]*>", "", page))  # figures in sentences
    for text in texts:
        assert "One model of 2 outcomes: y0, y1. Subject effects of different outcomes have one" in text
        assert "importance sampling" in text
        assert "after tuning" not in text
    assert ["This takes the place of" in text for text in texts] == [False, True]


def test_the_summary_fits_a_page(pooled):
    text = pooled.summary()
    assert max(map(len, text.split("\n"))) <= 100
    table = text[text.index("Contrasts, each in its outcome's unit") :]
    # No row is broken: a continued line starts with blanks alone.
    assert not [line for line in table.split("\n") if line.startswith("    ") and "Estimate" not in line]
    for heading in ("residual variance", "y0: Intercept", "heterogeneity"):
        assert heading in table


def test_tables_by_outcome_and_margins_tell_directions():
    tables = {name: TRIAL[["id", "week", name]].dropna() for name in SPECS}
    specs = {name: spec.replace(margin=-0.5) for name, spec in SPECS.items()}
    joint = ml.fit_joint(specs, tables, ENGINE)
    assert joint.signs == {"y0": -1.0, "y1": -1.0}
    with pytest.raises(SpecError, match="not in the direction"):
        joint.probability(margin={"y0": 0.3})


@pytest.mark.parametrize(
    ("specs", "options", "error", "message"),
    [
        ({"y0": SPECS["y0"]}, {}, SpecError, "two or more"),
        (list(SPECS.values()), {}, SpecError, "by name.*got a list"),
        ({0: SPECS["y0"], 1: SPECS["y1"]}, {}, SpecError, "the names 0, 1"),
        (SPECS, {"directions": ["lower", "lower"]}, SpecError, "directions is"),
        (SPECS, {"heterogeneity": 0.5}, SpecError, "HalfT"),
        (SPECS, {"engine": ml.Frequentist()}, EngineError, "Bayesian"),
        (SPECS, {"pool": "all"}, SpecError, "time course"),
        (SPECS, {"pool": "time course"}, SpecError, "direction of benefit"),
        (SPECS, {"directions": {"y0": "down"}}, SpecError, "'higher' or 'lower'"),
        (SPECS, {"subject_effects": "some"}, SpecError, "subject_effects"),
        (SPECS | {"y1": "y1 ~ C(week) + us(week | id)"}, {}, DesignError, "has none"),
        (
            SPECS | {"y1": ml.ModelSpec("y1 ~ C(week) + (1 + week || id)", visit="week")},
            {},
            DesignError,
            "several",
        ),
        (
            SPECS | {"y1": ml.ModelSpec("y1 ~ C(week) + (1 | patient)", visit="week")},
            {},
            SpecError,
            "one column of subjects",
        ),
        (
            SPECS | {"y1": ml.ModelSpec("y1 ~ week + (1 | id)", visit="week")},
            {"pool": "time course", "directions": LOWER},
            DesignError,
            "a curve over time",
        ),
        (
            SPECS | {"y1": SPECS["y1"].replace(family="student")},
            {},
            EngineError,
            "'y1' has family='student'. Fit it by itself with ml.fit; or",
        ),
        (
            SPECS | {"y1": SPECS["y1"].replace(priors=ml.Priors(correlation_eta=5))},
            {},
            SpecError,
            "one prior",
        ),
        (
            SPECS
            | {"y1": SPECS["y1"].replace(priors=ml.Priors(coefficients={"C(week)[T.1]": ml.Normal(0, 1)}))},
            {"pool": "time course", "directions": LOWER},
            SpecError,
            "pooling replaces",
        ),
        (
            SPECS | {"y1": ml.ModelSpec("0 * y1 ~ C(week) + (1 | id)", visit="week")},
            {},
            DesignError,
            "is the same",
        ),
        (dict.fromkeys("abcdef", SPECS["y0"]), {}, SpecError, "15 correlations"),
        (
            {"first": SPECS["y0"], "again": "y0 ~ week + (1 | id)"},
            {},
            SpecError,
            "'first' and 'again' are the same",
        ),
        (
            {"y0": SPECS["y0"], "log y0": SPECS["y0"].replace(family="lognormal")},
            {},
            SpecError,
            "'y0' and 'log y0' are the same",
        ),
        (
            {"y0": SPECS["y0"], "copy": ml.ModelSpec("copy ~ C(week) + (1 | id)", visit="week")},
            {},
            SpecError,
            "'y0' and 'copy' are the same",
        ),
    ],
)
def test_what_no_joint_model_takes_is_refused(specs, options, error, message):
    with pytest.raises(error, match=message):
        ml.fit_joint(
            specs, TRIAL.assign(patient=TRIAL["id"], copy=TRIAL["y0"]), **{"engine": ENGINE, **options}
        )


@pytest.mark.parametrize("shared", [0, 2, 3])
def test_a_correlation_of_outcomes_that_no_subject_has_both_of_is_the_priors(shared):
    trial, first = several_outcomes(), [f"s{i}" for i in range(12)]
    trial.loc[trial["id"].isin(first), "y1"] = np.nan
    trial.loc[~trial["id"].isin([*first, *[f"s{12 + i}" for i in range(shared)]]), "y0"] = np.nan
    joint = ml.fit_joint(SPECS, trial, ENGINE)
    notes = [note for note in joint.outcome.notes if f"y0 and y1 ({shared})" in note]
    assert len(notes) == (shared < 3)
    assert all("is the prior's" in note for note in notes)
    if shared == 0:  # LKJ(2) of two effects: r has mean 0 and variance 1 / 5
        found = joint.correlations().iloc[0]
        assert found["se"] == pytest.approx(np.sqrt(1 / 5), rel=PRIOR_SD)
    independent = ml.fit_joint(SPECS, trial, ENGINE, subject_effects="independent")
    assert not any("y0 and y1" in note for note in independent.outcome.notes)


def test_an_outcome_that_is_not_there_is_named(correlated):
    with pytest.raises(SpecError, match=r"^There is no outcome 'zz'; the outcomes are y0, y1\.$"):
        correlated["zz"]
    assert "zz" not in correlated
    assert correlated.get("zz") is None


def test_questions_without_an_answer_are_refused(correlated):
    with pytest.raises(EngineError, match="Nothing was pooled"):
        correlated.pooled()
    with pytest.raises(SpecError, match="margin is"):
        correlated.probability(margin=-1.0)
    with pytest.raises(SpecError, match="from 1 to 2"):
        correlated.probability(at_least=3)
    with pytest.raises(SpecError, match="names 'z'"):
        correlated.contrasts(margin={"z": 1.0})
    with pytest.raises(HypothesisError):
        correlated.contrasts(factor="nothing")
