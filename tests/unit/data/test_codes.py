"""Columns as integer codes."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.data import codes as module
from msclong.data.codes import Codes, by_appearance, coded, distinct, distinct_values, sorting

COLUMNS = {
    "integers": pd.Series([3, 1, 3, 7]),
    "negative": pd.Series([-2, 5, -2]),
    "far apart": pd.Series([10**12, 5, 10**12]),
    "small": pd.Series([200, 100, 200], dtype="uint8"),
    "all of int8": pd.Series(np.tile(np.array([127, -128, 0], dtype="int8"), 30)),
    "all of int16": pd.Series(np.repeat(np.array([32767, -32768, 5], dtype="int16"), 9000)),
    "all of uint8": pd.Series([255, 0, 128], dtype="uint8"),
    "highest uint64": pd.Series([2**64 - 1, 2**64 - 3, 2**64 - 1], dtype="uint64"),
    "all of uint64": pd.Series([2**64 - 1, 0, 2**63], dtype="uint64"),
    "highest int64": pd.Series([2**63 - 1, 2**63 - 3]),
    "all of int64": pd.Series([2**63 - 1, -(2**63), 0]),
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


@pytest.mark.parametrize(
    "name", ["all of int8", "all of int16", "highest uint64", "all of uint64", "all of int64"]
)
def test_numbers_at_both_ends_of_their_type_are_in_order(name):
    assert coded(COLUMNS[name]).levels.is_monotonic_increasing


@pytest.mark.parametrize(
    ("dtype", "low", "step"),
    [
        ("int8", -128, 2),
        ("int16", -32768, 500),
        ("uint8", 0, 2),
        ("uint64", 2**64 - 400, 3),
        ("uint64", 0, 2**57),
    ],
)
def test_a_fit_does_not_depend_on_the_type_of_the_subjects(dtype, low, step):
    n = 120
    noise = np.random.default_rng(0).normal(size=(n, 4))
    numbers = np.repeat(np.arange(n), 3)
    ids = np.array([low + step * int(i) for i in numbers], dtype=dtype)
    rows = {"y": (noise[:, :3] + noise[:, 3:]).ravel(), "x": np.tile([0.0, 1, 2], n)}
    found = ml.fit("y ~ x + (1 | id)", pd.DataFrame({**rows, "id": ids}))
    plain = ml.fit("y ~ x + (1 | id)", pd.DataFrame({**rows, "id": numbers}))
    assert found.loglik == plain.loglik
    assert found.design.data.n_subjects == n


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
