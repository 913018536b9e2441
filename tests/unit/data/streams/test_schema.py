"""What the parts of a table have in common."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from msclong.data.streams.chunk import Chunk, stated_categories
from msclong.data.streams.scan import Scan, scan
from msclong.data.streams.schema import Column, Schema, schema_of_scan
from msclong.data.visit_order import ordered_visits
from msclong.errors import DataError

Y = np.array([1.0, 2.0, np.nan, 4.0])


def look(frame: pd.DataFrame, y: np.ndarray = Y, times: tuple[str, str] | None = None) -> Scan:
    table = pa.Table.from_pandas(frame)
    return scan(Chunk(table, categories=stated_categories(table.schema)), y, list(frame.columns), times)


def schema(found: Scan, **roles: object) -> Schema:
    given = dict.fromkeys(("visit", "time", "arm", "baseline", "visit_order")) | roles
    return schema_of_scan(found, "y", **given)  # type: ignore[arg-type]


def test_levels_are_those_with_an_outcome_in_their_order() -> None:
    frame = pd.DataFrame(
        {
            "text": ["b", "a", "only missing", "c"],
            "category": pd.Categorical(["z", "a", "a", "z"], categories=["z", "unused", "a"]),
            "number": [3, 1, 2, 3],
        }
    )
    found = schema(look(frame) + look(frame.assign(text="d")))
    assert found.columns == {
        "text": Column("factor", ("a", "b", "c", "d")),
        "category": Column("factor", ("z", "a")),
        "number": Column("whole", (1, 3)),
    }
    assert any("'unused'" in note for note in found.notes)
    assert any("['only missing']" in note for note in found.notes)


def test_whole_numbers_in_one_part_and_others_in_another_are_numbers() -> None:
    found = schema(look(pd.DataFrame({"x": [1, 2, 3, 4]})) + look(pd.DataFrame({"x": [1.0, 2.5, 3.0, 4.0]})))
    assert found.columns["x"] == Column("number", (1.0, 2.0, 2.5, 4.0))


def test_median_times_are_exact() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"visit": rng.choice(["b", "a", "c"], 301), "day": rng.integers(0, 9, 301)})
    frame["day"] += frame["visit"].map({"b": 0, "a": 30, "c": 60})
    y = np.where(rng.random(301) < 0.3, np.nan, 1.0)
    parts = [look(frame.iloc[at], y[at], ("visit", "day")) for at in np.array_split(np.arange(301), 4)]
    found = schema(parts[0] + parts[1] + parts[2] + parts[3], visit="visit", time="day")
    assert list(found.visits) == ordered_visits(frame["visit"], frame["day"], None)[0] == ["b", "a", "c"]
    medians = frame[~np.isnan(y)].groupby("visit")["day"].median()
    assert found.times == tuple(medians[visit] for visit in found.visits)


def test_parts_that_disagree() -> None:
    with pytest.raises(DataError, match="'x' holds number in one part.*text in another"):
        look(pd.DataFrame({"x": [1, 2, 3, 4]})) + look(pd.DataFrame({"x": list("abcd")}))
    one, two = (
        pd.DataFrame({"x": pd.Categorical(["a", "b", "a", "b"], categories=c)})
        for c in (["a", "b"], ["b", "a"])
    )
    with pytest.raises(DataError, match="categories of 'x'"):
        look(one) + look(two)


def test_missing_covariates_are_counted_over_parts() -> None:
    frame = pd.DataFrame({"x": [1.0, np.nan, np.nan, 2.0]})
    with pytest.raises(DataError, match="2 rows have no value of 'x' but an outcome: rows 1, 1"):
        schema(look(frame) + look(frame))


def test_unordered_visits_need_an_order() -> None:
    frame = pd.DataFrame({"visit": ["week", "month", "week", "month"]})
    with pytest.raises(DataError, match="Nothing says in which order"):
        schema(look(frame), visit="visit")
    stated = schema(look(frame), visit="visit", visit_order=("week", "month"))
    assert stated.columns["visit"] == Column("factor", ("week", "month"), ordered=True)
    with pytest.raises(DataError, match="no visit column"):
        schema(look(frame), baseline="week")
    with pytest.raises(DataError, match="not an observed visit"):
        schema(look(frame), visit="visit", visit_order=("week", "month"), baseline="year")
