"""The text of a section, as its sentences have it."""

from __future__ import annotations

from collections.abc import Iterator

from msclong.reporting.inline import Reference, pieces
from msclong.reporting.record import (
    Block,
    Bullets,
    Code,
    Definitions,
    Equation,
    Figure,
    FoldOut,
    Paragraph,
    Section,
    Subheading,
    Table,
)


def words(section: Section) -> str:
    """All text of a section, without its cross-references and what stands in tables."""
    texts = "\n".join(text for block in section.blocks for text in _words(block))
    said = (piece for piece in pieces(texts) if not isinstance(piece, Reference))
    return "".join(piece if isinstance(piece, str) else piece.text for piece in said)


def _words(block: Block) -> Iterator[str]:
    match block:
        case Paragraph(text=text) | Subheading(text=text) | Equation(text=text) | Code(text=text):
            yield text
        case Bullets(items=items):
            yield from items
        case Definitions(items=pairs):
            yield from (f"{term}: {text}" for term, text in pairs)
        case Table(caption=caption, notes=notes):
            yield from (caption, *notes)
        case Figure(caption=caption):
            yield caption
        case FoldOut(blocks=blocks):
            for inner in blocks:
                yield from _words(inner)
