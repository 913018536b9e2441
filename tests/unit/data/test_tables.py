"""Every kind of table gives the same LongData."""

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from msclong.data import LongData
from msclong.datasets import hamd17

TRIAL = hamd17().astype({"week": int, "TRT": str, "POOLINV": str})
ROLES = {"subject": "PATIENT", "outcome": "change", "visit": "week", "arm": "TRT"}

MAKERS = {
    "polars": pl.from_pandas,
    "polars lazy": lambda table: pl.from_pandas(table).lazy(),
    "pyarrow": pa.Table.from_pandas,
    # Not duckdb.from_df itself: with Hypothesis loaded, a module that holds it is alive when Python ends, and
    # DuckDB then reports leaks after the closing line of pytest.
    "duckdb": lambda table: duckdb.from_df(table),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_each_library_gives_the_same_data(make):
    ours, theirs = LongData(TRIAL, **ROLES), LongData(make(TRIAL), **ROLES)
    pd.testing.assert_frame_equal(theirs.frame, ours.frame)
    for name in ("visits", "arms", "baseline", "n_subjects", "n_obs", "notes"):
        assert getattr(theirs, name) == getattr(ours, name)


def test_missing_values_survive_the_crossing():
    table = TRIAL.assign(change=TRIAL["change"].mask(TRIAL.index % 7 == 0).astype("Int64"))
    expected = LongData(table, **ROLES).frame
    for make in MAKERS.values():
        pd.testing.assert_frame_equal(LongData(make(table), **ROLES).frame, expected)


def test_a_decimal_column_of_a_database_is_a_number():
    relation = duckdb.sql("select * exclude (change), change::decimal(6, 2) as change from TRIAL")
    pd.testing.assert_frame_equal(LongData(relation, **ROLES).frame, LongData(TRIAL, **ROLES).frame)


LABELS = ["screening", "dosing", "follow-up"]
LABELLED = pl.DataFrame({"id": [1, 1, 1, 2, 2, 2], "visit": LABELS * 2, "y": [1.0, 2, 3, 4, 6, 5]})


def test_an_enum_and_an_ordered_dictionary_state_the_visit_order():
    enum = LABELLED.with_columns(pl.col("visit").cast(pl.Enum(LABELS)))
    ordered = pa.table(LABELLED.to_pandas().astype({"visit": pd.CategoricalDtype(LABELS, ordered=True)}))
    for table in (enum, ordered):
        assert LongData(table, subject="id", outcome="y", visit="visit").visits == tuple(LABELS)


def test_the_order_of_appearance_states_nothing():
    table = LABELLED.with_columns(pl.col("visit").cast(pl.Categorical))
    with pytest.raises(ValueError, match="Nothing says in which order"):
        LongData(table, subject="id", outcome="y", visit="visit")


def test_what_happens_to_the_table_later_does_not_reach_the_data():
    """Even through the NumPy array that a table was made of without a copy."""
    numbers = TRIAL[["PATIENT", "week", "change"]].to_numpy(dtype=float, copy=True)
    table = pd.DataFrame(numbers, columns=["PATIENT", "week", "change"], copy=False)
    data = LongData(table, subject="PATIENT", outcome="change", visit="week")
    expected = data.frame.copy()
    table.loc[0, "change"] = 1e6
    numbers[:] = 7
    pd.testing.assert_frame_equal(data.frame, expected)
