"""Results as text: long tables stand in columns, and nothing is wider than a listing."""

from __future__ import annotations

import pandas as pd
import pytest

import msclong as ml
from msclong.results.summary import LONG, WIDTH, format_table


def parameters(n: int, name: str = "parameter") -> pd.DataFrame:
    index = pd.Index([f"{name} {i}" for i in range(n)], name="parameter")
    return pd.DataFrame({"estimate": [i + 0.5 for i in range(n)]}, index=index)


@pytest.mark.parametrize("n", [1, LONG, LONG + 1, 2 * LONG, 2 * LONG + 1, 120])
def test_every_row_is_printed_once_and_long_tables_in_columns(n):
    lines = format_table(parameters(n)).split("\n")
    assert max(map(len, lines)) <= WIDTH
    words = " ".join(" ".join(lines).split())
    assert all(words.count(f"parameter {i} {i + 0.5}") == 1 for i in range(n))
    assert (len(lines) < n) == (n > LONG)


def test_rows_that_leave_no_room_stay_below_each_other():
    assert len(format_table(parameters(40, "a" * 60)).split("\n")) == 42


def test_a_covariance_by_group_stands_side_by_side():
    table = ml.datasets.hamd17()
    spec = ml.ModelSpec("change ~ TRT * week + us(week | TRT / PATIENT)")
    lines = ml.fit(spec, table).summary().split("\n")
    assert any("variance(8) | 1" in line and "variance(8) | 2" in line for line in lines)
    assert max(map(len, lines)) <= WIDTH


def test_what_ties_subjects_and_weighs_observations_is_told():
    table = ml.datasets.sleepstudy()
    ward = table["Subject"].cat.codes % 3
    table = table.assign(ward=ward, Reaction=table["Reaction"] + 200.0 * ward, w=1 + table["Days"] % 2)
    text = ml.fit(ml.ModelSpec("Reaction ~ Days + (1 | ward / Subject)", weights="w"), table).summary()
    assert "180 observations of 18 subjects in 3 independent units" in text
    assert "weights: w" in text
