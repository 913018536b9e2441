"""Arrow columns as codes and numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from msclong.data.streams.chunk import (
    Chunk,
    cast_to,
    common_type,
    first_of_runs,
    stated_categories,
    subject_keys,
)
from msclong.data.streams.parquet import parquet_files
from msclong.data.streams.source import gathered, runs
from msclong.errors import DataError


def test_kinds_are_those_of_the_table_in_memory() -> None:
    frame = pd.DataFrame(
        {
            "text": ["b", "a", None],
            "category": pd.Categorical(["b", "a", "b"], categories=["c", "b", "a"]),
            "truth": [True, False, True],
            "whole": [1, 2, 3],
            "gaps": pd.array([1, None, 3], dtype="Int64"),
            "number": [0.5, np.nan, 1.5],
            "date": pd.to_datetime(["2020-01-01"] * 3),
        }
    )
    table = pa.Table.from_pandas(frame)
    chunk = Chunk(table, categories=stated_categories(table.schema))
    kinds = {name: chunk.kind(name) for name in frame.columns[:-1]}
    assert kinds == {
        "text": "text",
        "category": "category",
        "truth": "truth",
        "whole": "number",
        "gaps": "number",
        "number": "number",
    }
    with pytest.raises(DataError, match="'date' holds timestamp.*days since"):
        chunk.kind("date")
    assert [chunk.integer(name) for name in ("whole", "gaps", "number")] == [True, False, False]
    codes, values = chunk.coded("text")
    assert ([values[code] for code in codes[:2]], codes[2]) == (["b", "a"], -1)
    assert chunk.coded("category")[1] == ["c", "b", "a"]
    assert chunk.coded("whole")[1] == [1, 2, 3]
    assert all(isinstance(value, int) for value in chunk.coded("whole")[1])
    np.testing.assert_array_equal(chunk.floats("gaps"), [1, np.nan, 3])


def test_the_order_of_an_unordered_dictionary_is_read_only_where_pandas_wrote_it() -> None:
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0, 1]), ["z", "a"])
    assert stated_categories(pa.table({"x": dictionary}).schema) == frozenset()
    assert Chunk(pa.table({"x": dictionary})).kind("x") == "text"


@pytest.mark.parametrize("subjects", [[3, 1, -7], ["b", "a", "ü"], [1.0, 2.0, 3.0]])
def test_equal_subjects_have_equal_keys_in_every_part(subjects: list[object]) -> None:
    first = Chunk(pa.table({"id": subjects}))
    second = Chunk(pa.table({"id": subjects[::-1]}))
    keys = [dict(zip(range(3), subject_keys(chunk, "id")[1], strict=True)) for chunk in (first, second)]
    assert len(set(keys[0].values())) == 3
    assert set(keys[0].values()) == set(keys[1].values())


def test_whole_numbers_have_one_key_however_they_are_stored() -> None:
    keys = [
        subject_keys(Chunk(pa.table({"id": pa.array([5, 9], kind)})), "id")[1]
        for kind in (pa.int8(), pa.float64())
    ]
    np.testing.assert_array_equal(*keys)


def test_the_key_of_a_number_does_not_depend_on_others() -> None:
    """Also where they are no whole numbers, or too large for 64 bits."""
    keys = [
        subject_keys(Chunk(pa.table({"id": pa.array(ids, pa.float64())})), "id")[1]
        for ids in ([5, 9], [5, 9, 9.5, 1e300])
    ]
    np.testing.assert_array_equal(keys[0], keys[1][:2])
    assert len(set(keys[1].tolist())) == 4


def test_a_dictionary_may_name_a_value_twice_or_none() -> None:
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3, None]), ["a", "b", "a", None])
    codes, values = Chunk(pa.table({"x": twice})).coded("x")
    assert (codes.tolist(), values) == ([0, 1, 0, -1, -1], ["a", "b"])


def test_columns_that_parts_store_differently() -> None:
    text, coded = pa.string(), pa.dictionary(pa.int8(), pa.string())
    assert common_type([text, pa.null()]) == common_type([coded, text]) == text
    assert common_type([pa.int8(), pa.uint32()]) == pa.int64()
    assert common_type([pa.int64(), pa.float32()]) == common_type([pa.int8(), pa.uint64()]) == pa.float64()
    assert common_type([text, pa.large_string()]) == pa.large_string()
    table = pa.table({"x": pa.array(["a", "b"]).dictionary_encode(), "n": [1, 2**60 + 1]})
    assert cast_to(table, {"x": pa.large_string()}).column("x").to_pylist() == ["a", "b"]
    with pytest.raises(DataError, match="'n' is stored as other types in other files"):
        cast_to(table, {"n": pa.float64()})


def test_rows_of_a_subject_are_brought_together_and_keep_their_numbers() -> None:
    chunk = Chunk(pa.table({"id": ["a", "b", "a", "c", "b"], "y": [0, 1, 2, 3, 4]}), first=10)
    assert len(runs(chunk, "id")[0]) == 5
    together = gathered(chunk, "id")
    assert len(runs(together, "id")[0]) == 3
    np.testing.assert_array_equal(together.rows, np.array(together.table.column("y")) + 10)
    assert gathered(together, "id") is together


def test_of_a_large_dictionary_of_subjects_what_is_used_is_looked_at() -> None:
    """Each part of a file of a million patients would else hash them all."""
    every = [f"P{i}" for i in range(500)]
    ids = pa.DictionaryArray.from_arrays(pa.array([7, 7, 3, 7]), every)
    codes, keys = subject_keys(Chunk(pa.table({"id": ids})), "id")
    assert codes.tolist() == [0, 0, 1, 0]
    np.testing.assert_array_equal(keys, subject_keys(Chunk(pa.table({"id": ["P7", "P3"]})), "id")[1])


def test_subjects_of_a_file_lose_their_categories(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": pd.Categorical(["b", "a", "b"]), "arm": pd.Categorical(["x", "y", "x"])})
    table.to_parquet(tmp_path / "a.parquet")
    (chunk,) = parquet_files(tmp_path).chunks(["id", "arm"], "id")
    assert (chunk.kind("id"), chunk.kind("arm")) == ("text", "category")


@pytest.mark.parametrize("blank", ["", " \t", "\u3000", None])
def test_rows_without_a_subject_are_named(blank: str | None) -> None:
    for ids in (pa.array(["P1", blank, "P2"]), pa.array(["P1", blank, "P2"]).dictionary_encode()):
        with pytest.raises(DataError, match=r"missing or blank in rows 1 "):
            subject_keys(Chunk(pa.table({"id": ids})), "id")


def test_of_text_a_new_run_is_seen_without_looking_names_up() -> None:
    table = pa.table({"id": pa.chunked_array([["a", "a"], ["a", "b"], ["a"]])})
    assert first_of_runs(Chunk(table), "id").tolist() == [True, False, False, True, True]
