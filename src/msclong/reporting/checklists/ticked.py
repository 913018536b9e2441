"""A checklist as a table: each item ticked where the document has its evidence, with links to it."""

from __future__ import annotations

from collections.abc import Sequence

from msclong.reporting.checklists.item import Item
from msclong.reporting.record import Cell, Column, Document, Row, Table

YES, NO, ELSEWHERE = "yes", "no", "elsewhere"


def ticked(
    key: str, caption: str, items: Sequence[Item], document: Document, notes: Sequence[str] = ()
) -> Table:
    """One row for each item: whether it is reported, and where.

    Values of the cells 'Reported': True, False, and None for what a record of an analysis cannot answer.
    """
    columns = (
        Column("Item"),
        Column("What is to be reported", kind="prose"),
        Column("Reported"),
        Column("Where", kind="prose"),
    )
    rows = tuple(
        Row((Cell(item.number), Cell(item.text), *_answer(item, document)), item.group) for item in items
    )
    return Table(key, caption, columns, rows, tuple(notes))


def counts(table: Table) -> tuple[int, int, int]:
    """How many items of a ticked table are reported, are not, and belong elsewhere."""
    values = [row.cells[2].value for row in table.rows]
    return values.count(True), values.count(False), values.count(None)


def _answer(item: Item, document: Document) -> tuple[Cell, Cell]:
    places = item.places(document) if item.needs else None
    if places is not None:
        return Cell(YES, True), Cell(", ".join(f"[[{place}]]" for place in places))
    unmet = item.unmet or (NO if item.needs else ELSEWHERE)
    return (Cell(NO, False), Cell("")) if unmet == NO else (Cell(unmet), Cell(item.otherwise))
