"""Fitting many outcomes: the figures of single fits, failures with reasons, processes."""

from __future__ import annotations

import json
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import ConvergenceWarning, DataError, EngineError, SpecError, UnknownOutcomeError
from msclong.study.jobs import Job, run
from msclong.study.outcome_table import OutcomeTable

from .conftest import DEFAULTS, OUTCOMES


def test_each_fit_is_that_of_ml_fit(trial, fitted):
    for name, endpoint in fitted.endpoints.items():
        table = trial.dropna(subset=[name])
        for engine in (ml.Frequentist(), ml.Bayesian(seed=1)):
            alone = ml.fit(endpoint.spec, table, engine)
            pd.testing.assert_frame_equal(fitted[name][type(engine).__name__].contrasts(), alone.contrasts())


def test_the_table_is_not_changed(trial):
    before = trial.copy()
    ml.Study(trial, {"score": {}}, DEFAULTS).fit(n_jobs=1)
    pd.testing.assert_frame_equal(trial, before)


def test_processes_do_not_change_the_figures(trial, fitted):
    engines = [ml.Frequentist(), ml.Bayesian(seed=1)]
    apart = ml.Study(trial, OUTCOMES, DEFAULTS).fit(engines, n_jobs=2)
    for engine in ("Frequentist", "Bayesian"):
        pd.testing.assert_frame_equal(apart.contrasts(engine), fitted.contrasts(engine), rtol=1e-12)


def test_visits_and_subjects_without_the_outcome_leave_with_a_note(fitted):
    fit = fitted["flow"]["Frequentist"]
    assert (fit.n_subjects, list(fit.design.data.visits)) == (12, [0, 3, 6])
    notes = fitted.notes.loc[("flow", "Frequentist"), "note"].tolist()
    assert notes[:2] == ["1 visit without this outcome: 1.", "8 subjects without this outcome."]
    assert fitted["pain"]["Frequentist"].design.data.n_subjects == 20, "a missed visit stays"


def test_200_outcomes_with_10_broken_ones():
    rng = np.random.default_rng(5)
    months, n = (0, 1, 3), 12
    keys = pd.MultiIndex.from_product([range(n), months], names=["patient", "month"]).to_frame(index=False)
    own = rng.normal(size=(n, 200)).repeat(len(months), axis=0)
    values = own + rng.normal(size=(n * len(months), 200))
    table = pd.concat([keys, pd.DataFrame(values, columns=[f"y{i}" for i in range(200)])], axis="columns")
    broken = {}
    for name in ("y0", "y40", "y80"):  # all missing
        table[name], broken[name] = np.nan, "no observed value"
    for name in ("y10", "y50"):  # constant
        table[name], broken[name] = 7.0, "constant"
    for name in ("y20", "y60"):  # one subject
        table.loc[table["patient"] > 0, name] = np.nan
        broken[name] = "Only one patient"
    for name in ("y30", "y70", "y90"):  # text
        table[name], broken[name] = table[name].round(1).astype(str) + " mg", "not numeric"
    study = ml.Study(
        table,
        {f"y{i}": {} for i in range(200)},
        {"formula": "{outcome} ~ C(month) + cs(month | patient)", "role": "exploratory"},
    )
    with pytest.warns(ConvergenceWarning, match="10 of 200 outcomes"):
        found = study.fit(n_jobs=1)
    assert (len(found), len(found.failures)) == (190, 10)
    assert set(found.failures.index.get_level_values("outcome")) == set(broken)
    for name, reason in broken.items():
        assert reason in found.failures.loc[(name, "Frequentist"), "reason"]
    assert len(found.contrasts()) == 190 * 2
    assert (found.outcomes()["Frequentist"] == "failed").sum() == 10


def test_what_nobody_foresaw_is_a_failure_with_its_traceback(trial):
    class Broken:
        def fit(self, design):
            raise ZeroDivisionError("nobody foresaw this")

    endpoint = ml.Endpoint("score ~ C(month) + us(month | patient)")
    result = run(Job("score", endpoint, "mvt", "Broken", endpoint.spec, OutcomeTable(trial, ()), Broken()))
    assert result.error == "ZeroDivisionError"
    assert "nobody foresaw this" in result.reason
    assert "Traceback" in result.details


def test_an_approximation_is_fitted_where_the_engine_lacks_the_family(trial):
    table = trial.assign(grade=pd.cut(trial["score"], [-99, 4, 6, 99], labels=["low", "middle", "high"]))
    outcomes = {"grade": {"family": "cumulative_logit", "approximation": "gaussian", "better": "lower"}}
    found = ml.Study(
        table, outcomes, {"formula": "{outcome} ~ C(month) + (1 | patient)", "visit": "month"}
    ).fit([ml.Frequentist(), ml.Bayesian(seed=1)], n_jobs=1)
    assert found["grade"]["Frequentist"].spec.family == "gaussian"
    assert found["grade"]["Bayesian"].spec.family == "cumulative_logit"
    assert "numbered in their order: 1 low, 2 middle, 3 high" in " ".join(
        found.notes.loc[("grade", "Frequentist"), "note"]
    )
    assert set(found.contrasts("Frequentist")["approximation"]) == {"gaussian"}
    assert set(found.contrasts("Bayesian")["approximation"]) == {""}


def test_without_an_approximation_the_engine_says_why_not(trial):
    study = ml.Study(
        trial.assign(events=1 + trial["patient"] % 3),
        {"events": {"family": "poisson"}},
        {"formula": "{outcome} ~ C(month) + (1 | patient)", "visit": "month"},
    )
    with pytest.warns(ConvergenceWarning, match="1 of 1"):
        found = study.fit(n_jobs=1)
    assert "family='poisson'" in found.failures.loc[("events", "Frequentist"), "reason"]
    with pytest.raises(UnknownOutcomeError, match="has no fit"):
        found["events"]
    with pytest.raises(UnknownOutcomeError, match="no outcome 'score'"):
        found["score"]


def test_rows_select_a_parameter(trial):
    long = trial.melt(["patient", "month"], ["score", "pain"], "PARAMCD", "AVAL")
    outcomes = {name: {"rows": {"PARAMCD": name}, "label": name} for name in ("score", "pain", "none")}
    study = ml.Study(long, outcomes, {"formula": "AVAL ~ C(month) + us(month | patient)"})
    with pytest.warns(ConvergenceWarning, match="none"):
        found = study.fit(n_jobs=1)
    alone = ml.fit("pain ~ C(month) + us(month | patient)", trial)
    assert found["pain"]["Frequentist"].contrasts().to_numpy() == pytest.approx(alone.contrasts().to_numpy())
    assert "No row has PARAMCD 'none'" in found.failures.loc[("none", "Frequentist"), "reason"]


def test_a_table_for_each_outcome(trial):
    tables = {"score": trial, "pain": trial[trial["month"] < 6]}
    found = ml.Study(tables, {"score": {}, "pain": {}}, DEFAULTS).fit(n_jobs=1)
    assert list(found["pain"]["Frequentist"].design.data.visits) == [0, 1, 3]
    with pytest.raises(SpecError, match="tables for"):
        ml.Study({"score": trial}, {"score": {}, "pain": {}}, DEFAULTS)


def test_a_missing_key_stays_an_error(trial):
    table = trial.assign(month=trial["month"].where(trial.index != 3))
    with pytest.warns(ConvergenceWarning):
        found = ml.Study(table, {"score": {}}, DEFAULTS).fit(n_jobs=1)
    assert "month" in found.failures.loc[("score", "Frequentist"), "reason"]


def test_engines_come_from_the_call_or_the_plan(trial):
    plan = ml.AnalysisPlan.declare({"score": {}}, DEFAULTS, engines=[ml.Frequentist(ddf="satterthwaite")])
    assert ml.Study(trial, plan).fit(n_jobs=1)["score"]["Frequentist"].engine == plan.engines[0]
    two = [ml.Frequentist(), ml.Frequentist(method="ml", ddf="satterthwaite")]
    found = ml.Study(trial, plan).fit(two, n_jobs=1)
    assert list(found["score"]) == [
        "Frequentist (method reml, ddf kenward-roger)",
        "Frequentist (method ml, ddf satterthwaite)",
    ]
    with pytest.raises(EngineError, match="engines is an engine"):
        ml.Study(trial, plan).fit("Bayesian")
    with pytest.raises(SpecError, match="takes no defaults"):
        ml.Study(trial, plan, DEFAULTS)
    with pytest.raises(DataError, match="not a table"):
        ml.Study(3, plan)


def test_a_plan_read_from_text_fits_the_same(trial, fitted):
    again = ml.Study(trial, ml.AnalysisPlan.from_toml(fitted.plan.to_toml())).fit(n_jobs=1)
    pd.testing.assert_frame_equal(again.contrasts(), fitted.contrasts())
    assert json.loads(fitted.plan.to_json())["title"] == "A small trial"


@pytest.mark.parametrize("n_jobs", [0, 1.5, "all", True])
def test_a_number_of_processes_is_whole(trial, n_jobs):
    with pytest.raises(EngineError, match="n_jobs is"):
        ml.Study(trial, {"score": {}}, DEFAULTS).fit(n_jobs=n_jobs)


def _bds(trial) -> pd.DataFrame:
    """`trial` in the Basic Data Structure: two parameters, one of them with a record carried forward."""
    long = trial.melt(["patient", "month"], ["score", "pain"], "PARAMCD", "AVAL").dropna(subset=["AVAL"])
    long = long.rename(columns={"patient": "USUBJID", "month": "AVISITN"})
    long["USUBJID"], long["PARAMCD"] = long["USUBJID"].astype(str), long["PARAMCD"].str.upper()
    long["PARAM"], long["AVISIT"] = long["PARAMCD"].str.title(), "Month " + long["AVISITN"].astype(str)
    long["ABLFL"] = np.where(long["AVISITN"] == 0, "Y", "")
    long["ANL01FL"] = "Y"
    base = long[long["AVISITN"] == 0].set_index(["USUBJID", "PARAMCD"])["AVAL"]
    keys = pd.MultiIndex.from_frame(long[["USUBJID", "PARAMCD"]])
    long["BASE"] = base.reindex(keys).to_numpy()
    long["CHG"] = (long["AVAL"] - long["BASE"]).where(long["AVISITN"] > 0)
    return long.reset_index(drop=True)


def test_parameters_of_a_bds_are_outcomes(trial):
    table = _bds(trial)
    unscheduled = table[table["PARAMCD"] == "SCORE"].iloc[[1]].assign(ANL01FL="")
    bds = ml.read_bds(pd.concat([table, unscheduled], ignore_index=True))
    defaults = {"formula": "AVAL ~ C(AVISIT) + us(AVISIT | USUBJID)"}
    outcomes = {"SCORE": {"better": "lower"}, "second": {"rows": {"PARAMCD": "SCORE"}}, "NONE": {}}
    with pytest.warns(ConvergenceWarning, match="1 of 3"):
        found = ml.Study(bds, outcomes, defaults).fit(n_jobs=1)
    alone = ml.fit("score ~ C(month) + us(month | patient)", trial)
    assert found["SCORE"]["Frequentist"].contrasts().to_numpy() == pytest.approx(
        alone.contrasts().to_numpy(), rel=1e-9
    )
    pd.testing.assert_frame_equal(
        found["second"]["Frequentist"].contrasts(), found["SCORE"]["Frequentist"].contrasts()
    )
    assert "ANL01FL" in " ".join(found.notes.loc[("SCORE", "Frequentist"), "note"]), (
        "what was left out is told"
    )
    assert "NONE" in found.failures.loc[("NONE", "Frequentist"), "reason"]


def test_violations_of_a_parameter_are_its_failure_alone(trial):
    table = _bds(trial)
    table.loc[table["PARAMCD"].eq("PAIN") & table["AVISITN"].eq(3), "CHG"] += 1
    outcomes = {"SCORE": {}, "PAIN": {}}
    with pytest.warns(ConvergenceWarning, match="1 of 2"):
        found = ml.Study(
            ml.read_bds(table), outcomes, {"formula": "AVAL ~ C(AVISIT) + us(AVISIT | USUBJID)"}
        ).fit(n_jobs=1)
    assert list(found) == ["SCORE"]
    assert "chg" in found.failures.loc[("PAIN", "Frequentist"), "reason"].lower()


def test_an_outcome_without_a_baseline_is_no_outcome_of_another_baseline(trial):
    late = trial.assign(pain=trial["pain"].where(trial["month"] > 0))
    with pytest.warns(ConvergenceWarning):
        found = ml.Study(late, {"pain": {"role": "primary"}, "score": {}}, DEFAULTS).fit(n_jobs=1)
    assert "first visit, 0" in found.failures.loc[("pain", "Frequentist"), "reason"]
    assert (found.contrasts().loc["score", "p_adjusted"] == 1).all(), "the gate stays shut"
    meant = ml.Study(late, {"pain": {"baseline": 1}}, DEFAULTS).fit(n_jobs=1)
    assert list(meant.contrasts().loc["pain"].index) == ["3 - 1", "6 - 1"]


@pytest.mark.parametrize("declared", [{"arm": "arm"}, {}])
def test_an_arm_without_the_outcome_is_a_failure(trial, declared):
    table = trial.assign(arm=np.where(trial["patient"] % 2, "drug", "placebo"))
    table["pain"] = table["pain"].where(table["arm"] == "placebo")
    defaults = {"formula": "{outcome} ~ C(arm) * C(month) + us(month | patient)"} | declared
    with pytest.warns(ConvergenceWarning):
        found = ml.Study(table, {"pain": {}}, defaults).fit(n_jobs=1)
    assert "'drug'" in found.failures.loc[("pain", "Frequentist"), "reason"]


def test_an_order_of_visits_that_outcomes_share(trial):
    words = {0: "start", 1: "first", 3: "then", 6: "last"}
    table = trial.assign(month=trial["month"].map(words))
    defaults = DEFAULTS | {"visit_order": list(words.values())}
    found = ml.Study(table, {"score": {}, "flow": {}}, defaults).fit(n_jobs=1)
    assert list(found["flow"]["Frequentist"].design.data.visits) == ["start", "then", "last"]


def test_threads_keep_warnings_apart(trial):
    table = trial.copy()
    for name in "abcd":  # between patients nothing varies: the variance of the intercept is zero
        table[name] = table["score"] - table.groupby("patient")["score"].transform("mean") + table["month"]
    outcomes = {
        name: {"formula": "{outcome} ~ C(month) + (1 | patient)", "visit": "month"} for name in "abcd"
    }
    study = ml.Study(table, outcomes | {"score": DEFAULTS})
    with joblib.parallel_config(backend="threading", n_jobs=4):
        found = study.fit(n_jobs=None)
    told = found.notes["note"].str.contains("boundary").groupby("outcome").any()
    assert told.to_dict() == {"a": True, "b": True, "c": True, "d": True, "score": False}


def test_a_backend_that_cannot_is_told(trial):
    study = ml.Study(trial, {"score": {}}, DEFAULTS)
    with joblib.parallel_config(backend="multiprocessing"), pytest.raises(EngineError, match="loky"):
        study.fit(n_jobs=2)


def test_an_engine_that_failed_says_why(trial):
    with pytest.warns(ConvergenceWarning):
        found = ml.Study(trial, {"score": {}}, DEFAULTS).fit(
            [ml.Frequentist(), ml.StatsmodelsMixedLM()], n_jobs=1
        )
    reason = found.failures.loc[("score", "statsmodels"), "reason"]
    with pytest.raises(UnknownOutcomeError, match="statsmodels") as raised:
        found["score"]["statsmodels"]
    assert reason in str(raised.value)


def test_fits_and_plans_can_be_kept(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    pd.testing.assert_frame_equal(again.contrasts(), fitted.contrasts())
    assert hash(again.plan) == hash(fitted.plan)
    assert again.plan == fitted.plan


def test_the_plan_of_the_fits_names_the_engines(fitted):
    assert fitted.plan.engines == (ml.Frequentist(), ml.Bayesian(seed=1))


def test_steps_of_a_score_are_none_of_another_family(trial):
    outcomes = {"flow": {"family": "lognormal", "mid": 1.5, "resolution": 1}}
    found = ml.Study(trial, outcomes, DEFAULTS).fit(n_jobs=1)
    assert len(found.responders()) == 2


WORDS = {0: "Screening", 1: "Week 2", 3: "Week 6", 6: "End"}


def _without_the_first(trial, form):
    """`pain` from month 1 on: by rows, text, categories, a time; with the spec's fields."""
    late = trial.assign(pain=trial["pain"].where(trial["month"] > 0))
    if form == "text":
        return late.assign(month=late["month"].astype(str)), {}
    if form == "categories":
        return late.assign(month=late["month"].astype("category")), {}
    if form == "words in order":
        return late.assign(month=pd.Categorical(late["month"].map(WORDS), list(WORDS.values()))), {}
    if form == "words by time":
        return late.assign(day=late["month"] * 30, month=late["month"].map(WORDS)), {"time": "day"}
    if form == "stated order":
        return late.assign(month=late["month"].map(WORDS)), {"visit_order": list(WORDS.values())}
    return late, {"formula": "{outcome} ~ month + (1 | patient)"}  # growth


@pytest.mark.parametrize(
    "form", ["text", "categories", "words in order", "words by time", "stated order", "growth"]
)
def test_however_visits_are_told_the_first_one_is_the_baseline(trial, form):
    table, fields = _without_the_first(trial, form)
    with pytest.warns(ConvergenceWarning, match="pain"):
        found = ml.Study(table, {"pain": {}, "score": {}}, DEFAULTS | fields).fit(n_jobs=1)
    assert list(found) == ["score"]
    assert "first visit" in found.failures.loc[("pain", "Frequentist"), "reason"]


def test_the_first_visit_is_that_of_all_rows_and_tables(trial):
    late = trial.assign(pain=trial["pain"].where(trial["month"] > 0))
    long = late.melt(["patient", "month"], ["score", "pain"], "par", "y").dropna(subset="y")
    outcomes = {name: {"rows": {"par": name}} for name in ("score", "pain")}
    studies = [
        ml.Study(
            long, outcomes, {"formula": "y ~ C(month) + us(month | patient)", "visit_order": [0, 1, 3, 6]}
        ),
        ml.Study({"score": trial, "pain": late[late["month"] > 0]}, {"score": {}, "pain": {}}, DEFAULTS),
    ]
    for study in studies:
        with pytest.warns(ConvergenceWarning, match="pain"):
            assert list(study.fit(n_jobs=1)) == ["score"]


def test_rows_that_nobody_is_measured_at_are_no_visit(trial):
    screening = trial[trial["month"] == 0].assign(
        month=-1, score=np.nan, flow=np.nan, pain=np.nan, mood=np.nan
    )
    found = ml.Study(pd.concat([screening, trial]), {"score": {}}, DEFAULTS).fit(n_jobs=1)
    assert list(found.contrasts().loc["score"].index) == ["1 - 0", "3 - 0", "6 - 0"]


def test_a_parameter_without_baseline_records_is_refused(trial):
    table = _bds(trial)
    table = table[~(table["PARAMCD"].eq("PAIN") & table["ABLFL"].eq("Y"))]
    table.loc[table["PARAMCD"] == "PAIN", ["BASE", "CHG"]] = np.nan
    with pytest.warns(ConvergenceWarning, match="PAIN"):
        found = ml.Study(
            ml.read_bds(table),
            {"SCORE": {}, "PAIN": {}},
            {"formula": "AVAL ~ C(AVISIT) + us(AVISIT | USUBJID)"},
        ).fit(n_jobs=1)
    assert "baseline" in found.failures.loc[("PAIN", "Frequentist"), "reason"]


@pytest.mark.parametrize("declared", [{"arm": "arm"}, {}])
def test_one_of_three_arms_may_not_leave_unless_it_is_said(trial, declared):
    table = trial.assign(arm=np.array(["a", "b", "c"])[trial["patient"] % 3])
    table["pain"] = table["pain"].where(table["arm"] != "c")
    defaults = {"formula": "{outcome} ~ arm * C(month) + us(month | patient)"} | declared
    with pytest.warns(ConvergenceWarning):
        found = ml.Study(table, {"pain": {}}, defaults).fit(n_jobs=1)
    assert "rows={'arm'" in found.failures.loc[("pain", "Frequentist"), "reason"]
    said = ml.Study(table, {"pain": {"rows": {"arm": ["a", "b"]}}}, defaults).fit(n_jobs=1)
    assert len(said) == 1


def test_covariates_and_roles_may_lose_values(trial):
    table = trial.assign(
        sex=np.where(trial["patient"] == 19, "male", "female"),  # of the twelve with flow nobody
        weight=np.where(trial["flow"].notna(), 1.0, 0.0),
    )
    defaults = {"formula": "{outcome} ~ sex + C(month) + us(month | patient)"}
    one_sex = ml.Study(table, {"flow": {"formula": DEFAULTS["formula"], "weights": "weight"}}).fit(n_jobs=1)
    assert len(one_sex) == 1
    found = ml.Study(table, {"flow": {}}, defaults).fit(n_jobs=1)
    assert found["flow"]["Frequentist"].n_subjects == 12


def test_truth_values_are_no_measurement(trial):
    study = ml.Study(trial.assign(high=trial["score"] > 5), {"high": {}}, DEFAULTS)
    with pytest.warns(ConvergenceWarning):
        found = study.fit(n_jobs=1)
    assert "truth values" in found.failures.loc[("high", "Frequentist"), "reason"]


def test_a_note_goes_with_the_plan(trial):
    plan = ml.AnalysisPlan.declare({"score": {}}, DEFAULTS, note="Made after the results were known.")
    assert ml.AnalysisPlan.from_toml(plan.to_toml()).note == plan.note
