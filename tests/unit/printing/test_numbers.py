"""How numbers are printed."""

from __future__ import annotations

import math

import pytest

from msclong.printing import numbers


@pytest.mark.parametrize(
    ("errors", "decimals"),
    [
        ([1.0197], 1),
        ([0.617, 1.0197], 2),
        ([0.094], 3),
        ([0.0996], 2),  # 0.10 shows two digits
        ([12.3], 0),
        ([123.0], 0),
        ([0.00046], 5),
        ([math.nan, 0.5], 2),
        ([], 2),
    ],
)
def test_the_smallest_standard_error_shows_two_digits(errors, decimals):
    assert numbers.decimals_for(errors) == decimals


@pytest.mark.parametrize(
    ("value", "text"),
    [(-2.2817, "−2.28"), (2.285001, "2.29"), (-0.001, "0.00"), (math.nan, "–"), (math.inf, "∞")],
)
def test_fixed_decimals(value, text):
    assert numbers.fixed(value, 2) == text


def test_interval():
    assert numbers.interval(-4.2998, -0.2636, 2) == "−4.30 to −0.26"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.02701, "0.027"), (0.00099, "<0.001"), (0.001, "0.001"), (1.0, "1.000"), (1e-300, "<0.001")],
)
def test_p_values(value, text):
    assert numbers.p_value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.974, "0.97"),
        (0.9935, "0.994"),
        (0.9995, ">0.999"),
        (0.004, "0.004"),
        (0.0, "<0.001"),
        (0.5, "0.50"),
    ],
)
def test_probabilities(value, text):
    assert numbers.probability(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0656, "0.0656"),
        (24.74, "24.7"),
        (1234.5, "1235"),
        (0.0, "0"),
        (1.136e-21, "1.14×10⁻²¹"),
        (-3.0, "−3.00"),
    ],
)
def test_three_significant_digits(value, text):
    assert numbers.significant(value) == text


def test_a_stated_number_gets_no_digits():
    assert [numbers.stated(value) for value in (-2, -2.5, 0.1)] == ["−2", "−2.5", "0.1"]


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(69, 200, "34.5%"), (130, 200, "65%"), (0, 7, "0%"), (2, 3, "66.7%"), (0, 0, "–")],
)
def test_percentages(part, whole, text):
    assert numbers.percent(part, whole) == text


def test_halves_round_away_from_zero():
    assert [numbers.fixed(value, 2) for value in (135 / 24, -135 / 24, 0.125, 2.675)] == [
        "5.63",
        f"{numbers.MINUS}5.63",
        "0.13",
        "2.67",  # 2.675 is stored as a little less
    ]
    assert numbers.fixed(1e22, 2) == "10000000000000000000000.00"
