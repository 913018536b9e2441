"""Imputed outcomes against the formulas written out patient by patient; the analysis against ANCOVA and the MMRM."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import EngineError, SpecError
from msclong.sensitivity.assumption import Assumption
from msclong.sensitivity.conditional_mean import completed_coefficients
from msclong.sensitivity.planned_visits import planned_visits
from msclong.sensitivity.strategies import STRATEGIES, missing_at_random
from trials_with_dropout import BY_ARM, SATURATED, VISITS, saturated, trial

EXACT = 1e-8
"""Both sides are closed forms of the same estimates; what is left is rounding and the optimiser's last digits."""

DIRECT = 1e-5
"""The jackknife covariance against refits by ml.fit, relative: left-out estimates are right to 1e-8 of their errors."""


def written_out(fit: ml.Fit, strategy: str, reference: str) -> pd.DataFrame:
    """Subjects x visits: Carpenter, Roger and Kenward (2013), with mean and covariance matrix of each patient in full.

    The joint distribution of an active patient who drops out after visit d has the mean of its own arm up to d, then
    what the strategy says, and the covariance that has the own arm's upper left block and the reference's regression.
    """
    frame = fit.design.fixed.frame
    sigmas = {name: np.array(matrix) for name, matrix in fit.covariance.matrices.items()}
    wide = frame.pivot(index="id", columns="visit", values="y")
    result = wide.copy()
    for patient, row in wide.iterrows():
        own = frame[frame["id"] == patient].iloc[0]
        mu, mu_r = (
            fit.predict(pd.DataFrame({"id": "new", "arm": arm, "visit": VISITS, "x": own["x"], "y": np.nan}))[
                "estimate"
            ].to_numpy()
            for arm in (own["arm"], reference)
        )
        S, S_r = (sigmas.get(arm, sigmas.get("")) for arm in (own["arm"], reference))
        y = row.to_numpy(copy=True)
        seen = np.flatnonzero(~np.isnan(y))
        d = seen[-1] + 1
        gaps = np.setdiff1d(np.arange(d), seen)
        if gaps.size:
            y[gaps] = mu[gaps] + S[np.ix_(gaps, seen)] @ np.linalg.inv(S[np.ix_(seen, seen)]) @ (y - mu)[seen]
        if own["arm"] == reference or strategy in ("MAR", "RTB"):
            mu_r, S_r = mu, S
        mean = {
            "MAR": mu,
            "J2R": np.r_[mu[:d], mu_r[d:]],
            "CR": mu_r,
            "CIR": np.r_[mu[:d], mu[d - 1] + mu_r[d:] - mu_r[d - 1]],
            "RTB": np.r_[mu[:d], np.zeros(4 - d)],
        }[strategy]
        R = S_r[d:, :d] @ np.linalg.inv(S_r[:d, :d])
        full = np.block([[S[:d, :d], S[:d, :d] @ R.T], [R @ S[:d, :d], S_r[d:, d:]]])
        y[d:] = mean[d:] + full[d:, :d] @ np.linalg.inv(full[:d, :d]) @ (y[:d] - mean[:d])
        result.loc[patient] = y
    return result


@pytest.mark.parametrize("formula", [SATURATED, BY_ARM])
@pytest.mark.parametrize("strategy", ["MAR", "J2R", "CR", "CIR"])
def test_imputed_outcomes_are_those_of_the_formulas(formula, strategy):
    fit = ml.fit(ml.ModelSpec(formula, arm="arm", outcome_type="change"), trial())
    found = ml.sensitivity.reference_based(fit, strategy, reference="B")
    expected = written_out(fit, strategy, "B")
    for (patient, visit), row in found.values.iterrows():
        assert row["imputed"] == pytest.approx(expected.loc[patient, visit], rel=EXACT)
    assert found.values["after_dropout"].sum() == len(found.values) - 2


def ancova(fit: ml.Fit, completed: pd.DataFrame) -> np.ndarray:
    """B - A at each visit by ordinary least squares on x and arm."""
    first = fit.design.fixed.frame.drop_duplicates("id").set_index("id").loc[completed.index]
    X = np.column_stack([np.ones(len(first)), first["x"], first["arm"] == "B"]).astype(float)
    return np.linalg.lstsq(X, completed.to_numpy(dtype=float), rcond=None)[0][2]


@pytest.mark.parametrize("strategy", ["MAR", "J2R", "CR", "CIR"])
def test_with_a_coefficient_for_each_visit_the_analysis_is_ancova_at_each_visit(strategy):
    fit = saturated()
    found = ml.sensitivity.reference_based(fit, strategy).contrasts().loc["B - A"]
    np.testing.assert_allclose(
        found["estimate"], ancova(fit, written_out(fit, strategy, "A")), rtol=EXACT, atol=EXACT
    )


@pytest.mark.parametrize(
    "formula",
    ["y ~ x + arm * visit + us(visit | id)", "y ~ x + arm * visit + (1 | id)", BY_ARM, SATURATED],
)
def test_missing_at_random_gives_back_the_fit_itself_whatever_the_mean(formula):
    fit = ml.fit(ml.ModelSpec(formula, arm="arm", visit="visit", outcome_type="change"), trial())
    found = ml.sensitivity.reference_based(fit, "MAR")
    np.testing.assert_allclose(found.estimate.beta, fit.estimate.beta, rtol=EXACT, atol=EXACT)


def test_jackknife_is_that_of_direct_refits():
    data = trial(n=40, seed=3)
    spec = ml.ModelSpec(SATURATED, arm="arm", outcome_type="change")
    refits = [ml.fit(spec, data[data["id"] != one]) for one in data["id"].unique()]
    n = len(refits)
    for strategy in ("J2R", "CR", "CIR"):
        replicates = []
        for fit in refits:
            planned = planned_visits(fit.design)
            mean = missing_at_random(planned, 0).where(planned.arm == 1, STRATEGIES[strategy](planned, 0))
            assumption = Assumption(planned, mean, np.zeros((*planned.y.shape, 0)))
            replicates.append(
                completed_coefficients(assumption, fit.estimate.beta, fit.covariance.theta)[:, 0]
            )
        expected = (n - 1) ** 2 / n * np.cov(replicates, rowvar=False)
        found = ml.sensitivity.reference_based(ml.fit(spec, data), strategy).estimate.vcov
        np.testing.assert_allclose(found, expected, rtol=DIRECT, atol=DIRECT * np.abs(expected).max())


def test_reference_strategies_lie_between_mar_and_no_effect():
    fit = saturated(n=120)
    last = {
        name: ml.sensitivity.reference_based(fit, name).contrasts().loc[("B - A", "w8")]
        for name in ("MAR", "CIR", "CR", "J2R")
    }
    for name in ("CIR", "CR", "J2R"):
        assert last["MAR"]["estimate"] < last[name]["estimate"] < 0
        assert last[name]["se"] < last["MAR"]["se"]


def test_each_arm_may_have_a_strategy_of_its_own():
    fit = saturated(n=90, arms=("A", "B", "C"))
    found, jumped, at_random = (
        ml.sensitivity.reference_based(fit, asked) for asked in ({"B": "J2R"}, "J2R", "MAR")
    )
    arm = fit.design.fixed.frame.drop_duplicates("id").set_index("id")["arm"]
    own = arm.loc[found.values.index.get_level_values("id")].to_numpy()
    expected = np.where(own == "B", jumped.values["imputed"], at_random.values["imputed"])
    np.testing.assert_allclose(found.values["imputed"], expected, rtol=EXACT)
    assert not np.allclose(jumped.values["imputed"][own == "C"], expected[own == "C"])
    assert "B jump to the mean of arm A" in found.assumption


def test_answers_are_those_of_any_fit_and_say_what_was_assumed():
    found = ml.sensitivity.reference_based(saturated(), "J2R")
    table = found.contrasts()
    assert list(table.columns) == ["estimate", "se", "lower", "upper", "df", "statistic", "p_value"]
    assert "J2R" in table.attrs["assumption"]
    assert "jackknife" in table.attrs["inference"]
    assert found.means().loc[("A", "w1"), "estimate"] == pytest.approx(
        saturated().means().loc[("A", "w1"), "estimate"], abs=0.3
    )
    assert "J2R" in repr(found)
    assert 0 < found.test("arm:visit")["p_value"].iloc[0] < 1


def test_with_a_normal_test_the_interval_is_normal():
    spec = ml.ModelSpec(SATURATED, arm="arm", outcome_type="change")
    fit = ml.fit(spec, trial(), ml.Frequentist(ddf="asymptotic"))
    row = ml.sensitivity.reference_based(fit, "J2R").contrasts().iloc[-1]
    assert row["upper"] - row["estimate"] == pytest.approx(1.959964 * row["se"], rel=1e-6)


def test_of_changes_return_to_baseline_is_no_change():
    fit = saturated()
    found = ml.sensitivity.return_to_baseline(fit)
    expected = written_out(fit, "RTB", "A")
    for (patient, visit), row in found.values.iterrows():
        assert row["imputed"] == pytest.approx(expected.loc[patient, visit], rel=EXACT)


def test_a_single_arm_returns_to_its_mean_at_baseline():
    data = trial(n=50, arms=("only",), gaps=False)
    fit = ml.fit("y ~ visit + us(visit | id)", data)
    found = ml.sensitivity.return_to_baseline(fit)
    start = fit.means().loc["w1", "estimate"]
    # Whoever was seen at baseline alone, with the deviation d there, is expected at start + regression on d.
    once = data.groupby("id")["y"].agg(["size", "first"]).query("size == 1")
    S = fit.covariance.matrix.to_numpy()
    for patient, row in once.iterrows():
        expected = start + S[1:, 0] / S[0, 0] * (row["first"] - start)
        np.testing.assert_allclose(found.values.loc[patient, "imputed"], expected, rtol=EXACT)
    change, mar = (f.contrasts()["estimate"].iloc[-1] for f in (found, fit))
    assert abs(change) < abs(mar)


def test_with_the_baseline_as_covariate_each_returns_to_its_own():
    data = trial(n=60, gaps=False)
    fit = ml.fit(ml.ModelSpec("y ~ arm * visit + us(visit | id)", arm="arm", baseline_as="covariate"), data)
    found = ml.sensitivity.return_to_baseline(fit)
    frame, S = fit.design.fixed.frame, fit.covariance.matrix.to_numpy()
    (patient, *_) = frame.groupby("id").size().loc[lambda n: n == 1].index
    own = frame[frame["id"] == patient].iloc[0]
    deviation = own["y"] - fit.predict(data[data["id"] == patient])["estimate"].iloc[-1]
    expected = own["baseline"] + S[1:, 0] / S[0, 0] * deviation
    np.testing.assert_allclose(found.values.loc[patient, "imputed"], expected, rtol=EXACT)


def test_lognormal_outcomes_are_imputed_on_the_log_scale():
    data = trial().assign(y=lambda d: np.exp(d["y"] / 10))
    spec = ml.ModelSpec(SATURATED, arm="arm", family="lognormal")
    found = ml.sensitivity.reference_based(ml.fit(spec, data), "J2R")
    of_logs = ml.fit(ml.ModelSpec(SATURATED, arm="arm"), data.assign(y=np.log(data["y"])))
    logs = ml.sensitivity.reference_based(of_logs, "J2R")
    np.testing.assert_allclose(np.log(found.values["imputed"]), logs.values["imputed"], rtol=EXACT)
    np.testing.assert_allclose(found.estimate.beta, logs.estimate.beta, rtol=EXACT, atol=EXACT)


def test_where_nothing_is_missing_the_answers_are_the_fits_own_and_it_says_so():
    fit = ml.fit(ml.ModelSpec("Reaction ~ C(Days) + cs(Days | Subject)"), ml.datasets.sleepstudy())
    for found in (ml.sensitivity.return_to_baseline(fit), ml.sensitivity.delta(fit, 5)):
        assert not found.missing
        assert found.values.empty
        assert "nothing is imputed" in found.assumption
        pd.testing.assert_frame_equal(found.contrasts(), fit.contrasts())


def test_a_mark_of_synthetic_data_stays():
    data = trial()
    data.attrs["synthetic"] = "made up"
    spec = ml.ModelSpec(SATURATED, arm="arm", outcome_type="change")
    found = ml.sensitivity.reference_based(ml.fit(spec, data), "J2R")
    assert found.contrasts().attrs["synthetic"] == found.values.attrs["synthetic"] == "made up"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"strategy": "J3R"}, SpecError, "Unknown strategy 'J3R'"),
        ({"strategy": {"C": "J2R"}}, SpecError, "'C' is not an arm"),
        ({"reference": "placebo"}, SpecError, "'placebo' is not an arm"),
        ({"inference": 5}, SpecError, "MultipleImputation"),
    ],
)
def test_arguments_are_refused_in_words(change, error, words):
    with pytest.raises(error, match=words):
        ml.sensitivity.reference_based(saturated(), **change)


def test_models_without_a_place_for_imputation_are_refused():
    sleep = ml.datasets.sleepstudy().iloc[:-3]
    with pytest.raises(SpecError, match="needs arms"):
        ml.sensitivity.reference_based(ml.fit("Reaction ~ C(Days) + cs(Days | Subject)", sleep))
    irregular = sleep.assign(Days=sleep["Days"] + np.random.default_rng(0).uniform(0, 0.5, len(sleep)))
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", irregular)
    with pytest.raises(EngineError, match="times of subjects' own"):
        ml.sensitivity.return_to_baseline(fit)
    with pytest.raises(SpecError, match="must be a fit"):
        ml.sensitivity.return_to_baseline("fit")
    weighted = ml.ModelSpec(SATURATED, arm="arm", outcome_type="change", weights="w")
    with pytest.raises(EngineError, match="weighted"):
        ml.sensitivity.reference_based(ml.fit(weighted, trial().assign(w=2.0)))
    data = trial()
    varying = data.assign(x=data["x"] + np.arange(len(data)))
    with pytest.raises(EngineError, match="varies between a subject's visits"):
        ml.sensitivity.reference_based(ml.fit(ml.ModelSpec(SATURATED, arm="arm"), varying))
    boxed = ml.fit(ml.ModelSpec(SATURATED, arm="arm"), data, ml.Frequentist(ddf="modified-box"))
    with pytest.raises(EngineError, match="modified Box"):
        ml.sensitivity.reference_based(boxed)
    sites = data.assign(site=data["id"].str[-1])
    tied = ml.fit("y ~ arm * visit + (1 | site / id)", sites)
    with pytest.raises(EngineError, match="tie subjects together"):
        ml.sensitivity.reference_based(tied)


@pytest.mark.parametrize("name", ["J2R", "CR", "cir"])
def test_the_reference_cannot_copy_itself(name):
    with pytest.raises(SpecError, match="nothing to copy"):
        ml.sensitivity.reference_based(saturated(), {"A": name})
    ml.sensitivity.reference_based(saturated(), {"A": "RTB", "B": "MAR"})
