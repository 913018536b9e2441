"""A report as data: sections of text, tables and figures. Builders make it once; writers only read it.

Every text but `alt`, code and equations may carry figures and cross-references: writers take it apart with
`inline.pieces` or `inline.plain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import pandas as pd
from matplotlib.figure import Figure as Drawing

from msclong.printing.table import Axes as Axes
from msclong.printing.table import Cell as Cell
from msclong.printing.table import Column as Column
from msclong.printing.table import Kind as Kind
from msclong.printing.table import Levels as Levels
from msclong.printing.table import Row as Row
from msclong.printing.table import Stat as Stat
from msclong.printing.table import Table as Table


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
    """For the ARD: outcome : what its figures are of, where it is one and not the report's."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    number: int = 0
    outcome: str = ""


class Noted(NamedTuple):
    """A sentence on the fit of an outcome by an engine."""

    outcome: str
    engine: str
    text: str


@dataclass(frozen=True, eq=False)
class Document:
    """The whole record. subtitle : one line below the title. created : when, with time zone.

    stamp : what must stand on top of every page, such as that the data are synthetic; empty where nothing must.
    For the ARD: outcome : what all figures are of, unless a table says otherwise. warnings : what must be known of
    every figure of a fit, such as a fallback. notes : what else was noticed of it.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    created: datetime
    stamp: str = ""
    outcome: str = ""
    warnings: tuple[Noted, ...] = ()
    notes: tuple[Noted, ...] = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(block for block in self._blocks() if isinstance(block, Table))

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(block for block in self._blocks() if isinstance(block, Figure))

    @property
    def references(self) -> dict[str, str]:
        """What each cross-reference reads: 'table:contrasts' -> 'Table 3'; of a section without number, its title."""
        found = {f"table:{table.key}": f"Table {table.number}" for table in self.tables}
        found |= {f"figure:{figure.key}": f"Figure {figure.number}" for figure in self.figures}
        return found | {
            f"section:{section.key}": f"section {section.number}" if section.number else section.title
            for section in self.sections
        }

    def _blocks(self) -> Iterator[Block]:
        for section in self.sections:
            yield from unfolded(section.blocks)


def unfolded(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, with those inside fold-outs in place of them."""
    for block in blocks:
        yield from block.blocks if isinstance(block, FoldOut) else (block,)
