"""A report as data: sections of text, tables and figures. Builders make it once; writers only read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure as Drawing

Kind = Literal["text", "prose", "number", "interval", "mark"]
"""How the cells of a column are set; text stays on one line, prose is broken into several."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph. `[[table:key]]`, `[[figure:key]]` and `[[section:key]]` in the text are cross-references."""

    text: str
    role: Literal["body", "answer", "caution", "note"] = "body"


@dataclass(frozen=True)
class Subheading:
    text: str


@dataclass(frozen=True)
class Bullets:
    items: tuple[str, ...]


@dataclass(frozen=True)
class Definitions:
    """Terms, each with its text."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Equation:
    """A model equation in the plain text of `ModelSpec.equation()`."""

    text: str


@dataclass(frozen=True)
class Code:
    text: str
    language: str


@dataclass(frozen=True)
class Column:
    """A table column: its heading, the heading that spans it with its neighbours, and how its cells are set."""

    label: str
    span: str = ""
    kind: Kind = "text"


@dataclass(frozen=True)
class Cell:
    """One value at full precision (None for text) and as it is printed: the only place where it is rounded."""

    text: str
    value: object = None


@dataclass(frozen=True)
class Row:
    """Cells, the first of which names the row; `group` is the heading under which it stands."""

    cells: tuple[Cell, ...]
    group: str = ""


@dataclass(frozen=True)
class Table:
    """A numbered table. key : identifies it in cross-references. notes : what stands below it.

    stamp : a word that every writer sets before the caption, such as 'Synthetic'.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    number: int = 0
    stamp: str = ""


@dataclass(frozen=True, eq=False)
class Figure:
    """A numbered figure: SVG, the message in words (`alt`), and what it draws as data. stamp : as of a table.

    drawing : the matplotlib figure, for writers that cannot set SVG.
    """

    key: str
    caption: str
    alt: str
    svg: str
    data: pd.DataFrame
    number: int = 0
    stamp: str = ""
    drawing: Drawing | None = None


@dataclass(frozen=True)
class FoldOut:
    """Blocks that a screen may fold away and paper may not."""

    summary: str
    blocks: tuple[Block, ...]


Block = Paragraph | Subheading | Bullets | Definitions | Equation | Code | Table | Figure | FoldOut


@dataclass(frozen=True)
class Section:
    key: str
    title: str
    blocks: tuple[Block, ...]
    number: int = 0


@dataclass(frozen=True, eq=False)
class Document:
    """The whole record. subtitle : one line below the title. created : when, with time zone.

    stamp : what must stand on top of every page, such as that the data are synthetic; empty where nothing must.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    created: datetime
    stamp: str = ""

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(block for block in self._blocks() if isinstance(block, Table))

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(block for block in self._blocks() if isinstance(block, Figure))

    @property
    def references(self) -> dict[str, str]:
        """What each cross-reference reads: 'table:contrasts' -> 'Table 3'."""
        found = {f"table:{table.key}": f"Table {table.number}" for table in self.tables}
        found |= {f"figure:{figure.key}": f"Figure {figure.number}" for figure in self.figures}
        return found | {f"section:{section.key}": f"section {section.number}" for section in self.sections}

    def _blocks(self) -> Iterator[Block]:
        for section in self.sections:
            for block in section.blocks:
                yield from block.blocks if isinstance(block, FoldOut) else (block,)
