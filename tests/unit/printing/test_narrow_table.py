"""Tables on a page: what rows have in common is said once, and nothing is lost."""

from __future__ import annotations

from msclong.printing.narrow_table import GAP, LONG, narrowed
from msclong.printing.table import Cell, Column, Row, Table

COLUMNS = (Column("Contrast"), *(Column(name, kind="prose") for name in ("Role", "Adjustment")))
FIRST, SECOND = "max-t over four contrasts, step by step", "Holm over two secondary outcomes, then"


def table_of(*rows, notes=()):
    made = tuple(Row(tuple(map(Cell, cells)), group) for group, *cells in rows)
    return Table("", "", COLUMNS, made, notes)


def texts(table):
    return [[row.group, *(cell.text for cell in row.cells)] for row in table.rows]


def test_what_a_group_shares_is_in_its_heading_and_long_texts_below():
    assert min(len(FIRST), len(SECOND)) > LONG
    table = narrowed(
        table_of(
            ("a", "1 - 0", "primary", FIRST),
            ("a", "2 - 0", "primary", SECOND),
            ("b", "1 - 0", "secondary", FIRST),
            ("b", "2 - 0", "secondary", SECOND),
            notes=("CI.",),
        )
    )
    assert [column.label for column in table.columns] == ["Contrast", "Adjustment"]
    assert texts(table) == [
        ["a: role primary", "1 - 0", "a"],
        ["a: role primary", "2 - 0", "b"],
        ["b: role secondary", "1 - 0", "a"],
        ["b: role secondary", "2 - 0", "b"],
    ]
    assert table.notes == ("CI.", f"a: {FIRST}.", f"b: {SECOND}.")


def test_rows_folded_away_have_no_heading():
    rows = [("a", f"{i} - 0", "primary", f"adjusted {i} times") for i in range(4)]
    table = narrowed(table_of(*rows[:2], ("", GAP, GAP, GAP), *rows[2:]))
    assert [row[0] for row in texts(table)] == [
        "a: role primary",
        "a: role primary",
        "",
        "a: role primary",
        "a: role primary",
    ]
    assert texts(table)[2] == ["", GAP, GAP]


def test_what_varies_and_what_is_said_once_stays_where_it_is():
    for table in (
        table_of(("a", "1 - 0", "primary", FIRST), ("a", "2 - 0", "secondary", SECOND)),
        table_of(("", "1 - 0", "primary", "short"), ("", "2 - 0", "primary", "short")),
        table_of(),
    ):
        assert narrowed(table) == table
