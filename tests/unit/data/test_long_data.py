"""LongData accepts what is sound, refuses what is not, and says where and what to do."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from msclong.data import LongData
from msclong.errors import DataError, DataWarning


def trial(**columns) -> pd.DataFrame:
    """Three subjects at weeks 0, 4 and 12; row labels r0 to r8; `columns` replace or add columns."""
    table = pd.DataFrame(
        {
            "USUBJID": np.repeat(["01", "02", "03"], 3),
            "TRT": np.repeat(["PBO", "MSC", "PBO"], 3),
            "WEEK": [0, 4, 12] * 3,
            "AVAL": [10.0, 9.0, 7.5, 12.0, 8.0, 6.0, 11.0, 11.5, 9.0],
        },
        index=[f"r{row}" for row in range(9)],
    )
    return table.assign(**columns)


def long(table, **roles) -> LongData:
    return LongData(table, **{"subject": "USUBJID", "outcome": "AVAL", "visit": "WEEK", **roles})


def refused(table, *texts: str, **roles) -> None:
    """Making LongData fails, and the message has each of `texts`."""
    with pytest.raises(DataError) as error:
        long(table, **roles)
    for text in texts:
        assert text in str(error.value)


def test_what_it_knows_of_a_sound_table():
    data = long(trial(), arm="TRT")
    assert data.visits == (0, 4, 12)
    assert data.baseline == 0
    assert data.arms == ("MSC", "PBO")
    assert (data.n_subjects, data.n_obs) == (3, 9)
    assert repr(data) == (
        "LongData(3 subjects, 9 observations of AVAL; visits 0, 4, 12 (baseline 0); arms MSC, PBO)"
    )


def test_the_table_is_left_alone_and_the_frame_keeps_its_row_labels():
    table = trial()
    before = table.copy()
    data = long(table, arm="TRT")
    pd.testing.assert_frame_equal(table, before)
    assert list(data.frame.index) == list(table.index)
    data.frame.loc["r0", "AVAL"] = -1
    assert table.loc["r0", "AVAL"] == 10


def test_it_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        long(trial()).outcome = "CHG"


def test_text_becomes_categorical_and_numeric_visits_stay_numeric():
    frame = long(trial(SITE=pd.Series(list("abcabcabc"), dtype=object).values)).frame
    assert isinstance(frame["USUBJID"].dtype, pd.CategoricalDtype)
    assert isinstance(frame["SITE"].dtype, pd.CategoricalDtype)
    assert frame["WEEK"].dtype == "int64"


def test_labelled_visits_become_an_ordered_categorical():
    table = trial(AVISIT=["Baseline", "Week 4", "Month 3"] * 3)
    data = long(table, visit="AVISIT", time="WEEK")
    assert data.visits == ("Baseline", "Week 4", "Month 3")
    assert data.frame["AVISIT"].cat.ordered
    assert tuple(data.frame["AVISIT"].cat.categories) == data.visits


@pytest.mark.parametrize(
    "values",
    [
        pd.array([10, 9, None, 12, 8, 6, 11, 11, 9], dtype="Int64"),
        pd.array([10, 9, None, 12, 8, 6, 11, 11, 9], dtype="Float64"),
        pd.array([10, 9, None, 12, 8, 6, 11, 11, 9], dtype="double[pyarrow]"),
        np.array([10, 9, None, 12, 8, 6, 11, 11, 9], dtype=object),
    ],
    ids=["Int64", "Float64", "arrow", "object"],
)
def test_nullable_numbers_are_read(values):
    data = long(trial(AVAL=values, AGE=values))
    assert data.n_obs == 8
    for column in ("AVAL", "AGE"):
        assert data.frame[column].dtype == "float64"
        assert np.isnan(data.frame.loc["r2", column])


def test_without_a_visit_column_subjects_may_have_any_rows():
    data = long(trial(), visit=None, time="WEEK")
    assert data.visits == ()
    assert data.baseline is None


def test_the_visit_may_be_the_time():
    assert long(trial(), time="WEEK").visits == (0, 4, 12)


# Roles


def test_a_misspelt_column_is_named_with_the_closest():
    refused(
        trial(),
        "no column 'aval' for outcome=",
        "Did you mean 'AVAL'? The table has USUBJID,",
        outcome="aval",
    )


def test_a_column_nothing_like_any_is_answered_with_all():
    refused(trial(), "The table has USUBJID, TRT, WEEK, AVAL", outcome="quality_of_life")


def test_a_column_in_the_index_is_pointed_out():
    refused(trial().set_index("USUBJID"), "'USUBJID' for subject=", "reset_index()")


def test_one_column_for_two_roles():
    refused(trial(), "'TRT' is given as both visit and arm", visit="TRT", arm="TRT")


def test_two_columns_of_one_name():
    table = pd.concat([trial(), trial()[["AVAL"]]], axis=1)
    refused(table, "more than one column named AVAL", "Rename or drop")


def test_column_names_of_several_levels():
    table = pd.concat({"a": trial()}, axis=1)
    refused(table, "several levels", "Flatten")


def test_an_empty_table():
    refused(trial().iloc[:0], "no rows", "filter")


def test_not_a_table():
    refused({"AVAL": [1]}, "A dict is not a table", "pandas or polars DataFrame")


@pytest.mark.parametrize(
    "setting", [{"baseline": 0}, {"visit_order": [0, 4, 12]}], ids=["baseline", "visit_order"]
)
def test_a_visit_setting_without_visits(setting):
    refused(trial(), f"{next(iter(setting))}= is about visits", visit=None, **setting)


# Outcome


def test_a_limit_of_quantification_is_named_by_row_and_value():
    values = ["10", "9", "<5", "12", "8", "6", "11", ">99", "9"]
    refused(trial(AVAL=values), "row r2: '<5', row r7: '>99'", "not missing", "pd.to_numeric")


def test_numbers_as_text_are_not_parsed_silently():
    refused(trial(AVAL=[str(value) for value in range(9)]), "numbers as text", "pd.to_numeric(table['AVAL'])")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (pd.Categorical(range(9)), "astype(float)"),
        ([True, False, True] * 3, "truth values"),
        (pd.array([True, False, None] * 3, dtype="boolean"), "truth values"),
        (pd.date_range("2024-01-01", periods=9), "dates or durations"),
        (pd.timedelta_range("1D", periods=9), "dates or durations"),
    ],
    ids=["categorical", "bool", "nullable bool", "datetime", "timedelta"],
)
def test_an_outcome_that_is_no_number(values, text):
    refused(trial(AVAL=values), "The outcome column 'AVAL'", text)


def test_an_infinite_outcome_is_named_by_row():
    refused(
        trial(AVAL=[1, 2, np.inf, 4, 5, 6, 7, -np.inf, 9]), "infinite in rows r2, r7", "logarithm of zero"
    )


def test_an_outcome_that_is_never_observed():
    refused(trial(AVAL=np.nan), "'AVAL' is missing in every row")


# Subjects, visits, arms


@pytest.mark.parametrize("missing", [None, "", "  "], ids=["None", "empty", "blank"])
@pytest.mark.parametrize(("column", "role"), [("USUBJID", "subject"), ("AVISIT", "visit"), ("TRT", "arm")])
def test_a_missing_key_is_named_by_row(column, role, missing):
    table = trial(AVISIT=["1", "2", "3"] * 3).astype({"USUBJID": object, "TRT": object, "AVISIT": object})
    table.loc["r4", column] = missing
    refused(table, f"The {role} column '{column}' is missing or blank in row r4", visit="AVISIT", arm="TRT")


def test_duplicate_visits_are_named_by_subject_visit_and_rows():
    table = pd.concat([trial(), trial().iloc[[4]].rename(index={"r4": "r9"})])
    refused(table, "02 at 4 (rows r4, r9)", "ANL01FL", "average")


def test_an_arm_that_changes():
    table = trial()
    table.loc["r5", "TRT"] = "PBO"
    refused(table, "02 (MSC, PBO)", "crossover", arm="TRT")


def test_one_subject_only():
    refused(trial().query("USUBJID == '01'"), "Only one USUBJID", "filter")


def test_one_visit_only():
    refused(trial().query("WEEK == 4"), "Only one visit has an observed 'AVAL': 4", "filter")


def test_dates_as_visits():
    refused(trial(WEEK=pd.date_range("2024-01-01", periods=9)), "holds dates", "days since the first dose")


def test_an_unknown_baseline_is_answered_with_the_visits():
    refused(trial(), "baseline 'Week 0'", "are 0, 4, 12", baseline="Week 0")


def test_a_stated_baseline():
    assert long(trial(), baseline=4).baseline == 4


def test_a_visit_nobody_attended_is_warned_of_and_left_out():
    table = trial()
    table.loc[table["WEEK"] == 4, "AVAL"] = np.nan
    with pytest.warns(DataWarning, match="at WEEK 4; the 3 rows of it are left out") as caught:
        data = long(table)
    assert caught[0].filename == __file__
    assert data.visits == (0, 12)
    assert set(data.frame["WEEK"]) == {0, 12}


def test_what_only_an_unattended_visit_had_leaves_the_levels_too():
    table = trial(SITE=["a", "only here", "b"] * 3)
    table.loc[table["WEEK"] == 4, "AVAL"] = np.nan
    with pytest.warns(DataWarning):
        data = long(table)
    assert list(data.frame["SITE"].cat.categories) == ["a", "b"]


def test_a_subject_never_observed_is_noted_and_kept():
    table = trial()
    table.loc[table["USUBJID"] == "02", "AVAL"] = np.nan
    data = long(table)
    assert "1 of 3 subjects have no observed outcome: 02." in data.notes
    assert (data.n_subjects, data.n_obs, len(data.frame)) == (3, 6, 9)


def test_categories_without_rows_are_noted_and_dropped():
    table = trial(WEEK=pd.Categorical([0, 4, 12] * 3, categories=[0, 4, 8, 12], ordered=True))
    data = long(table)
    assert "No row has 8 in 'WEEK'; left out of its levels." in data.notes
    assert data.visits == (0, 4, 12)
    assert list(data.frame["WEEK"].cat.categories) == [0, 4, 12]


def test_a_numeric_arm_is_noted():
    data = long(trial(ARMN=np.repeat([1, 2, 1], 3)), arm="ARMN")
    assert data.arms == (1, 2)
    assert any("C(ARMN)" in note for note in data.notes)


# Time


def test_a_time_that_is_no_number():
    refused(trial(ADT=pd.date_range("2024-01-01", periods=9)), "The time column 'ADT'", time="ADT")


def test_an_infinite_time():
    refused(trial(ADY=[np.inf, *range(8)]), "'ADY' is infinite in row r0", time="ADY")


def test_a_time_is_needed_where_the_outcome_was_observed_only():
    table = trial(ADY=[1.0, 29.0, 85.0] * 3)
    table.loc["r4", ["ADY", "AVAL"]] = np.nan
    assert long(table, time="ADY").n_obs == 8
    table.loc["r5", "ADY"] = np.nan
    refused(table, "'ADY' is missing in row r5", time="ADY")
