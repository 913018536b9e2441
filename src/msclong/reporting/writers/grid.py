"""How a table of the record fits on paper: column widths, size of type, and whether the page is turned."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from msclong.printing.table_layout import heading_spans
from msclong.reporting.inline import plain
from msclong.reporting.record import Row, Table

PORTRAIT, LANDSCAPE = 468.0, 700.0
"""Points between the margins of an A4 page (64 pt left and right, 71 turned)."""

SIZES = (9, 8)
"""Points of type in tables, tried one after the other before the page is turned."""

SMALLEST = 6

PADDING = 9.0
"""Points that the inner margins of a cell take."""

LONGEST = 30.0
"""Ems after which a cell that should stay on one line is broken all the same."""

SLACK, AIR = 0.3, 1.5
"""Ems that every column gets beyond its text, and would like."""

BOLD = 1.12
"""How much wider a heading's letters are."""

PROSE = 11.0
"""Ems that a column of sentences has at least, where its sentences are that long."""


@dataclass(frozen=True)
class Grid:
    """widths : of the columns, in points. size : of type, in whole points. landscape : whether the page is turned."""

    widths: tuple[float, ...]
    size: int
    landscape: bool


def grid(table: Table, references: dict[str, str]) -> Grid:
    """The largest type at which every column keeps what may not be broken on one line, upright if possible."""
    columns = list(zip(*(_row(row, references) for row in table.rows), strict=True)) or [()] * len(
        table.columns
    )
    least, most = [], []
    for column, cells in zip(table.columns, columns, strict=True):
        label = plain(column.label, references)
        sentence = max(map(_ems, cells), default=0)
        words = max([*map(_longest_word, cells), BOLD * _longest_word(label)], default=0)
        kept = min(sentence, PROSE) if column.kind == "prose" else min(sentence, LONGEST)
        least.append(max(min(words, LONGEST), kept) + SLACK)
        most.append(max(sentence + AIR, least[-1], min(BOLD * _ems(label), 2 * least[-1])))
    _widen_for_spans(table, least, references)
    most = [max(pair) for pair in zip(least, most, strict=True)]
    for landscape, room in ((False, PORTRAIT), (True, LANDSCAPE)):
        for size in SIZES:
            if size * sum(least) + PADDING * len(least) <= room:
                return Grid(_shared(least, most, size, room), size, landscape)
    size = max(SMALLEST, int((LANDSCAPE - PADDING * len(least)) / sum(least)))
    total = sum(least) * size + PADDING * len(least)
    return Grid(tuple((size * ems + PADDING) * LANDSCAPE / total for ems in least), size, True)


def spans(table: Table) -> list[tuple[str, int]]:
    """`heading_spans`, or nothing where no column has a spanning heading."""
    found = heading_spans(table)
    return found if any(span for span, _ in found) else []


def _row(row: Row, references: dict[str, str]) -> list[str]:
    return [plain(cell.text, references) for cell in row.cells]


def _shared(least: list[float], most: list[float], size: float, room: float) -> tuple[float, ...]:
    """What is left of `room` goes to the columns that wish more than their least; none gets more than it wishes."""
    spare = (room - size * sum(least) - PADDING * len(least)) / size
    wished = [more - ems for ems, more in zip(least, most, strict=True)]
    share = min(1.0, spare / sum(wished)) if sum(wished) else 0.0
    return tuple(size * (ems + share * more) + PADDING for ems, more in zip(least, wished, strict=True))


def _widen_for_spans(table: Table, least: list[float], references: dict[str, str]) -> None:
    start = 0
    for text, count in spans(table):
        here = range(start, start + count)
        lacking = BOLD * _longest_word(plain(text, references)) - sum(least[j] for j in here)
        for j in here:
            least[j] += max(0.0, lacking) / count
        start += count


def _longest_word(text: str) -> float:
    return max(map(_ems, text.split()), default=0.0)


def _ems(text: str) -> float:
    """Width in a plain sans serif, in ems; a little wide rather than narrow."""
    return sum(map(_em, text))


def _em(character: str) -> float:
    if character.isdigit() or character in "+−–=<>":
        return 0.57
    if character in " .,:;|!'’ijl()[]/":
        return 0.32
    if character in "mwMW%":
        return 0.88
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    return 0.7 if character.isupper() else 0.57
