"""Hypotheses by names of coefficients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from msclong.contrasts.linear_constraints import linear_hypothesis
from msclong.errors import HypothesisError
from msclong.linear_hypothesis import LinearHypothesis

NAMES = (
    "Intercept",
    "arm[T.B]",
    "visit[T.4]",
    "visit[T.8]",
    "arm[T.B]:visit[T.4]",
    "C(x, Treatment(0))[T.1]",
)
TERMS = {"Intercept": slice(0, 1), "arm": slice(1, 2), "visit": slice(2, 4), "arm:visit": slice(4, 5)}


def read(given) -> LinearHypothesis:
    return linear_hypothesis(given, NAMES, TERMS)


@pytest.mark.parametrize(
    ("text", "row", "value", "name"),
    [
        ("visit[T.8] - visit[T.4]", [0, 0, -1, 1, 0, 0], 0, "visit[T.8] - visit[T.4]"),
        ("arm[T.B] = 2", [0, 1, 0, 0, 0, 0], 2, "arm[T.B] = 2"),
        ("2 * arm[T.B] = visit[T.4] + 1", [0, 2, -1, 0, 0, 0], 1, "2 arm[T.B] - visit[T.4] = 1"),
        ("arm[T.B]:visit[T.4]/2", [0, 0, 0, 0, 0.5, 0], 0, "0.5 arm[T.B]:visit[T.4]"),
        ("-C(x, Treatment(0))[T.1]", [0, 0, 0, 0, 0, -1], 0, "-C(x, Treatment(0))[T.1]"),
    ],
)
def test_equations(text, row, value, name):
    hypothesis = read(text)
    np.testing.assert_array_equal(hypothesis.L, [row])
    np.testing.assert_array_equal(hypothesis.value, [value])
    assert list(hypothesis.rows) == [name]


def test_several_rows_in_every_form():
    expected = np.zeros((2, 6))
    expected[0, 1], expected[1, 3], expected[1, 2] = 1, 1, -1
    weights = {"arm": {"arm[T.B]": 1}, "late": {"visit[T.8]": 1, "visit[T.4]": -1}}
    table = pd.DataFrame(weights).T.fillna(0.0)
    for given in ("arm[T.B], visit[T.8] = visit[T.4]", weights, table, expected):
        np.testing.assert_array_equal(read(given).L, expected)
    assert list(read(weights).rows) == list(read(table).rows) == ["arm", "late"]
    np.testing.assert_array_equal(LinearHypothesis.by_names(weights, NAMES).L, expected)


def test_terms_go_before_coefficients():
    np.testing.assert_array_equal(read("visit").L, np.eye(6)[2:4])
    np.testing.assert_array_equal(read("visit:arm").L, np.eye(6)[4:5])


def test_values_go_along():
    shifted = read("arm[T.B] = 2").stack(read("visit[T.4] = 1"))
    np.testing.assert_array_equal(shifted.value, [2, 1])
    rows = pd.Index([0, 4], name="visit")
    change = LinearHypothesis(np.eye(2), rows, [1.0, 3.0]).minus_reference("visit", 0)
    np.testing.assert_array_equal(change.value, [2.0])


def test_what_is_refused():
    with pytest.raises(
        HypothesisError, match=r"'arm\[T.C\]' is not a coefficient.*near names are arm\[T.B\]"
    ):
        read("arm[T.C] - visit[T.4]")
    with pytest.raises(
        HypothesisError, match=r"'visit\[T.9\]' is not a coefficient.*near names are visit\[T.8\]"
    ):
        read({"row": {"visit[T.9]": 1}})
    with pytest.raises(HypothesisError, match="'zebra' is not a coefficient.*the names are Intercept"):
        read(pd.DataFrame({"zebra": [1.0]}))
    with pytest.raises(HypothesisError, match=r"Its terms are Intercept, arm, visit"):
        read("dose")
    with pytest.raises(HypothesisError, match="multiply one variable by another"):
        read("arm[T.B] * visit[T.4]")
    with pytest.raises(HypothesisError, match="no text"):
        read(" ")
    with pytest.raises(HypothesisError, match="has 2 columns, the model 6"):
        read(np.eye(2))
    with pytest.raises(HypothesisError, match=r"or a LinearHypothesis; got \{'arm\[T.B\]': 0\}"):
        read({"arm[T.B]": 0})
    with pytest.raises(HypothesisError, match="1 rows has 2 values"):
        LinearHypothesis(np.ones((1, 2)), pd.Index(["a"]), [1, 2])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"row": {"arm[T.B]": "x"}}, "are numbers, as many in each row"),
        ({"row": {"arm[T.B]": [1, 2]}}, "are numbers, as many in each row"),
        (pd.DataFrame({"arm[T.B]": ["x"]}), "are numbers"),
        (["a"] * len(NAMES), "are numbers"),
        ([[1.0], [1.0, 2.0]], "as many in each row"),
        (np.ones((2, 2, len(NAMES))), "an array of 3 dimensions"),
        (pd.DataFrame(), r"a row for each linear function; got one of shape \(0, 6\)"),
        (pd.DataFrame({"arm[T.B]": [1.0, 2.0]}, index=["a", "a"]), "Several rows are named 'a'"),
    ],
)
def test_weights_that_are_none(given, message):
    with pytest.raises(HypothesisError, match=message):
        read(given)


def test_equations_that_look_alike_are_numbered():
    almost = np.eye(6)[[1, 1]] * [[1 / 3], [1 / 3 + 1e-9]]
    assert list(read(almost).rows) == ["1: 0.333333 arm[T.B]", "2: 0.333333 arm[T.B]"]


def test_what_a_constraint_took_is_explained():
    free = [name for name in NAMES if name != "arm[T.B]"]
    for name in ("arm", "arm[T.B]"):
        with pytest.raises(HypothesisError, match=r"has no coefficient of its own.*fit.anova\(\)"):
            linear_hypothesis(name, free, {}, ["arm", "arm[T.B]"])
