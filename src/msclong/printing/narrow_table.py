"""A table in fewer and narrower columns, for a page: what rows have in common is said once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from string import ascii_lowercase

from msclong.printing.table import Row, Table

LONG = 30
"""Characters of a text that makes its column too wide."""

GAP = "\N{HORIZONTAL ELLIPSIS}"


def narrowed(table: Table) -> Table:
    """Columns of text that never vary within a group go into its heading; long texts that recur go into notes."""
    return _noted(_headed(table))


def _headed(table: Table) -> Table:
    groups = [list(rows) for group, rows in groupby(table.rows, key=lambda row: row.group) if group]
    loose = [row for row in table.rows if not row.group and row.cells[0].text != GAP]
    moved = [
        i
        for i, column in enumerate(table.columns)
        if i and column.kind == "prose" and all(_shared(row.cells[i].text for row in rows) for rows in groups)
    ]
    if not groups or loose or not moved:
        return table

    def moved_in(row: Row) -> Row:
        values = [(_in_a_sentence(table.columns[i].label), row.cells[i].text) for i in moved if row.group]
        said = ", ".join(f"{name} {text}" for name, text in values if text)
        cells = tuple(cell for i, cell in enumerate(row.cells) if i not in moved)
        return replace(row, cells=cells, group=f"{row.group}: {said}" if said else row.group)

    columns = tuple(column for i, column in enumerate(table.columns) if i not in moved)
    return replace(table, columns=columns, rows=tuple(map(moved_in, table.rows)))


def _in_a_sentence(label: str) -> str:
    return label.lower() if label[1:].islower() else label


def _shared(texts: Iterable[str]) -> bool:
    return len(found := set(texts)) == 1 and max(map(len, found)) <= LONG


def _noted(table: Table) -> Table:
    columns, notes = list(table.columns), list(table.notes)
    marks: dict[tuple[int, str], str] = {}
    letters = iter(ascii_lowercase)
    for i, column in enumerate(table.columns):
        texts = [row.cells[i].text for row in table.rows if row.cells[i].text not in ("", GAP)]
        kinds = list(dict.fromkeys(texts))
        recurs = 2 * len(kinds) <= len(texts) and len(marks) + len(kinds) <= len(ascii_lowercase)
        if i and column.kind == "prose" and recurs and max(map(len, kinds), default=0) > LONG:
            columns[i] = replace(column, kind="mark")
            marks |= {(i, text): next(letters) for text in kinds}
            notes += [f"{marks[i, text]}: {text}." for text in kinds]

    def marked(row: Row) -> Row:
        return replace(
            row,
            cells=tuple(
                replace(cell, text=marks.get((i, cell.text), cell.text)) for i, cell in enumerate(row.cells)
            ),
        )

    return replace(table, columns=tuple(columns), rows=tuple(map(marked, table.rows)), notes=tuple(notes))
