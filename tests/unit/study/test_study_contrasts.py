"""The table over all outcomes: single fits' figures, and p-values that were adjusted as it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import msclong as ml
from msclong.errors import ConvergenceWarning, EngineError, HypothesisError, SpecError
from msclong.study.study_contrasts import OVER_ALL

from .conftest import DEFAULTS, OUTCOMES

EQUAL = 1e-12
"""Figures that are computed twice by the same steps."""


def _within(fitted: ml.StudyFit, name: str, visits=None) -> np.ndarray:
    """p-values of max-t tests within one outcome, by the single fit."""
    fit = fitted[name]["Frequentist"]
    every = fit.hypothesis()
    rows = [i for i, row in enumerate(every.rows) if visits is None or row.split(" ")[0] in visits]
    chosen = ml.LinearHypothesis(every.L[rows], every.rows[rows])
    return fit.contrasts(hypothesis=chosen, adjust="mvt")["p_adjusted"].to_numpy()


def test_rows_are_those_of_single_fits(fitted):
    table = fitted.contrasts()
    assert table.index.names == ["outcome", "contrast"]
    for name in OUTCOMES:
        alone = fitted[name]["Frequentist"].contrasts()
        np.testing.assert_array_equal(table.loc[name, "estimate"], alone["estimate"])
        np.testing.assert_array_equal(table.loc[name, "p_value"], alone["p_value"])
    assert set(table.loc["flow", "effect"]) == {"ratio"}
    assert list(table.loc["flow"].index) == ["3 / 0", "6 / 0"]


def test_serial_gatekeeping_with_holm_and_max_t(fitted):
    table = fitted.contrasts()
    primary = _within(fitted, "score")
    secondary = {"flow": _within(fitted, "flow"), "pain": _within(fitted, "pain", ("3", "6"))}
    # Holm over two outcomes: the one with the smaller largest p is tested at half of alpha, then the other at all.
    first, last = sorted(secondary, key=lambda name: secondary[name].max())
    done = 2 * secondary[first].max()
    by_hand = {
        first: np.minimum(1, 2 * secondary[first]),
        last: np.minimum(2 * secondary[last], np.maximum(done, secondary[last])),
    }
    assert table.loc["score", "p_adjusted"].to_numpy() == pytest.approx(primary, rel=EQUAL)
    for name, p in by_hand.items():
        shown = table.loc[name, "p_adjusted"].dropna().to_numpy()
        assert shown == pytest.approx(np.minimum(1, np.maximum(p, primary.max())), rel=EQUAL)
    assert np.isnan(table.loc[("pain", "1 - 0"), "p_adjusted"])
    assert table.loc["mood", "p_adjusted"].isna().all()


def test_each_row_says_what_was_adjusted(fitted):
    words = fitted.contrasts()["adjustment"]
    assert words.loc[("score", "1 - 0")] == "single-step max-t over 3 contrasts"
    assert words.loc[("pain", "3 - 0")] == (
        "single-step max-t over 2 contrasts; Holm over 2 secondary outcomes; after the primary family"
    )
    assert words.loc[("pain", "1 - 0")] == "not among the tested contrasts"
    assert words.loc[("mood", "1 - 0")] == "none (exploratory)"


def test_a_graph_over_outcomes(trial):
    graph = ml.GraphicalProcedure({"score": 1.0, "pain": 0.0}, {"score": {"pain": 1.0}})
    outcomes = {"score": {"role": "primary"}, "pain": {}}
    study = ml.Study(trial, outcomes, DEFAULTS, multiplicity=ml.Multiplicity(across=graph))
    found = study.fit(n_jobs=1)
    table = found.contrasts()
    gate = _within(found, "score").max()
    expected = np.maximum(gate, _within(found, "pain"))
    assert table.loc["pain", "p_adjusted"].to_numpy() == pytest.approx(expected, rel=EQUAL)
    assert "graph over outcomes" in table.loc[("pain", "1 - 0"), "adjustment"]


def test_families_apart_have_an_error_rate_each(trial, fitted):
    study = ml.Study(trial, OUTCOMES, DEFAULTS, multiplicity=ml.Multiplicity(gatekeeping="none"))
    apart = study.fit(n_jobs=1).contrasts()["p_adjusted"].dropna()
    gated = fitted.contrasts()["p_adjusted"].dropna()
    assert (apart <= gated).all()
    assert (apart < gated).any()


def test_a_failed_primary_outcome_keeps_its_place(trial):
    outcomes = {"gone": {"role": "primary"}, "pain": {}}
    study = ml.Study(trial.assign(gone=np.nan), outcomes, DEFAULTS)
    with pytest.warns(ConvergenceWarning):
        found = study.fit(n_jobs=1)
    assert (found.contrasts().loc["pain", "p_adjusted"] == 1).all(), "its gate was never opened"


@pytest.mark.parametrize("adjust", OVER_ALL)
def test_one_family_of_all_tested_rows(fitted, adjust):
    table = fitted.contrasts(adjust=adjust)
    tested = table["p_adjusted"].notna()
    assert list(table.index[~tested]) == [("pain", "1 - 0")]
    expected = OVER_ALL[adjust](table.loc[tested, "p_value"].to_numpy())
    np.testing.assert_array_equal(table.loc[tested, "p_adjusted"], expected)


def test_unadjusted_and_impossible_arguments(fitted):
    assert "p_adjusted" not in fitted.contrasts(adjust=None)
    with pytest.raises(HypothesisError, match="adjust takes"):
        fitted.contrasts(adjust="mvt")
    with pytest.raises(HypothesisError, match="posterior has none"):
        fitted.contrasts("Bayesian", adjust="holm")
    with pytest.raises(EngineError, match="not fitted by 'SAS'"):
        fitted.contrasts("SAS")


def test_probabilities_are_of_a_benefit(fitted):
    table = fitted.contrasts("Bayesian")
    score, flow = (fitted[name]["Bayesian"].contrasts() for name in ("score", "flow"))
    np.testing.assert_array_equal(table.loc["score", "prob_improved"], score["prob_negative"])
    np.testing.assert_array_equal(table.loc["flow", "prob_improved"], 1 - flow["prob_below_1"])
    np.testing.assert_array_equal(table.loc["score", "prob_beyond_margin"], score["prob_beyond_margin"])
    assert "p_adjusted" not in table


def test_a_visit_that_is_not_there_is_told(trial):
    study = ml.Study(trial, {"score": {"tested": [12]}, "pain": {}}, DEFAULTS)
    with pytest.warns(ConvergenceWarning, match="hypotheses of score"):
        found = study.fit(n_jobs=1)
    table = found.contrasts()
    assert "tested at 12, and has contrasts at 1, 3, 6" in table.attrs["without"]["score"]
    assert (table.loc["pain", "p_adjusted"] <= 2 * _within(found, "pain") * (1 + EQUAL)).all()


def test_tests_against_a_margin(trial):
    outcomes = {"score": {"margin": -1, "test": "superiority", "role": "primary"}}
    found = ml.Study(trial, outcomes, DEFAULTS).fit(n_jobs=1)
    fit = found["score"]["Frequentist"]
    expected = fit.contrasts(test="superiority", margin=-1, adjust="mvt")
    table = found.contrasts()
    np.testing.assert_array_equal(table["p_value"], expected["p_value"])
    assert table["p_adjusted"].to_numpy() == pytest.approx(expected["p_adjusted"].to_numpy(), rel=EQUAL)


def test_with_arms_the_differences_of_arms_are_tested(trial):
    table = trial.assign(arm=np.where(trial["patient"] % 2, "drug", "placebo"))
    defaults = {
        "formula": "{outcome} ~ C(arm, Treatment('placebo')) * C(month) + us(month | patient)",
        "arm": "arm",
    }
    found = ml.Study(table, {"score": {}, "pain": {}}, defaults).fit(n_jobs=1)
    shown = found.contrasts()
    assert shown.index.names == ["outcome", "arm", "contrast"]
    tested = shown["p_adjusted"].notna()
    between = shown.index.get_level_values("arm").str.contains(" - ")
    np.testing.assert_array_equal(tested, between)


def test_standardised_effects_are_positive_where_improved(fitted):
    table = fitted.standardised()
    raw = fitted.contrasts()
    assert (np.sign(table.loc["score", "estimate"]) == -np.sign(raw.loc["score", "estimate"])).all()
    assert set(table.index.get_level_values("outcome")) == set(OUTCOMES)


def test_responders_are_those_of_the_declared_difference(fitted):
    table = fitted.responders("Bayesian")
    assert set(table.index.get_level_values("outcome")) == {"score", "flow"}
    assert set(table.loc["score", "mid"]) == {-2}
    alone = fitted["score"]["Bayesian"].responders(-2)
    np.testing.assert_array_equal(table.loc["score", "estimate"], alone["estimate"])


def test_whole_points_are_corrected_for_continuity(trial):
    found = ml.Study(trial, {"score": {"mid": -2, "resolution": 1}}, DEFAULTS).fit(n_jobs=1)
    halfway = found["score"]["Frequentist"].responders(-2, continuity=0.5)
    np.testing.assert_array_equal(found.responders()["estimate"], halfway["estimate"])


def test_paired_t_tests_are_scipys(trial, fitted):
    wide = trial.pivot(index="patient", columns="month", values="pain")
    table = fitted.paired_t_tests().loc["pain"]
    for month in (1, 3, 6):
        both = wide[[month, 0]].dropna()
        expected = stats.ttest_rel(both[month], both[0])
        row = table.loc[f"{month} - 0"]
        assert row["n"] == len(both)
        assert row[["statistic", "p_value"]].tolist() == pytest.approx(
            [expected.statistic, expected.pvalue], rel=1e-10
        )
        interval = expected.confidence_interval(0.95)
        assert row[["lower", "upper"]].tolist() == pytest.approx(list(interval), rel=1e-10)
    complete = fitted.contrasts().loc["score"]
    paired = fitted.paired_t_tests().loc["score"]
    assert complete["p_value"].to_numpy() == pytest.approx(paired["p_value"].to_numpy(), rel=1e-6), (
        "KR, complete data"
    )


def test_synthetic_data_are_stamped_into_every_table(trial):
    table = trial.copy()
    table.attrs["synthetic"] = "Synthetic: made up for this test."
    found = ml.Study(table, {"score": {"mid": -2}}, DEFAULTS).fit(n_jobs=1)
    made = [
        found.contrasts(),
        found.outcomes(),
        found.paired_t_tests(),
        found.standardised(),
        found.responders(),
    ]
    assert all(shown.attrs["synthetic"] == table.attrs["synthetic"] for shown in made)
    assert "made up for this test" in found.summary()


def test_the_summary_fits_100_columns(fitted):
    assert max(map(len, fitted.summary().split("\n"))) <= 100
    assert isinstance(fitted.outcomes(), pd.DataFrame)


def test_estimands_are_written_from_the_plan(fitted):
    written = dict(fitted.estimands()["score"])
    assert len(written) == 5
    assert any("score" in text for text in written.values())


def test_names_of_arms_and_visits_that_look_like_comparisons(trial):
    words = {0: "Week 0", 1: "Week 1", 3: "Week 1 - 2", 6: "Week 6"}
    table = trial.assign(
        arm=np.where(trial["patient"] % 2, "Dose 5 - 10 mg", "Dose 0 mg"),
        month=pd.Categorical(trial["month"].map(words), list(words.values()), ordered=True),
    )
    defaults = {"formula": "{outcome} ~ arm * month + us(month | patient)", "arm": "arm"}
    shown = ml.Study(table, {"score": {"tested": ["Week 1 - 2"]}}, defaults).fit(n_jobs=1).contrasts()
    tested = shown.index[shown["p_adjusted"].notna()]
    assert list(tested) == [("score", "Dose 5 - 10 mg - Dose 0 mg", "Week 1 - 2 - Week 0")]


def test_a_fixed_sequence_is_in_the_order_of_tested(trial):
    outcomes = {"score": {"tested": [6, 3, 1]}}
    plan = ml.Multiplicity(within="fixed-sequence")
    table = ml.Study(trial, outcomes, DEFAULTS, multiplicity=plan).fit(n_jobs=1).contrasts().loc["score"]
    p = table["p_value"]
    expected = {"6 - 0": p["6 - 0"], "3 - 0": max(p["6 - 0"], p["3 - 0"]), "1 - 0": p.max()}
    assert table["p_adjusted"].to_dict() == pytest.approx(expected)
    assert p["1 - 0"] == p.max(), "else the order would not show"


def test_one_hypothesis_needs_no_adjustment_within(trial):
    outcomes = {"score": {"margin": -1, "test": "equivalence", "tested": [6]}}
    table = ml.Study(trial, outcomes, DEFAULTS).fit(n_jobs=1).contrasts()
    row = table.loc[("score", "6 - 0")]
    assert row["p_adjusted"] == row["p_value"]
    assert row["adjustment"] == "none needed (one hypothesis)"


def test_an_approximation_stays_one_after_a_fallback(trial):
    table = trial.assign(grade=trial["score"].round().clip(2, 6))
    missed = (table["patient"] >= 4) & (table["patient"] % 3 + 1 == table["month"].rank(method="dense") - 1)
    table["grade"] = table["grade"].mask(missed)  # too few complete patients for us
    outcomes = {
        "grade": {
            "family": "cumulative_logit",
            "formula": "{outcome} ~ C(month) + (1 | patient)",
            "visit": "month",
            "approximation": {"formula": "{outcome} ~ C(month) + us(month | patient)", "fallback": ["cs"]},
        }
    }
    found = ml.Study(table, outcomes).fit(n_jobs=1)
    assert "cs" in str(found["grade"]["Frequentist"].spec.parsed.structure)
    assert set(found.contrasts()["approximation"]) == {"gaussian"}


def test_a_study_without_contrasts_has_their_columns(trial):
    with pytest.warns(ConvergenceWarning):
        found = ml.Study(trial.assign(none=np.nan), {"none": {}}, DEFAULTS).fit(n_jobs=1)
    assert {"estimate", "p_adjusted"} <= set(found.contrasts().columns)


@pytest.mark.parametrize("table", ["paired_t_tests", "standardised", "responders", "contrasts"])
def test_levels_are_checked(fitted, table):
    with pytest.raises(SpecError, match="level"):
        getattr(fitted, table)(level=95)


@pytest.mark.parametrize(
    ("engines", "how"),
    [
        ([ml.Frequentist()], "at random."),
        ([ml.Frequentist(ddf="modified-box")], "completely at random."),
        (
            [ml.Frequentist(), ml.Frequentist(ddf="modified-box")],
            "at random, by Frequentist (ddf modified-box) completely at random.",
        ),
    ],
)
def test_what_is_taken_of_missing_outcomes_is_said_of_the_engines_that_ran(trial, engines, how):
    found = ml.Study(trial, {"score": {}}, DEFAULTS, engines=engines).fit(n_jobs=1)
    assert found.facts["missing"].endswith(f"to be missing {how}")
    assert "patients seen at baseline and at that visit" in found.paired_t_tests()._repr_html_()
