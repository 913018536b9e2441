"""From a data set to the records of one parameter, and to a fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import DataError

# Two fits of the same numbers differ by rounding alone.
SAME = 1e-9


def added(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, rows], ignore_index=True)


@pytest.fixture
def imputed(trial) -> pd.DataFrame:
    """The last two subjects left after Week 4: Week 8 is carried forward, once as LOCF and once as WOCF."""
    late = (trial["AVISIT"] == "Week 8") & trial["USUBJID"].isin(["SYN-01-011", "SYN-01-012"])
    carried = trial[late].copy()
    before = trial[(trial["AVISIT"] == "Week 4") & trial["USUBJID"].isin(carried["USUBJID"])]
    for name in ("AVAL", "CHG", "PCHG"):
        carried[name] = before[name].to_numpy()
    carried["DTYPE"] = np.where(carried["USUBJID"] == "SYN-01-011", "LOCF", "WOCF")
    return added(trial[~late], carried)


def test_the_records_are_ready_for_a_fit(trial):
    table = ml.read_bds(trial).records("QSTOT")
    assert len(table) == 48
    assert table["AVISIT"].cat.ordered
    assert table["AVISIT"].cat.categories.tolist() == ["Baseline", "Week 2", "Week 4", "Week 8"]
    assert table["TRT01P"].cat.categories.tolist() == ["Placebo", "Active"]
    assert table.attrs["notes"] == []
    assert table.attrs["outcome_label"] == "Questionnaire Total Score"
    pd.testing.assert_frame_equal(
        table.drop(columns=["AVISIT", "TRT01P"]),
        trial[trial["PARAMCD"] == "QSTOT"].drop(columns=["AVISIT", "TRT01P"]),
    )
    by_hand = trial[trial["PARAMCD"] == "QSTOT"]
    ours = ml.fit("AVAL ~ TRT01P * AVISIT + us(AVISIT | USUBJID)", table)
    theirs = ml.fit(
        "AVAL ~ C(TRT01P, levels=['Placebo', 'Active']) * C(AVISITN) + us(AVISITN | USUBJID)", by_hand
    )
    assert ours.loglik == pytest.approx(theirs.loglik, rel=SAME)
    np.testing.assert_allclose(ours.coefficients()["estimate"], theirs.coefficients()["estimate"], rtol=1e-6)


def test_the_later_visits_alone_have_a_change(trial):
    table = ml.read_bds(trial).records("QSTOT", baseline=False)
    assert table["CHG"].notna().all()
    assert table["AVISIT"].cat.categories.tolist() == ["Week 2", "Week 4", "Week 8"]
    assert table.attrs["notes"] == ["12 of 48 records left out: at or before baseline."]
    spec = ml.ModelSpec("CHG ~ BASE + TRT01P * AVISIT + us(AVISIT | USUBJID)", outcome_type="change")
    assert len(ml.fit(spec, table).contrasts(versus="Placebo", factor="TRT01P", by="AVISIT")) == 3


def test_visits_before_baseline_are_left_out(trial):
    screening = trial[trial["ABLFL"] == "Y"].assign(
        AVISIT="Screening", AVISITN=-2.0, ABLFL=np.nan, ADT=trial["ADT"] - pd.Timedelta(days=14)
    )
    table = ml.read_bds(added(screening, trial)).records("QSTOT")
    assert "Screening" not in table["AVISIT"].cat.categories
    assert table.attrs["notes"] == ["12 of 60 records left out: before the baseline record."]


def test_a_subject_without_baseline_record_begins_at_the_usual_visit(trial):
    trial.loc[1:4, ["BASE", "CHG", "PCHG", "ABLFL"]] = np.nan
    bds = ml.read_bds(trial)
    assert bds.violations["rule"].tolist() == ["no_baseline"]
    assert 1 in bds.records("QSTOT").index
    assert 1 not in bds.records("QSTOT", baseline=False).index


def test_imputed_records_are_left_out_and_said(imputed):
    bds = ml.read_bds(imputed)
    assert set(bds.violations["rule"]) == {"derived_record"}
    table = bds.records("QSTOT")
    assert table["DTYPE"].isna().all()
    assert len(table) == 46
    assert table.attrs["notes"] == ["2 of 48 records left out: computed, not observed (DTYPE LOCF, WOCF)."]


@pytest.mark.parametrize(("derived", "kept"), [(True, 2), (["LOCF"], 1), ("WOCF", 1), ([], 0)])
def test_imputed_records_come_in_by_name_only(imputed, derived, kept):
    table = ml.read_bds(imputed).records("QSTOT", derived=derived)
    assert table["DTYPE"].notna().sum() == kept
    if kept:
        assert table.attrs["notes"][0].startswith(f"{kept} records are computed, not observed")
    with pytest.raises(DataError, match="No record has DTYPE BOCF; there are LOCF, WOCF"):
        ml.read_bds(imputed).records("QSTOT", derived=["BOCF"])


def test_flag_and_population(trial):
    trial["ANL02FL"] = trial["AVISIT"].eq("Week 8").map({True: "Y"})
    bds = ml.read_bds(trial)
    only = bds.records("QSTOT", flag="ANL02FL", baseline=False, population="PPFL")
    assert len(only) == 10
    assert only.attrs["notes"][0] == "8 of 48 records left out: PPFL is not 'Y'."
    with_baseline = bds.records("QSTOT", flag="ANL02FL")
    assert with_baseline["AVISIT"].value_counts().to_dict() == {"Baseline": 12, "Week 8": 12}
    assert with_baseline.attrs["notes"][0] == "12 baseline records are kept though ANL02FL is not 'Y'."
    assert len(bds.records("QSTOT", flag=None)) == 48
    with pytest.raises(DataError, match="no variable 'ITTFL'. The flags are FASFL, PPFL"):
        bds.records("QSTOT", population="ITTFL")
    with pytest.raises(DataError, match="No record of 'QSTOT' is left. 48 of 48 records left out: SITEID"):
        bds.records("QSTOT", where={"SITEID": "77"})


def test_without_anl01fl_all_records_count(trial):
    table = ml.read_bds(trial.drop(columns="ANL01FL")).records("QSTOT")
    assert len(table) == 48
    assert table.attrs["notes"] == ["There is no ANL01FL: every record counts."]


def test_of_several_baselines_one_is_chosen(trial):
    twice = added(trial, trial.assign(BASETYPE=trial["BASETYPE"].where(trial["BASETYPE"].isna(), "FIRST")))
    bds = ml.read_bds(twice[twice["PARAMCD"] == "FLOW"])
    with pytest.raises(DataError, match="2 baselines, of BASETYPE 'LAST', 'FIRST'"):
        bds.records("FLOW")
    assert len(bds.records("FLOW", where={"BASETYPE": "FIRST"})) == 48


def test_of_several_times_within_a_visit_one_is_chosen(trial):
    bds = ml.read_bds(added(trial.assign(ATPT="PRE"), trial[trial["ABLFL"].isna()].assign(ATPT="POST")))
    with pytest.raises(DataError, match="2 times within a visit, of ATPT 'PRE', 'POST'"):
        bds.records("QSTOT")
    assert len(bds.records("QSTOT", where={"ATPT": "PRE"})) == 48


def doubled(trial: pd.DataFrame, **changed: object) -> pd.DataFrame:
    """Row 3, the first subject's Week 4 of QSTOT, once more."""
    return added(trial, trial.loc[[3]].assign(**changed))


@pytest.mark.parametrize(
    ("make", "arguments", "says"),
    [
        (lambda trial: doubled(trial.assign(ANL02FL="Y"), ANL01FL=None), {"flag": "ANL02FL"}, "Choose by flag="),
        (lambda trial: doubled(trial, ANL01FL=None), {"flag": None}, "differ in ANL01FL ('Y', blank)"),
        (lambda trial: doubled(trial, ABLFL="Y", ANL01FL=None), {}, "one_baseline"),
        (lambda trial: doubled(trial.assign(BASETYPE="LAST"), BASETYPE=None, **NO_BASE), {}, "('LAST', blank)"),
        (lambda trial: doubled(trial.assign(ATPT="2H"), ATPT=None), {}, "2 times within a visit, of ATPT '2H', blank"),
        (lambda trial: doubled(trial.assign(APERIOD=1), APERIOD=2), {}, "APERIOD (1, 2). Choose by where={'APERIOD'"),
    ],
)  # fmt: skip
def test_two_records_of_a_visit_are_refused(trial, make, arguments, says):
    trial.index = range(1, 97)
    with pytest.raises(DataError) as caught:
        ml.read_bds(make(trial)).records("QSTOT", **arguments)
    assert says in str(caught.value)


NO_BASE = dict.fromkeys(("BASE", "CHG", "PCHG"), np.nan)


def test_an_unmarked_baseline_record_beside_a_marked_one_of_its_visit(trial):
    trial.loc[1, "ANL01FL"] = np.nan
    twin = trial.loc[[1]].assign(ABLFL=None, ANL01FL="Y", AVAL=trial.loc[1, "AVAL"] + 1, CHG=1.0, PCHG=np.nan)
    bds = ml.read_bds(added(trial, twin))
    assert bds.violations.query("severity == 'error'").empty
    with pytest.raises(DataError, match=r"2 records are left of SYN-01-001 at 'Baseline' \(rows 1, 97\)"):
        bds.records("QSTOT")
    assert len(bds.records("QSTOT", baseline=False)) == 36


def test_who_accepts_several_records_of_a_visit_gets_them_with_a_note(trial):
    bds = ml.read_bds(doubled(trial))
    table = bds.records("QSTOT", accept="one_analysis_record")
    assert len(table) == len(bds.records("QSTOT", despite=True)) == 49
    assert table.attrs["notes"] == ["2 records share their visit with another of the same subject."]


def test_a_period_of_a_crossover(trial):
    second = trial[trial["ABLFL"].isna()].assign(APERIOD=2, ADT=trial["ADT"] + pd.Timedelta(days=90))
    bds = ml.read_bds(added(trial.assign(APERIOD=1), second))
    assert len(bds.records("QSTOT", where={"APERIOD": 1})) == 48
    table = bds.records("QSTOT", where={"APERIOD": 2})
    assert table.attrs["notes"] == [
        "48 of 84 records left out: APERIOD is not 2.",
        "The baseline record of 12 subjects does not meet where=, other records of theirs do.",
    ]


@pytest.mark.parametrize(
    "change", [{"PARAMCD": None}, {"PARAMCD": "QSTOTT"}, {"PARAMCD": "QSTOTT", "PARAM": "QS"}]
)
def test_rows_whose_paramcd_is_blank_or_mistyped_stop_the_parameter(trial, change):
    trial.loc[3, list(change)] = list(change.values())
    bds = ml.read_bds(trial)
    with pytest.raises(DataError, match="key_values, row 3|parameter_one_to_one, row 3"):
        bds.records("QSTOT")
    errors = bds.parameters().set_index("PARAMCD")["errors"]
    assert errors["QSTOT"] > 0
    if change["PARAMCD"]:
        assert len(bds.records("FLOW")) == 48
        assert errors["FLOW"] == 0


def test_a_population_has_the_whole_subject(trial):
    bds = ml.read_bds(trial.assign(ITTRFL=trial["ABLFL"].isna().map({True: "Y"})))
    with pytest.raises(DataError, match="ITTRFL changes within SYN-01-001, .* where={'ITTRFL': 'Y'}"):
        bds.records("QSTOT", population="ITTRFL")
    assert len(bds.records("QSTOT", where={"ITTRFL": "Y"})) == 36


def test_one_of_several_values(trial):
    bds = ml.read_bds(trial)
    for values in (["Active", "Placebo"], {"Active", "Placebo"}, np.array(["Active", "Placebo"])):
        assert len(bds.records("QSTOT", where={"TRT01P": values})) == 48
    assert len(bds.records("QSTOT", where={"AVISITN": [0, 8]})) == 24
    blank = bds.records("QSTOT", where={"ABLFL": None})
    assert len(blank) == 36
    assert blank.attrs["notes"][0] == "12 of 48 records left out: ABLFL is not blank."


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"parameter": ["QSTOT"]}, "parameter must be one PARAMCD"),
        ({"where": "x"}, "where must give the value of each variable"),
        ({"where": {"TRT01P": {"a": 1}}}, "must give one value, or a list"),
        ({"where": {"TRT01P": [["a"]]}}, "must give one value, or a list"),
        ({"where": {"TRT01P": []}}, "must give one value, or a list"),
        ({"flag": ["ANL01FL"]}, "flag must be the name of one variable"),
        ({"population": 1}, "population must be the name of one variable"),
        ({"accept": 5}, "accept must be the name of a rule"),
        ({"derived": 1}, "derived must be True, False, a DTYPE"),
        ({"derived": [1]}, "derived must be True, False, a DTYPE"),
        ({"derived": "LOCF"}, "No record has DTYPE LOCF; no record has one."),
    ],
)
def test_arguments_of_a_wrong_kind_say_so(trial, arguments, says):
    with pytest.raises(DataError) as caught:
        ml.read_bds(trial).records(**{"parameter": "QSTOT", **arguments})
    assert says in str(caught.value)


def test_violations_of_this_parameter_stop_it(trial):
    trial.loc[[2, 15], "CHG"] += 1
    trial.loc[3, "ABLFL"] = "Y"
    bds = ml.read_bds(trial)
    with pytest.raises(DataError) as caught:
        bds.records("QSTOT")
    message = str(caught.value)
    assert message.count("\n  ") == 2
    assert "change, row 2 (SYN-01-001): CHG is" in message
    assert "accept=['one_baseline', 'change']" in message
    assert "row 15" not in message
    assert len(bds.records("QSTOT", accept=["one_baseline", "change"])) == 48
    assert bds.records("QSTOT", despite=True)["CHG"].notna().sum() == 36
    with pytest.raises(DataError, match="one_baseline, rows 1, 3 "):
        bds.records("QSTOT", accept="change")
    with pytest.raises(DataError, match="accept= names chnge; the rules are"):
        bds.records("QSTOT", accept=["chnge"])


def test_a_violation_of_the_whole_table_stops_every_parameter(trial):
    with pytest.raises(DataError, match="required_variables, the table: There is neither AVAL nor AVALC"):
        ml.read_bds(trial.drop(columns="AVAL")).records("QSTOT")


def test_what_is_not_there(trial):
    with pytest.raises(DataError, match="There is no PARAMCD 'SSDAI'. The parameters are QSTOT, FLOW"):
        ml.read_bds(trial).records("SSDAI")
    with pytest.raises(DataError, match="This is no BDS data set: it has no variable PARAMCD, AVISIT"):
        ml.read_bds(trial.drop(columns=["PARAMCD", "AVISIT"])).records("QSTOT")


def test_a_visit_without_a_number_keeps_its_text(trial):
    table = ml.read_bds(trial.drop(columns="AVISITN")).records("QSTOT")
    assert not isinstance(table["AVISIT"].dtype, pd.CategoricalDtype)
    assert "AVISIT has no order" in table.attrs["notes"][0]


def test_the_parameters(imputed):
    parameters = ml.read_bds(imputed).parameters().set_index("PARAMCD")
    assert parameters.loc["QSTOT"].to_dict() == {
        "PARAM": "Questionnaire Total Score",
        "subjects": 12,
        "records": 48,
        "derived": 2,
        "visits": ("Baseline", "Week 2", "Week 4", "Week 8"),
        "errors": 0,
    }


def test_it_says_what_it_is(trial):
    trial.loc[2, "CHG"] += 1
    assert repr(ml.read_bds(trial)) == (
        "BDS(96 records, 12 subjects, parameters QSTOT, FLOW; 1 errors, 0 notices)"
    )
