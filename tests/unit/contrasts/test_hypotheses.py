"""Hypotheses compose; p-values adjust."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from msclong.contrasts.comparisons import against_baseline, pairwise, with_arm_differences
from msclong.errors import HypothesisError
from msclong.linear_hypothesis import LinearHypothesis

ROWS = pd.MultiIndex.from_product([["A", "B"], [0, 4, 12]], names=["arm", "week"])
MEANS = LinearHypothesis(np.eye(6), ROWS)


def test_minus_reference_keeps_the_other_factors():
    change = MEANS.minus_reference("week", 0)
    assert list(change.rows) == [("A", "4 - 0"), ("A", "12 - 0"), ("B", "4 - 0"), ("B", "12 - 0")]
    np.testing.assert_array_equal(change.L[0], [-1, 1, 0, 0, 0, 0])
    double = change.minus_reference("arm", "A")
    assert list(double.rows) == [("B - A", "4 - 0"), ("B - A", "12 - 0")]
    np.testing.assert_array_equal(double.L[1], [1, 0, -1, -1, 0, 1])


def test_new_rows_are_sorted_as_the_old():
    rows = pd.MultiIndex.from_product([["A", "B", "C"], [0, 4]], names=["arm", "week"])
    difference = LinearHypothesis(np.eye(6), rows).minus_reference("arm", "A")
    assert list(difference.rows) == [("B - A", 0), ("B - A", 4), ("C - A", 0), ("C - A", 4)]
    np.testing.assert_array_equal(difference.L[1], [0, -1, 0, 1, 0, 0])


def test_averages():
    equal = MEANS.average_over("week")
    assert list(equal.rows) == ["A", "B"]
    np.testing.assert_allclose(equal.L[1], [0, 0, 0, 1 / 3, 1 / 3, 1 / 3])
    weighted = MEANS.average_over("arm", {"A": 1, "B": 3})
    np.testing.assert_allclose(weighted.L[0], [0.25, 0, 0, 0.75, 0, 0])
    with pytest.raises(HypothesisError, match="No weight for level B"):
        MEANS.average_over("arm", {"A": 1})
    with pytest.raises(HypothesisError, match="positive or zero"):
        MEANS.average_over("arm", {"A": -1, "B": 1})


def test_against_baseline_is_by_arm_and_then_between_arms():
    both = against_baseline(MEANS, "week", 0, "arm", "A")
    assert list(both.rows) == [
        ("A", "4 - 0"),
        ("A", "12 - 0"),
        ("B", "4 - 0"),
        ("B", "12 - 0"),
        ("B - A", "4 - 0"),
        ("B - A", "12 - 0"),
    ]
    single = LinearHypothesis(np.eye(3), pd.Index([0.0, 0.5, 12.0], name="month"))
    assert list(against_baseline(single, "month", 0.0).rows) == ["0.5 - 0", "12 - 0"]


def test_what_is_refused():
    with pytest.raises(
        HypothesisError, match="'day' is not a factor of this hypothesis; its factors are arm, week"
    ):
        MEANS.minus_reference("day", 0)
    with pytest.raises(HypothesisError, match="'0' is not a level of 'week'; its levels are 0, 4, 12"):
        MEANS.minus_reference("week", "0")
    with pytest.raises(HypothesisError, match="same factors"):
        MEANS.stack(MEANS.average_over("arm"))
    with pytest.raises(HypothesisError, match="2 rows has 3 names"):
        LinearHypothesis(np.eye(2), pd.Index(["a", "b", "c"]))
    with pytest.raises(HypothesisError, match="missing or infinite"):
        LinearHypothesis([[np.nan]], pd.Index(["a"]))
    for L, rows, message in (
        ("x", ["a"], "are numbers"),
        (np.eye(2), 3, "need a list of names; got 3"),
        (np.eye(2), "ab", "need a list of names; got 'ab'"),
        (np.eye(2), ["a", "a"], "Several rows are named 'a'"),
        (np.zeros((0, 2)), [], "a row for each linear function"),
    ):
        with pytest.raises(HypothesisError, match=message):
            LinearHypothesis(L, rows)
    with pytest.raises(HypothesisError, match="can be stacked; got 3"):
        MEANS.stack(3)
    with pytest.raises(HypothesisError, match=r"\[1\] is not a level of 'week'"):
        MEANS.minus_reference("week", [1])
    with pytest.raises(ValueError, match="read-only"):
        MEANS.L[0, 0] = 2


def test_ratios_are_named_with_a_stroke():
    """Levels that hold ' - ' themselves keep it."""
    rows = pd.MultiIndex.from_product([["A - 1", "B"], [0, 4]], names=["arm", "week"])
    change = LinearHypothesis(np.eye(4), rows).minus_reference("week", 0, "/")
    found = with_arm_differences(change, "arm", "A - 1", "/")
    assert list(found.rows) == [("A - 1", "4 / 0"), ("B", "4 / 0"), ("B / A - 1", "4 / 0")]
    assert list(pairwise(LinearHypothesis(np.eye(4), rows), "week", "/").rows)[0] == ("A - 1", "4 / 0")
