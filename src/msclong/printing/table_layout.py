"""What every writer of a table asks of it: its groups of rows, its spanning headings, its decimal points."""

from __future__ import annotations

import re
from itertools import groupby

from msclong.printing.table import Row, Table


def row_groups(table: Table) -> list[tuple[str, list[Row]]]:
    """Neighbouring rows under one heading."""
    return [(group, list(rows)) for group, rows in groupby(table.rows, key=lambda row: row.group)]


def heading_spans(table: Table) -> list[tuple[str, int]]:
    """The upper heading row: (text, columns that it spans)."""
    return [
        (span, len(list(columns))) for span, columns in groupby(table.columns, key=lambda column: column.span)
    ]


def pads(table: Table) -> list[list[str]]:
    """For each cell, the invisible digits that bring decimal points of a number column below each other."""
    widths = [
        max((len(_decimals(row.cells[j].text)) for row in table.rows), default=0)
        if column.kind == "number"
        else 0
        for j, column in enumerate(table.columns)
    ]
    return [
        ["." * (have == 0 < width) + "0" * (width - max(have, 1 if width else 0))
         if cell.text and "\N{MULTIPLICATION SIGN}" not in cell.text else ""
         for cell, width in zip(row.cells, widths, strict=True)
         for have in [len(_decimals(cell.text))]]
        for row in table.rows
    ]  # fmt: skip


def _decimals(text: str) -> str:
    """The decimal point and what follows it."""
    found = re.search(r"\.\d+$", text)
    return found[0] if found else ""
