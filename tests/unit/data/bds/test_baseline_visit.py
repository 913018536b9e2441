"""What is before, at and after baseline, by whatever tells it; and the baseline records as one visit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import DataError


def added(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, rows], ignore_index=True)


def test_a_computed_baseline_is_the_baseline(trial):
    """ABLFL 'Y' with DTYPE AVERAGE: without it, changes would be from the first visit after it."""
    trial["DTYPE"] = trial["DTYPE"].mask(trial["ABLFL"] == "Y", "AVERAGE")
    bds = ml.read_bds(trial)
    table = bds.records("QSTOT")
    assert table["AVISIT"].value_counts().to_dict() == dict.fromkeys(
        ["Baseline", "Week 2", "Week 4", "Week 8"], 12
    )
    assert table.attrs["notes"] == ["12 baseline records are kept though computed (DTYPE AVERAGE)."]
    contrasts = ml.fit("AVAL ~ AVISIT + cs(AVISIT | USUBJID)", table).contrasts()
    change = trial[trial["PARAMCD"] == "QSTOT"].groupby("AVISITN")["CHG"].mean().dropna()
    np.testing.assert_allclose(contrasts["estimate"], change, rtol=1e-6)
    assert "Baseline" not in bds.records("QSTOT", baseline=False)["AVISIT"].cat.categories


def at_screening(trial: pd.DataFrame, subjects: int) -> pd.DataFrame:
    """The baseline record of the first subjects is their last value before dose: of Screening."""
    early = (trial["ABLFL"] == "Y") & trial["USUBJID"].isin(trial["USUBJID"].unique()[:subjects])
    return trial.assign(
        AVISIT=trial["AVISIT"].mask(early, "Screening"),
        AVISITN=trial["AVISITN"].mask(early, -1.0),
        ADT=trial["ADT"].mask(early, trial["ADT"] - pd.Timedelta(days=5)),
    )


def test_baseline_records_are_one_visit(trial):
    bds = ml.read_bds(at_screening(trial, 2))
    assert bds.violations.empty
    table = bds.records("QSTOT")
    assert table["AVISIT"].cat.categories.tolist() == ["Baseline", "Week 2", "Week 4", "Week 8"]
    assert table.loc[1, ["AVISIT", "AVISITN"]].tolist() == ["Baseline", 0]
    assert table.attrs["notes"] == [
        "2 baseline records, which stand at another AVISIT or none, are given the usual one, 'Baseline' (10 at "
        "'Baseline', 2 at 'Screening'): rows 1, 9."
    ]
    assert bds.frame.loc[1, "AVISIT"] == "Screening"
    assert bds.records("QSTOT", baseline=False).attrs["notes"] == [
        "12 of 48 records left out: at or before baseline."
    ]


def test_a_baseline_at_screening_beside_a_record_of_the_baseline_visit(trial):
    """Which of the two is the visit's value is for the analyst to say."""
    again = trial.loc[[1]].assign(ABLFL=None, AVAL=trial.loc[1, "AVAL"] + 1, CHG=1.0)
    again["PCHG"] = 100 / again["BASE"]
    bds = ml.read_bds(added(at_screening(trial, 1), again))
    assert bds.violations.empty
    with pytest.raises(
        DataError, match=r"at 'Baseline' \(rows 1, 97\).* ABLFL \('Y', blank\).*at 'Screening'"
    ):
        bds.records("QSTOT")


def test_which_of_two_baseline_visits_is_meant_is_not_guessed(trial):
    bds = ml.read_bds(at_screening(trial, 6))
    with pytest.raises(DataError, match="no visit in common: 6 at 'Screening', 6 at 'Baseline'"):
        bds.records("QSTOT")
    assert len(bds.records("QSTOT", baseline=False)) == 36


def test_a_baseline_record_without_visit_is_not_lost(trial):
    trial.loc[1, ["AVISIT", "AVISITN"]] = np.nan
    with pytest.raises(DataError, match="visit_given, row 1 "):
        ml.read_bds(trial).records("QSTOT")
    table = ml.read_bds(trial).records("QSTOT", accept="visit_given")
    assert table.loc[1, ["AVISIT", "AVISITN"]].tolist() == ["Baseline", 0]
    trial.loc[trial["ABLFL"] == "Y", ["AVISIT", "AVISITN"]] = np.nan
    with pytest.raises(DataError, match="no visit in common: AVISIT is blank"):
        ml.read_bds(trial).records("QSTOT", accept="visit_given")


def test_a_change_of_zero_at_baseline_is_no_outcome(trial):
    """CHG 0 in the baseline records is legal; fitted as an outcome it would be a constant visit."""
    with_zeros = trial.assign(CHG=trial["CHG"].fillna(0.0), PCHG=trial["PCHG"].fillna(0.0))
    table = ml.read_bds(with_zeros).records("QSTOT")
    assert table["AVAL"].notna().all()
    assert table.loc[table["ABLFL"] == "Y", ["CHG", "PCHG"]].isna().all(axis=None)
    assert table["CHG"].notna().sum() == 36
    assert table.attrs["notes"] == [
        "CHG, PCHG of the 12 baseline records are made missing: 0 by definition, they are no outcome."
    ]
    assert with_zeros["CHG"].notna().all()


def screened(trial: pd.DataFrame) -> pd.DataFrame:
    screening = trial[trial["ABLFL"] == "Y"].assign(
        AVISIT="Screening", AVISITN=-2.0, ABLFL=None, ADT=trial["ADT"] - pd.Timedelta(days=14), ADY=-13.0
    )
    return added(screening, trial)


UNNUMBERED = {
    "as it is": lambda table: table,
    "no AVISITN": lambda table: table.drop(columns="AVISITN"),
    "no AVISITN at Screening": lambda table: table.assign(
        AVISITN=table["AVISITN"].mask(table["AVISIT"] == "Screening")
    ),
    "no AVISITN, days only": lambda table: table.drop(columns=["AVISITN", "ADT"]),
    "ordered AVISIT alone": lambda table: table.drop(columns=["AVISITN", "ADT", "ADY"]).assign(
        AVISIT=pd.Categorical(table["AVISIT"], ["Screening", "Baseline", "Week 2", "Week 4", "Week 8"], ordered=True)
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", UNNUMBERED)
@pytest.mark.parametrize("baseline", [True, False])
def test_screening_goes_whatever_tells_that_it_is_earlier(trial, form, baseline):
    bds = ml.read_bds(UNNUMBERED[form](screened(trial)))
    table = bds.records("QSTOT", baseline=baseline, accept="visit_one_to_one")
    assert set(table["AVISIT"]) == {"Week 2", "Week 4", "Week 8"} | ({"Baseline"} if baseline else set())
    what = "before the baseline record" if baseline else "at or before baseline"
    assert table.attrs["notes"][0] == f"{12 if baseline else 24} of 60 records left out: {what}."


def test_a_record_of_the_day_of_the_baseline_is_not_the_baseline(trial):
    trial.loc[2, "ADT"] = trial.loc[1, "ADT"]
    table = ml.read_bds(trial.drop(columns=["AVISITN", "ADY"])).records("QSTOT", baseline=False)
    assert 2 in table.index
    assert len(table) == 36


def test_a_baseline_record_that_has_neither_visit_nor_date_is_left_out_as_baseline(trial):
    trial.loc[trial["ABLFL"] == "Y", ["AVISIT", "AVISITN"]] = np.nan
    bds = ml.read_bds(trial.drop(columns=["ADT", "ADY"]))
    assert len(bds.records("QSTOT", baseline=False, accept="visit_given")) == 36


def test_what_nothing_tells_the_place_of_is_said(trial):
    table = ml.read_bds(screened(trial).drop(columns=["AVISITN", "ADT", "ADY"])).records("QSTOT")
    assert table.attrs["notes"][0] == (
        "48 records may be from before the baseline record: neither AVISITN nor a date tells."
    )


def test_without_baseline_records_none_is_left_out_and_that_is_said(trial):
    bds = ml.read_bds(trial.drop(columns=["ABLFL", "BASE"]))
    later = bds.records("QSTOT", baseline=False)
    assert len(later) == 48
    assert later.attrs["notes"] == ["No record is left out as baseline: none has ABLFL 'Y'."]
    table = bds.records("QSTOT")
    assert len(table) == 48
    (note,) = table.attrs["notes"]
    assert note.startswith("Nothing says which record is the baseline (no ABLFL 'Y', no BASE)")


@pytest.mark.parametrize("baseline", [True, False])
def test_without_ablfl_the_visit_at_which_aval_is_base_is_the_baseline(trial, baseline):
    earlier = screened(trial)
    earlier["AVAL"] += 3 * (earlier["AVISIT"] == "Screening")
    bds = ml.read_bds(earlier.drop(columns="ABLFL"))
    table = bds.records("QSTOT", baseline=baseline)
    assert set(table["AVISIT"]) == {"Week 2", "Week 4", "Week 8"} | ({"Baseline"} if baseline else set())
    assert table.attrs["notes"][0] == (
        "No record has ABLFL 'Y': the 12 at 'Baseline' are given it, where AVAL is BASE in every record that has both."
    )
    assert "ABLFL" not in bds.frame
    if baseline:
        contrasts = ml.fit("AVAL ~ AVISIT + cs(AVISIT | USUBJID)", table).contrasts()
        change = trial[trial["PARAMCD"] == "QSTOT"].groupby("AVISITN")["CHG"].mean().dropna()
        np.testing.assert_allclose(contrasts["estimate"], change, rtol=1e-6)


def test_a_value_that_is_base_by_chance_at_a_rare_visit_is_no_baseline(trial):
    rare = trial[(trial["AVISIT"] == "Baseline") & (trial["USUBJID"] == "SYN-01-001")]
    rare = rare.assign(
        AVISIT="Week 12", AVISITN=12.0, CHG=0.0, PCHG=0.0, ADT=rare["ADT"] + pd.Timedelta(days=90)
    )
    table = ml.read_bds(added(trial, rare).drop(columns="ABLFL")).records("QSTOT")
    assert table["ABLFL"].eq("Y").groupby(table["AVISIT"], observed=True).sum().to_dict() == {
        "Baseline": 12, "Week 2": 0, "Week 4": 0, "Week 8": 0, "Week 12": 0,
    }  # fmt: skip


def test_without_ablfl_a_base_of_no_visit_or_of_two_is_refused(trial):
    table = screened(trial).drop(columns="ABLFL")
    for visit, says in (("Baseline", "'Screening', 'Baseline'"), ("Week 2", "no visit")):
        changed = table.assign(BASE=table["BASE"] + (visit == "Week 2"))
        with pytest.raises(
            DataError, match=f"AVAL is BASE in all records of {says}. Give the baseline records ABLFL"
        ):
            ml.read_bds(changed).records("QSTOT", despite=True)
        assert len(ml.read_bds(changed).records("QSTOT", baseline=False, despite=True)) == 60


def test_of_later_visits_alone_it_is_said_that_chg_is_the_outcome(trial):
    later = trial[trial["CHG"].notna()].drop(columns="ABLFL")
    table = ml.read_bds(later).records("QSTOT")
    assert len(table) == 36
    assert table.attrs["notes"][0].startswith("The baseline records are not here: every record has CHG")


def test_one_date_on_the_other_side_of_the_baseline_is_refused_not_dropped(trial):
    trial.loc[11, "ADT"] -= pd.Timedelta(days=200)
    bds = ml.read_bds(trial.drop(columns=["AVISITN", "ADY"]))
    for baseline in (True, False):
        with pytest.raises(
            DataError,
            match=r"records at 'Week 4' lie on both .*: 1 before it \(rows 11\), 11 after it \(rows 3, ",
        ):
            bds.records("QSTOT", baseline=baseline)
    assert len(bds.records("QSTOT", where={"AVISIT": ["Baseline", "Week 2", "Week 8"]})) == 36


def test_unscheduled_records_that_no_flag_marks_may_lie_on_both_sides(trial):
    """They are left out by the flag, and their dates tell nothing about the visits that are analysed."""
    odd = trial[trial["AVISIT"].isin(["Baseline", "Week 4"])].assign(
        AVISIT="Unscheduled", ABLFL=None, ANL01FL=None
    )
    odd["ADT"] += pd.to_timedelta(np.where(odd["AVISITN"] == 0, -3, 3), unit="D")
    bds = ml.read_bds(added(trial, odd).drop(columns=["AVISITN", "ADY"]))
    assert len(bds.records("QSTOT")) == 48
    with pytest.raises(DataError, match="'Unscheduled' lie on both sides"):
        bds.records("QSTOT", flag=None, despite=True)
