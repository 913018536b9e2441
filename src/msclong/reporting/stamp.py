"""A word on every table and figure of a report, such as that their data are synthetic."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from markupsafe import escape

from msclong.reporting.record import Block, Figure, FoldOut, Section, Table

WORD = "Synthetic"
"""The word on tables and figures of made-up data."""

STRIP = 12.0
"""Points above a figure that the word takes."""

COLOUR = "#a0400a"

_VIEW = re.compile(r'viewBox="([\d.-]+) ([\d.-]+) ([\d.-]+) ([\d.-]+)"')


def stamped(sections: Iterable[Section], stamp: str) -> list[Section]:
    """The sections with `stamp` on each table and figure, drawn into the SVG too; as they are where it is empty.

    A table that has a stamp of its own, such as of figures that a paper printed, keeps it.
    """
    if not stamp:
        return list(sections)
    return [
        replace(section, blocks=tuple(_stamped(block, stamp) for block in section.blocks))
        for section in sections
    ]


def _stamped(block: Block, stamp: str) -> Block:
    if isinstance(block, Table):
        return replace(block, stamp=block.stamp or stamp)
    if isinstance(block, Figure):
        return replace(block, stamp=stamp, svg=drawn_into(block.svg, f"{stamp} data"))
    if isinstance(block, FoldOut):
        return replace(block, blocks=tuple(_stamped(inner, stamp) for inner in block.blocks))
    return block


def drawn_into(svg: str, text: str) -> str:
    """The figure with `text` at its upper right, on a strip of its own so that it hides nothing."""
    found = _VIEW.search(svg)
    if found is None:
        raise ValueError("The SVG has no viewBox, so there is no place for a stamp.")
    x, y, width, height = map(float, found.groups())
    view = f'viewBox="{x:g} {y - STRIP:g} {width:g} {height + STRIP:g}"'
    word = (
        f'<text x="{x + width - 3:g}" y="{y - 3:g}" text-anchor="end" font-size="8" font-weight="bold" '
        f'style="fill:var(--warn,{COLOUR})">{escape(text)}</text>'
    )
    head, _, tail = svg.replace(found[0], view, 1).rpartition("</svg>")
    return f"{head}{word}</svg>{tail}"
