"""Criteria of convergence in print."""

from __future__ import annotations

import pytest

from msclong.printing.numbers import MINUS
from msclong.reporting.criteria import criterion


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Pareto k-hat", -0.0005212, "0.00"),
        ("Pareto k-hat", -0.284, f"{MINUS}0.28"),
        ("efficiency", 0.8397, "0.84"),
        ("Bulk ESS", 3351.4, "3,351"),
        ("min bulk ESS", 10246.0, "10,246"),
        ("effective draws", 798.2, "798"),
        ("draws", 13157, "13,157"),
        ("Tail ESS", float("nan"), "\N{EN DASH}"),
        ("MCSE / SD", 0.0099771, "0.010"),
        ("R-hat", 1.00249, "1.002"),
        ("Newton decrement", 0.00123456, "0.001235"),
        ("sampler", "nuts", "nuts"),
    ],
)
def test_each_has_its_decimals(name, value, text):
    assert criterion(name, value) == text


def test_a_value_is_told_from_its_limit():
    assert criterion("Pareto k-hat", 0.704, 0.7) == "0.704"
    assert criterion("Pareto k-hat", 0.7, 0.7) == "0.70"
    assert criterion("R-hat", 1.01004, 1.01) == "1.01004"
