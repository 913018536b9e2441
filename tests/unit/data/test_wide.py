"""Wide tables made long, and what of them cannot be."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import msclong as ml
from msclong.errors import DataError

WIDE = pd.DataFrame(
    {
        "patient": ["a", "b", "c"],
        "age": [50, 61, 47],
        "ssdai_m0": [8, 7, 9],
        "ssdai_m12": [3.0, np.nan, 4.0],
        "ssdai_m6": [5.0, 6.0, np.nan],
        "igg_m0": [18.5, 20.1, 16.0],
        "igg_m12": [15.0, 18.0, 14.5],
    }
)


def test_a_pattern_gives_a_row_per_subject_and_visit():
    long = ml.long_from_wide(WIDE, subject="patient", pattern="{outcome}_m{visit}")
    expected = pd.DataFrame(
        {
            "patient": list("aaabbbccc"),
            "visit": [0, 6, 12] * 3,
            "age": np.repeat([50, 61, 47], 3),
            "ssdai": [8, 5, 3, 7, 6, np.nan, 9, np.nan, 4],
            "igg": [18.5, np.nan, 15, 20.1, np.nan, 18, 16, np.nan, 14.5],
        }
    )
    pd.testing.assert_frame_equal(long, expected, check_dtype=False)
    assert pd.api.types.is_integer_dtype(long["visit"])


def test_every_cell_is_where_a_loop_puts_it():
    rng = np.random.default_rng(2)
    outcomes, visits = ("x", "y", "x_z"), (-1, 0, 1.5, 10)
    cells = [(outcome, visit) for outcome in outcomes for visit in visits if rng.random() < 0.8]
    names = [f"{outcome}_{visit}" for outcome, visit in cells]
    wide = pd.DataFrame(rng.normal(size=(7, len(names))), columns=rng.permutation(names)).assign(id=range(7))
    long = ml.long_from_wide(wide, subject="id", pattern="{outcome}_{visit:d}").set_index(["id", "visit"])
    for (outcome, visit), name in zip(cells, names, strict=True):
        for i in range(7):
            assert long.loc[(i, visit), outcome] == wide.loc[i, name]
    assert long.notna().to_numpy().sum() == 7 * len(names)


def test_it_goes_straight_into_a_fit():
    rng = np.random.default_rng(3)
    wide = pd.DataFrame({"id": range(20), "arm": ["a", "b"] * 10})
    for month in (0, 3, 6):
        wide[f"y_m{month}"] = rng.normal(10 - month / 3, 1, 20)
    fit = ml.fit("y ~ arm * C(visit) + us(visit | id)", ml.long_from_wide(wide, "id", "{outcome}_m{visit}"))
    change = (wide["y_m6"] - wide["y_m0"]).groupby(wide["arm"]).mean()
    estimates = fit.contrasts()["estimate"]
    # Complete data: the model's change is the mean of the changes.
    assert estimates.iloc[[1, 3]].tolist() == pytest.approx(change.tolist(), rel=1e-8)


def test_visits_in_words_stand_in_the_order_of_the_columns():
    wide = pd.DataFrame(
        {"id": [1, 2], "y_pre": [1, 2], "y_post": [3, 4], "z_pre": ["u", "v"], "z_post": ["w", None]}
    )
    long = ml.long_from_wide(wide, "id", "{outcome}_{visit}", visit="when")
    assert long["when"].cat.ordered
    assert long["when"].cat.categories.tolist() == ["pre", "post"]
    assert long["z"].tolist()[:3] == ["u", "w", "v"]


def test_stated_columns():
    long = ml.long_from_wide(
        WIDE, "patient", columns={"score": {6: "ssdai_m6", 0: "ssdai_m0"}, "igg": {0: "igg_m0"}}
    )
    assert long["visit"].tolist() == [0, 6] * 3
    assert long["score"].tolist()[:2] == [8, 5]
    assert long["igg"].isna().tolist() == [False, True] * 3
    assert {"ssdai_m12", "igg_m12", "age"} <= set(long.columns)


def test_ordered_categories_survive():
    grades = pd.CategoricalDtype(["I", "II", "III"], ordered=True)
    wide = pd.DataFrame({"id": [1, 2], "g_0": ["I", "II"], "g_6": ["II", None]}).astype(
        {"g_0": grades, "g_6": grades}
    )
    assert ml.long_from_wide(wide, "id", "{outcome}_{visit}")["g"].dtype == grades


def test_attrs_are_kept_and_the_table_is_not_changed():
    wide = WIDE.copy()
    wide.attrs["synthetic"] = "No patient is in this."
    long = ml.long_from_wide(wide, "patient", "{outcome}_m{visit}")
    assert long.attrs == wide.attrs
    pd.testing.assert_frame_equal(wide, WIDE)


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas, lambda table: duckdb.from_df(table)])
def test_tables_of_other_libraries(make):
    ours = ml.long_from_wide(WIDE, "patient", "{outcome}_m{visit}")
    theirs = ml.long_from_wide(make(WIDE), "patient", "{outcome}_m{visit}")
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)


def error(
    says: str, table: pd.DataFrame = WIDE, pattern: str | None = "{outcome}_m{visit}", **other
) -> object:
    return pytest.param(table, {"pattern": pattern, **other}, says, id=says)


@pytest.mark.parametrize(
    ("table", "arguments", "says"),
    [
        error(
            "No column matches the pattern '{outcome}_w{visit}'. The table has patient",
            pattern="{outcome}_w{visit}",
        ),
        error("must hold {outcome} and {visit}", pattern="{outcome}_m"),
        error("must hold {outcome} and {visit}", pattern="{visit}_{visit}"),
        error("by pattern=", pattern=None),
        error("by pattern=", columns={"y": {0: "igg_m0"}}),
        error("columns= names no column", pattern=None, columns={}),
        error("There is no column 'igg_m3'", pattern=None, columns={"y": {3: "igg_m3"}}),
        error("names igg_m0 more than once", pattern=None, columns={"y": {0: "igg_m0", 1: "igg_m0"}}),
        error(
            "There is no column 'id' for subject=. ",
            table=WIDE.rename(columns={"patient": "who"}),
            subject="id",
        ),
        error("b has several (rows 1, 2)", table=WIDE.assign(patient=["a", "b", "b"])),
        error("is missing or blank in row 1", table=WIDE.assign(patient=["a", None, "c"])),
        error("both visit 6 of one outcome", table=WIDE.assign(ssdai_m06=1)),
        error("two columns visit", table=WIDE.assign(visit=1)),
        error("two columns igg", table=WIDE.assign(igg=1)),
        error("'igg_m0' holds number, 'igg_m12' holds", table=WIDE.assign(igg_m12=["15", "<1", "2"])),
        error("'flow_mean' as visit 'ean'", table=WIDE.assign(flow_mean=1)),
        error(
            "'site_id' as visit 'id'",
            table=pd.DataFrame({"p": [1], "y_pre": [1], "y_post": [2], "site_id": [3]}),
            pattern="{outcome}_{visit}",
            subject="p",
        ),
        error("must hold {outcome} and {visit}", pattern=5),
        error("nothing is between", pattern="{outcome}{visit}"),
        error(
            "'m0_flow_rate' matches the pattern in more than one way: 'flow_rate' at visit 'm0', 'rate' at",
            table=pd.DataFrame({"patient": [1], "m0_flow_rate": [1]}),
            pattern="{visit}_{outcome}",
        ),
        error(
            "in more than one way: 'igg' at visit '-6', 'igg-' at visit '6'",
            table=pd.DataFrame({"patient": [1], "igg-6": [1]}),
            pattern="{outcome}{visit:d}",
        ),
        error(
            "columns= must give each outcome the column of each visit",
            pattern=None,
            columns={"a": ["x", "y"]},
        ),
        error("columns= must give", pattern=None, columns=["igg_m0"]),
        error(
            "'a' pre < post, 'b' pre < mid. Name the columns",
            pattern=None,
            columns={"a": {"pre": "ssdai_m0", "post": "ssdai_m6"}, "b": {"pre": "igg_m0", "mid": "igg_m12"}},
        ),
        error(
            "'a' pre < post, 'b' post < pre. Name the columns",
            pattern=None,
            columns={"a": {"pre": "ssdai_m0", "post": "ssdai_m6"}, "b": {"post": "igg_m0", "pre": "igg_m12"}},
        ),
        error("is not a table", table=[1, 2]),
    ],
)
def test_what_cannot_be_made_long_says_why(table, arguments, says):
    with pytest.raises(DataError) as caught:
        ml.long_from_wide(table, **{"subject": "patient", **arguments})
    assert says in str(caught.value)


def test_numbers_in_a_pattern_leave_words_alone():
    long = ml.long_from_wide(WIDE.assign(flow_mean=1), "patient", "{outcome}_m{visit:d}")
    assert long["flow_mean"].eq(1).all()
    assert long["visit"].unique().tolist() == [0, 6, 12]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("{outcome}{visit:d}", ["ssdai0", "ssdai6", "ssdai12"]),
        ("{visit:d}{outcome}", ["0ssdai", "6ssdai", "12ssdai"]),
        ("m{visit:d}{outcome}", ["m0ssdai", "m6ssdai", "m12ssdai"]),
        ("{outcome}.{visit:d}", ["ssdai.0", "ssdai.6", "ssdai.12"]),
    ],
)
def test_a_number_is_the_visit_as_a_whole(pattern, names):
    long = ml.long_from_wide(pd.DataFrame([range(4)], columns=["id", *names]), "id", pattern)
    assert long["visit"].tolist() == [0, 6, 12]
    assert long["ssdai"].tolist() == [1, 2, 3]


def test_a_fraction_is_the_visit_as_a_whole_too():
    wide = pd.DataFrame({"id": [1], "y0.5": [1], "y1.25": [2], "x2.6": [3]})
    assert ml.long_from_wide(wide[["id", "y0.5", "y1.25"]], "id", "{outcome}{visit:d}")["visit"].tolist() == [
        0.5,
        1.25,
    ]
    assert ml.long_from_wide(wide[["id", "x2.6"]], "id", "{outcome}.{visit:d}")["x2"].tolist() == [3]


def test_of_several_ways_the_only_number_is_the_visit():
    wide = pd.DataFrame({"id": [1], "salivary_flow_0": [1], "salivary_flow_6": [2]})
    assert ml.long_from_wide(wide, "id", "{outcome}_{visit}")["salivary_flow"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "names",
    [
        ["a_pre", "b_pre", "b_mid", "a_post", "b_post"],
        ["a_pre", "a_post", "b_pre", "b_mid", "b_post"],
        ["a_pre", "a_mid", "b_mid", "b_post"],
    ],
)
def test_visits_in_words_have_the_order_of_every_outcome(names):
    wide = pd.DataFrame([range(len(names) + 1)], columns=["id", *names])
    long = ml.long_from_wide(wide, "id", "{outcome}_{visit}")
    assert long["visit"].cat.categories.tolist() == ["pre", "mid", "post"]
    for name in names:
        outcome, visit = name.split("_")
        assert long.loc[long["visit"] == visit, outcome].item() == wide[name].item()
