from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from msclong.errors import DataError
from msclong.published.printed import count, deviation, missing, number, p_value, positive


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0.63", "0.625", "0.635"),
        ("1.00", "0.995", "1.005"),
        ("1.0", "0.95", "1.05"),
        ("12", "11.5", "12.5"),
        (" .05 ", "0.045", "0.055"),
        ("\u22120.5", "-0.55", "-0.45"),
        ("-0.5", "-0.55", "-0.45"),
        ("0\u00b763", "0.625", "0.635"),
        ("1.2e-5", "0.0000115", "0.0000125"),
    ],
)
def test_an_interval_of_half_a_unit_either_side(text, low, high):
    found = number(text, "x")
    assert (found.low, found.high) == (Fraction(low), Fraction(high))
    assert str(found) == text.strip()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (0.63, "trailing zeros"),
        (1, "text that was printed"),
        (None, "text that was printed"),
        ("63%", "percentage"),
        ("0,63", "comma"),
        ("1,234", "comma"),
        ("", "not a number"),
        ("NaN", "not a number"),
        ("inf", "not a number"),
        ("about 3", "not a number"),
        ("1 2", "not a number"),
    ],
)
def test_what_is_no_printed_number(given, said):
    with pytest.raises(DataError, match=said):
        number(given, "x")


@pytest.mark.parametrize("given", ["0", "0.00", "-1.2"])
def test_a_standard_deviation_is_above_zero(given):
    with pytest.raises(DataError, match="above zero"):
        positive(given, "the SD")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("<0.001", [0.0, 0.0009], [0.001, 0.002]),
        ("P < .001", [0.0009], [0.001]),
        ("\u22640.05", [0.05], [0.0501]),
        ("0.008", [0.0075, 0.0085], [0.0074, 0.0086]),
        ("p=.04", [0.035, 0.045], [0.046]),
        (">0.05", [0.0501, 1.0], [0.05]),
        (">=0.05", [0.05], [0.049]),
        ("0.000", [0.0, 0.0005], [0.0006]),
        ("1.00", [0.995, 1.0], [0.99]),
    ],
)
def test_p_values(text, inside, outside):
    p = p_value(text)
    assert all(map(p.admits, inside))
    assert not any(map(p.admits, outside))
    assert 0 <= p.low < p.high <= 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (0.04, "float"),
        ("ns", "no number"),
        ("N.S.", "no number"),
        ("**", "no number"),
        ("1.2", "between 0 and 1"),
        ("-0.01", "between 0 and 1"),
        ("<0", "between 0 and 1"),
        ("<=0", "between 0 and 1"),
        ("1e-400", "less than computers count with"),
        (">1", "between 0 and 1"),
        ("<>0.1", "one of <"),
        ("<", "not a number"),
        (None, "text"),
    ],
)
def test_what_is_no_p_value(given, said):
    with pytest.raises(DataError, match=said):
        p_value(given)


def test_a_deviation_of_zero_is_a_rounded_one():
    assert (deviation("0.00", "SD").low, deviation("0.00", "SD").high) == (0, Fraction("0.005"))
    assert deviation("0.73", "SD").low == Fraction("0.725")
    with pytest.raises(DataError, match="not negative"):
        deviation("-0.1", "SD")


def test_what_is_missing():
    assert all(map(missing, (None, np.nan, np.float32("nan"), pd.NA, pd.NaT)))
    assert not any(map(missing, ("nan", "", 0, (), (np.nan, np.nan), np.array([np.nan]))))


def test_an_array_is_admitted_value_by_value():
    found = p_value("<0.05").admits(np.array([0.01, 0.05, 0.06]))
    assert list(found) == [True, False, False]


def test_counts():
    assert count("11") == count(11) == count(np.int64(11)) == 11
    assert type(count(np.int64(11))) is int
    for wrong in (1, 0, -3, "1", 2.0, True, "eleven", None):
        with pytest.raises(DataError, match="n "):
            count(wrong)
