"""A printed table as data: built once, then set in HTML, in text or in a document, and rounded nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["text", "prose", "number", "interval", "mark"]
"""How the cells of a column are set; text stays on one line, prose is broken into several."""

Levels = tuple[tuple[str, str], ...]
"""What something is of: (('arm', 'Placebo'), ('visit', '6'))."""

Stat = str | tuple[str, ...]
"""The name of a statistic in the ARD, such as 'estimate'; of cells with several values a name for each."""


class Axes(NamedTuple):
    """What the rows of a table are, their headings, and the spanning headings of its columns.

    Such as 'outcome', 'visit', 'arm', 'engine'; where empty: what heads the first column, 'group' and 'engine'.
    """

    row: str = ""
    group: str = ""
    span: str = ""


@dataclass(frozen=True)
class Column:
    """A table column: its heading, the heading that spans it with its neighbours, and how its cells are set.

    For the ARD: stat : the statistic that its cells print, where the heading does not tell. of : what all its cells
    are of; instead of the span, where given. scale : what values are multiplied by in print, 100 for per cent.
    """

    label: str
    span: str = ""
    kind: Kind = "text"
    stat: Stat = ""
    of: Levels = ()
    scale: float = 1


@dataclass(frozen=True)
class Cell:
    """One value at full precision (None for text) and as it is printed: the only place where it is rounded.

    Several values, such as the limits of an interval, are a tuple.
    """

    text: str
    value: object = None


@dataclass(frozen=True)
class Row:
    """Cells, the first of which names the row; `group` is the heading under which it stands.

    For the ARD: of : what the row is of; instead of its name and group, where given. stat : the statistic that the
    row prints, where rows are statistics.
    """

    cells: tuple[Cell, ...]
    group: str = ""
    of: Levels = ()
    stat: Stat = ""


@dataclass(frozen=True)
class Table:
    """A numbered table. key : identifies it in cross-references. notes : what stands below it.

    stamp : a word that every writer sets before the caption, such as 'Synthetic'. For the ARD: axes : what its rows
    and headings are. variable : the outcome, where it is one for all rows and not the report's. context : of which
    kind its statistics are; the key, where empty.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    number: int = 0
    stamp: str = ""
    axes: Axes = Axes()
    variable: str = ""
    context: str = ""
