"""A table in text: decimal points below each other, and no line longer than a listing's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby, zip_longest

from msclong.printing.numbers import DASH, MINUS
from msclong.printing.table import Column, Table
from msclong.printing.text_width import left, plain, right, width, wrapped

WIDTH = 100
"""Columns of a terminal or a listing."""

GAP = 2
"""Blanks between columns."""

LONG, ASIDE = 16, 4
"""A table of more rows than this stands in columns, so many blanks apart, where there is room for them."""

INDENT = "  "

NARROWEST, LABEL = 16, 40
"""No column of text is made narrower to spare a panel; no row's name is wider where there are panels."""

ASCII = str.maketrans({MINUS: "-", DASH: "-", "\N{MULTIPLICATION SIGN}": "x", "\N{INFINITY}": "inf"})
"""Signs that a terminal, or a file that its output goes to, may not have."""

DECIMALS = re.compile(r"(?<=\d)\.\d+$|(?<=\d)$")
"""Where the digits before the decimal point end."""

Cells = list[list[str]]


def text_table(table: Table, columns: int = WIDTH) -> str:
    """The table without its caption: headings, a rule, rows below their groups' headings, notes.

    What is too wide is broken: first the text of cells, then the table, into panels that repeat the rows' names.
    """
    headings = [_heading(column) for column in table.columns]
    cells = _aligned(table)
    widths = _shrunk(table.columns, headings, cells, columns)
    blocks = [_panel(table, headings, cells, widths, chosen, columns) for chosen in _panels(widths, columns)]
    notes = wrapped(" ".join(plain(note) for note in table.notes), columns) if table.notes else []
    return "\n".join([*"\n\n".join("\n".join(block) for block in blocks).split("\n"), *notes])


def _heading(column: Column) -> str:
    text = f"{column.span}: {column.label}" if column.span else column.label
    return plain(text).replace("R\N{COMBINING CIRCUMFLEX ACCENT}", "Rhat")


def _aligned(table: Table) -> Cells:
    """The text of all cells by column, decimal points below each other."""
    columns: Cells = []
    for j, column in enumerate(table.columns):
        texts = [plain(row.cells[j].text) for row in table.rows]
        if j == 0:
            texts = [INDENT * bool(row.group) + text for row, text in zip(table.rows, texts, strict=True)]
        if column.kind in ("number", "interval"):
            texts = [text.translate(ASCII) for text in texts]
        if column.kind == "number":
            texts = _points(texts)
        elif column.kind == "interval":
            ends = [text.partition(" to ") for text in texts]
            lower, upper = _points([end[0] for end in ends]), _points([end[2] for end in ends])
            texts = [f"{a}{end[1] or '    '}{b}" for a, end, b in zip(lower, ends, upper, strict=True)]
        columns.append(texts)
    return columns


def _points(texts: Sequence[str]) -> list[str]:
    """Numbers of one width; what is no number ends where the digits before the decimal point end."""
    cut = [found.start() if (found := DECIMALS.search(text)) else len(text) for text in texts]
    before = max(cut, default=0)
    after = max((len(text) - at for text, at in zip(texts, cut, strict=True)), default=0)
    return [
        right(text, before + len(text) - at) + " " * (after - len(text) + at)
        for text, at in zip(texts, cut, strict=True)
    ]


def _shrunk(columns: Sequence[Column], headings: Sequence[str], cells: Cells, most: int) -> list[int]:
    """The widths of the columns, those of text made narrower where that brings the table into `most`."""
    widths = [
        max([2, _longest_word(heading), *map(width, texts)])
        for heading, texts in zip(headings, cells, strict=True)
    ]
    for j, heading in enumerate(headings):  # a heading on one line, where that costs little
        widths[j] = max(widths[j], min(width(heading), 9))
    of_text = [j for j, column in enumerate(columns) if j == 0 or column.kind in ("text", "prose")]
    while (excess := sum(widths) + GAP * (len(widths) - 1) - most) > 0:
        widest = max(of_text, key=lambda j: widths[j])
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= min(excess, widths[widest] - NARROWEST)
    if excess > 0:
        widths[0] = min(widths[0], LABEL)
        room = most - widths[0] - GAP
        widths[1:] = [min(each, room) for each in widths[1:]]
    return widths


def _longest_word(text: str) -> int:
    return max(map(width, text.split()), default=0)


def _panels(widths: Sequence[int], most: int) -> list[list[int]]:
    """Columns that stand beside each other, the rows' names first."""
    panels, taken = [[0]], widths[0]
    for j, each in enumerate(widths[1:], start=1):
        if taken + GAP + each > most and len(panels[-1]) > 1:
            panels.append([0])
            taken = widths[0]
        panels[-1].append(j)
        taken += GAP + each
    return panels


def _panel(
    table: Table, headings: Sequence[str], cells: Cells, widths: Sequence[int], chosen: list[int], most: int
) -> list[str]:
    total = sum(widths[j] for j in chosen) + GAP * (len(chosen) - 1)
    tops = [wrapped(headings[j], widths[j]) for j in chosen]
    depth = max(map(len, tops))
    raised = zip(*([""] * (depth - len(top)) + top for top in tops), strict=True)
    head = [_line(table.columns, chosen, widths, texts, heading=True) for texts in raised]
    head.append("-" * total)
    lines: list[str] = []
    rows = enumerate(table.rows)
    for group, members in groupby(rows, key=lambda row: row[1].group):
        lines += wrapped(plain(group), most, 2 * INDENT) if group else []
        for i, _ in members:
            lines += _row(table.columns, chosen, widths, [cells[j][i] for j in chosen])
    broken = len(lines) > len(table.rows)
    return head + lines if broken else _side_by_side(head, lines, total, most)


def _row(
    columns: Sequence[Column], chosen: Sequence[int], widths: Sequence[int], texts: Sequence[str]
) -> list[str]:
    """One row, on as many lines as its longest cell takes; a name goes on further to the right."""
    further = INDENT + " " * (len(texts[0]) - len(texts[0].lstrip(" ")))
    parts = [
        [text] if width(text) <= widths[j] else wrapped(text, widths[j], further if i == 0 else "")
        for i, (j, text) in enumerate(zip(chosen, texts, strict=True))
    ]
    return [_line(columns, chosen, widths, line) for line in zip_longest(*parts, fillvalue="")]


def _line(
    columns: Sequence[Column],
    chosen: Sequence[int],
    widths: Sequence[int],
    texts: Sequence[str],
    heading: bool = False,
) -> str:
    set_ = []
    for i, (j, text) in enumerate(zip(chosen, texts, strict=True)):
        kind = columns[j].kind
        if i == 0 or kind in ("text", "prose"):
            set_.append(left(text, widths[j]))
        elif kind == "interval" and heading or kind == "mark":
            set_.append(left(" " * ((widths[j] - width(text)) // 2) + text, widths[j]))
        else:
            set_.append(right(text, widths[j]))
    return (" " * GAP).join(set_).rstrip()


def _side_by_side(head: list[str], lines: list[str], total: int, most: int) -> list[str]:
    """A long table in columns; the last may be shorter."""
    beside = min(-(-len(lines) // LONG), (most + ASIDE) // (total + ASIDE))
    if beside < 2:
        return head + lines
    height = -(-len(lines) // beside)
    blocks = [head + lines[i : i + height] for i in range(0, len(lines), height)]
    return [
        (" " * ASIDE).join(left(line, total) for line in row).rstrip()
        for row in zip_longest(*blocks, fillvalue="")
    ]
