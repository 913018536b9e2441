"""Numbers sections, tables and figures in the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count

from msclong.reporting.record import Block, Figure, FoldOut, Section, Table


def numbered(sections: Iterable[Section]) -> tuple[Section, ...]:
    """The sections with numbers from 1, their tables and figures counted through; the first section has none."""
    tables, figures = count(1), count(1)
    return tuple(
        replace(section, number=i, blocks=tuple(_number(block, tables, figures) for block in section.blocks))
        for i, section in enumerate(sections)
    )


def _number(block: Block, tables: Iterator[int], figures: Iterator[int]) -> Block:
    if isinstance(block, Table):
        return replace(block, number=next(tables))
    if isinstance(block, Figure):
        return replace(block, number=next(figures))
    if isinstance(block, FoldOut):
        return replace(block, blocks=tuple(_number(inner, tables, figures) for inner in block.blocks))
    return block
