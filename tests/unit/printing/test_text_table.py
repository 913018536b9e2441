"""Tables in text: decimal points below each other, nothing lost, nothing wider than a listing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from msclong.printing.table import Cell, Column, Row, Table
from msclong.printing.text_table import LONG, WIDTH, text_table


def table_of(columns, rows, groups=None, notes=()):
    groups = groups or [""] * len(rows)
    made = tuple(Row(tuple(map(Cell, row)), group) for row, group in zip(rows, groups, strict=True))
    return Table("", "", tuple(columns), made, notes)


def parameters(n: int, name: str = "parameter") -> Table:
    columns = [Column("Parameter"), Column("Estimate", kind="number")]
    return table_of(columns, [(f"{name} {i}", f"{i}.5") for i in range(n)])


@pytest.mark.parametrize("n", [1, LONG, LONG + 1, 2 * LONG, 2 * LONG + 1, 120])
def test_every_row_is_printed_once_and_long_tables_in_columns(n):
    lines = text_table(parameters(n)).split("\n")
    assert max(map(len, lines)) <= WIDTH
    words = " ".join(" ".join(lines).split())
    assert all(len(re.findall(rf"parameter {i} +{i}\.5(?!\d)", words)) == 1 for i in range(n))
    assert (len(lines) < n) == (n > LONG)


def test_rows_that_leave_no_room_stay_below_each_other():
    assert len(text_table(parameters(40, "a" * 60)).split("\n")) == 42


def test_decimal_points_and_limits_stand_below_each_other():
    columns = [
        Column(""),
        Column("Estimate", kind="number"),
        Column("95% CI", kind="interval"),
        Column("p", kind="number"),
    ]
    rows = [
        ("one", "−12.5", "−20.1 to −4.9", "<0.001"),
        ("two", "0.001", "−0.100 to 0.102", "0.984"),
        ("three", "1,204", "–", "–"),
    ]
    assert text_table(table_of(columns, rows)).split("\n") == [
        "        Estimate       95% CI             p",
        "-------------------------------------------",
        "one      -12.5    -20.1   to -4.9    <0.001",
        "two        0.001   -0.100 to  0.102   0.984",
        "three  1,204        -                 -",
    ]


def test_groups_are_headings_and_rows_stand_below_them():
    columns = [Column("Visit"), Column("Mean", kind="number")]
    text = text_table(table_of(columns, [("1", "2.0"), ("2", "3.0"), ("1", "4.0")], ["A", "A", "B"]))
    assert text.split("\n")[2:] == ["A", "  1     2.0", "  2     3.0", "B", "  1     4.0"]


def test_a_table_that_is_too_wide_becomes_panels_that_repeat_the_names():
    columns = [Column("Term"), *(Column(f"column number {j}", kind="number") for j in range(20))]
    rows = [(f"row {i}", *(f"{i}.{j:02d}5" for j in range(20))) for i in range(3)]
    text = text_table(table_of(columns, rows))
    assert max(map(len, text.split("\n"))) <= WIDTH
    assert all(f"{i}.{j:02d}5" in text for i in range(3) for j in range(20))
    assert text.count("row 1") == text.count("Term") > 1


anything = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Co", "Cn", "So", "Sk"],
                                 max_codepoint=0xFFFF), max_size=150)  # fmt: skip
COMMON = re.compile("[\u0000-\u036f\u0400-\u052f\u3000-\u9fff\uac00-\ud7a3]*")
"""What terminals agree on: Latin, Greek, Cyrillic, combining accents, Chinese, Japanese, Korean."""
texts = anything.map(lambda text: "".join(COMMON.findall(text)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_line_is_wider_than_a_listing_whatever_stands_in_the_table(data):
    kinds = st.sampled_from(["text", "prose", "number", "interval", "mark"])
    columns = data.draw(st.lists(st.builds(Column, texts, texts, kinds), min_size=1, max_size=12))
    row = st.builds(
        Row,
        st.tuples(*(st.builds(Cell, texts) for _ in columns)),
        st.sampled_from(["", "a group", "水" * 80]),
    )
    rows = tuple(data.draw(st.lists(row, max_size=20)))
    text = text_table(Table("", "", tuple(columns), rows, data.draw(st.lists(texts, max_size=2).map(tuple))))
    assert max(map(cell_len, text.split("\n"))) <= WIDTH
