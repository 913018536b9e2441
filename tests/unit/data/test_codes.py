"""Columns as integer codes."""

import numpy as np
import pandas as pd
import pytest

from msclong.data import codes as module
from msclong.data.codes import Codes, by_appearance, coded, distinct, distinct_values, sorting

COLUMNS = {
    "integers": pd.Series([3, 1, 3, 7]),
    "negative": pd.Series([-2, 5, -2]),
    "far apart": pd.Series([10**12, 5, 10**12]),
    "small": pd.Series([200, 100, 200], dtype="uint8"),
    "whole floats": pd.Series([2.0, -0.0, 0.0, 2.0]),
    "floats": pd.Series([2.5, np.nan, 0.0, 2.5]),
    "short floats": pd.Series([2.5, 0.0, 2.5], dtype="float16"),
    "infinite": pd.Series([np.inf, 1.0, -np.inf]),
    "truth": pd.Series([True, False, True]),
    "one truth": pd.Series([True, True]),
    "text": pd.Series(["b", "a", None, "b"]),
    "objects": pd.Series(["b", 1, None, "b"], dtype=object),
    "nullable": pd.Series([2, None, 1], dtype="Int64"),
    "categories": pd.Series(pd.Categorical(["b", None, "a"], categories=["b", "unused", "a"])),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_every_level_has_a_row_and_every_row_its_value(column):
    found = coded(column)
    levels = found.levels.tolist()
    assert sorted(set(found.codes) - {-1}) == list(range(len(found)))
    for code, value in zip(found.codes, column, strict=True):
        assert pd.isna(value) if code < 0 else levels[code] == value
    assert [levels.index(column.iloc[row]) for row in found.first_rows()] == list(range(len(found)))
    assert found.first_rows().tolist() == [int(np.argmax(found.codes == k)) for k in range(len(found))]


@pytest.mark.parametrize("name", ["integers", "far apart", "whole floats", "floats", "truth"])
def test_numbers_are_in_order(name):
    assert coded(COLUMNS[name]).levels.is_monotonic_increasing


def test_categories_keep_their_order():
    assert coded(COLUMNS["categories"]).levels.tolist() == ["b", "a"]


@pytest.mark.parametrize("values", [[5, 2, 5, 9], [0, 0, 1, 1, 2], [1, 0, 2], []])
def test_codes_in_order_of_appearance(values):
    found = coded(pd.Series(values, dtype=int))
    assert by_appearance(found).tolist() == pd.factorize(np.array(values))[0].tolist()


def test_a_level_that_appears_late_is_found(monkeypatch):
    monkeypatch.setattr(module, "HEAD", 3)
    found = coded(pd.Series([1, 1, 1, 1, 0]))
    assert (found.codes.tolist(), found.first_rows().tolist()) == ([1, 1, 1, 1, 0], [4, 0])


@pytest.mark.parametrize("size", [3, 1000, 2**31])
def test_distinct_combinations_are_those_of_numpy(size):
    """With 2**31 a product of sizes would overflow."""
    rng = np.random.default_rng(1)
    values = rng.choice(rng.integers(0, size, 4), (200, 3))
    code, n = distinct([(column, size) for column in values.T])
    expected, inverse = np.unique(values, axis=0, return_inverse=True)
    assert n == len(expected)
    np.testing.assert_array_equal(code, inverse.reshape(-1))


@pytest.mark.parametrize("largest", [5, 10**6])
def test_sorting_is_stable(largest):
    codes = np.random.default_rng(2).integers(0, largest, 500)
    np.testing.assert_array_equal(sorting(codes), np.argsort(codes, kind="stable"))


def test_numbers_of_levels():
    np.testing.assert_array_equal(
        Codes(np.array([1, -1, 0]), pd.Index(["a", "b"])).of_levels([5.0, 7.0]), [7.0, np.nan, 5.0]
    )


def test_distinct_values_are_those_of_rows_without_missing_ones():
    rng = np.random.default_rng(3)
    a, b = rng.choice(["x", "y", None], 60), rng.choice([1.5, 2.0, np.nan], 60)
    table = pd.DataFrame({"a": a, "b": b}).query("a != 'y' or b != 2")
    there = {("x", 1.5), ("x", 2.0), ("y", 1.5)}
    assert distinct_values([table["a"], table["b"]]) == there
    assert distinct_values([table["b"]]) == {(1.5,), (2.0,)}
