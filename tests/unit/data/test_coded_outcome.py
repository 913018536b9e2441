"""Grades in words, and yes or no, as outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from msclong.api import long_data
from msclong.data.coded_outcome import coded_outcome
from msclong.design.design import build_design
from msclong.errors import DataError
from msclong.spec.model_spec import ModelSpec

GRADES = ["none", "mild", "severe"]


def test_ordered_categories_are_numbered_in_their_order():
    column = pd.Series(
        pd.Categorical(["severe", "none", None], categories=GRADES, ordered=True), name="grade"
    )
    values, notes = coded_outcome(column)
    np.testing.assert_array_equal(values, [3.0, 1.0, np.nan])
    assert notes == ("Grades of grade are numbered in their order: 1 none, 2 mild, 3 severe.",)


@pytest.mark.parametrize("dtype", [bool, "boolean", object])
def test_truth_values_are_one_and_zero(dtype):
    values, notes = coded_outcome(pd.Series([True, False, True]).astype(dtype))
    np.testing.assert_array_equal(values, [1.0, 0.0, 1.0])
    assert values.dtype == float
    assert notes == ()


def test_missing_truth_values_stay_missing():
    values, _ = coded_outcome(pd.Series([True, None, False], dtype="boolean"))
    np.testing.assert_array_equal(values, [1.0, np.nan, 0.0])


def test_a_design_of_grades_in_words_says_which_number_is_which():
    frame = pd.DataFrame({"id": np.repeat(range(6), 3), "v": np.tile(range(3), 6)})
    frame["grade"] = pd.Categorical.from_codes(np.arange(18) % 3, GRADES, ordered=True)
    spec = ModelSpec("grade ~ v + (1 | id)", family="cumulative_logit", visit="v")
    design = build_design(spec, long_data(spec, frame))
    assert any("2 mild" in note for note in design.notes)
    assert frame["grade"].dtype == "category"
    gaussian = ModelSpec("grade ~ v + (1 | id)", visit="v")
    with pytest.raises(DataError, match="categorical, not numeric"):
        long_data(gaussian, frame)
