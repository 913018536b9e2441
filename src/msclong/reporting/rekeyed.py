"""Blocks of one report as a part of another: keys that no other part has, and cross-references that follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from msclong.reporting.inline import redirected
from msclong.reporting.record import (
    Block,
    Bullets,
    Cell,
    Definitions,
    Figure,
    FoldOut,
    Paragraph,
    Row,
    Subheading,
    Table,
)


def rekeyed(
    blocks: Iterable[Block], suffix: str, sections: Mapping[str, str], outcome: str = ""
) -> tuple[Block, ...]:
    """The blocks with `suffix` after the key of each table and figure, and after the ids in its drawing.

    Cross-references to them follow; those to sections become what `sections` has, by key. Others stay. A table's
    context in the ARD stays too. outcome : what captions begin with, where those of several outcomes would be alike.
    """
    given = tuple(blocks)
    keys = {one: f"{one}-{suffix}" for one in _own(given)}
    keys |= {f"section:{old}": f"section:{new}" for old, new in sections.items()}
    return tuple(_Rekeyed(keys, suffix, outcome).block(block) for block in given)


def _own(blocks: tuple[Block, ...]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, FoldOut):
            yield from _own(block.blocks)
        elif isinstance(block, (Table, Figure)):
            yield f"{'table' if isinstance(block, Table) else 'figure'}:{block.key}"


@dataclass(frozen=True)
class _Rekeyed:
    keys: Mapping[str, str]
    suffix: str
    outcome: str

    def text(self, text: str) -> str:
        return redirected(text, self.keys)

    def caption(self, caption: str) -> str:
        return self.text(f"{self.outcome}: {caption}" if self.outcome else caption)

    def block(self, block: Block) -> Block:
        match block:
            case Paragraph() | Subheading():
                return replace(block, text=self.text(block.text))
            case Bullets():
                return Bullets(tuple(map(self.text, block.items)))
            case Definitions():
                return Definitions(tuple((self.text(term), self.text(text)) for term, text in block.items))
            case FoldOut():
                # What folds out a table is often called as it is.
                captions = [one.caption for one in block.blocks if isinstance(one, (Table, Figure))]
                summary = (self.caption if block.summary in captions else self.text)(block.summary)
                return FoldOut(summary, tuple(map(self.block, block.blocks)))
            case Figure():
                return self._figure(block)
            case Table():
                return self._table(block)
        return block

    def _figure(self, figure: Figure) -> Figure:
        key = f"{figure.key}-{self.suffix}"
        ids = rf'(\bid="|href="#|url\(#){re.escape(figure.key)}-(?=\d+["\)])'
        svg = re.sub(ids, lambda found: f"{found[1]}{key}-", figure.svg)
        return replace(figure, key=key, caption=self.caption(figure.caption), svg=svg)

    def _table(self, table: Table) -> Table:
        return replace(
            table,
            key=f"{table.key}-{self.suffix}",
            caption=self.caption(table.caption),
            columns=tuple(
                replace(column, label=self.text(column.label), span=self.text(column.span))
                for column in table.columns
            ),
            rows=tuple(map(self._row, table.rows)),
            notes=tuple(map(self.text, table.notes)),
            context=table.context or table.key,
        )

    def _row(self, row: Row) -> Row:
        cells = tuple(Cell(self.text(cell.text), cell.value) for cell in row.cells)
        return replace(row, cells=cells, group=self.text(row.group))
