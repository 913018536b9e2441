"""How wide text is in a terminal, and text broken into lines of a width."""

from __future__ import annotations

import re
import unicodedata

BREAKS = re.compile(r"[^ :,;/|*+]*[ :,;/|*+]?")
"""Pieces of a text; a line may end after each."""


def width(text: str) -> int:
    """Columns of a terminal: two for a wide (East Asian) character, none for one that combines with the last."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def plain(text: str) -> str:
    """`text` on one line, without what moves a terminal's cursor."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def wrapped(text: str, columns: int, indent: str = "") -> list[str]:
    """Lines of at most so many columns (two at least), all but the first after `indent`; long words are broken."""
    lines, line = [], ""
    columns = max(columns, 2)
    indent = indent[: columns - 2]
    for piece in BREAKS.findall(text):
        while piece and width(line + piece.rstrip(" ")) > columns:
            if line.strip():
                lines.append(line.rstrip(" "))
                line, piece = indent, piece.lstrip(" ")
                continue
            if len(line) > len(indent):  # blanks alone
                line = indent
                continue
            head = _head(piece, columns - width(line))
            lines.append(line + head)
            line, piece = indent, piece[len(head) :]
        line += piece
    if line.strip() or not lines:
        lines.append(line.rstrip(" "))
    return lines


def left(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def right(text: str, columns: int) -> str:
    return " " * (columns - width(text)) + text


def _head(text: str, columns: int) -> str:
    """As much of the beginning of `text` as fits into so many columns, one character at least."""
    taken = end = 0
    for end, character in enumerate(text):
        taken += _columns(character)
        if taken > columns and end:
            return text[:end]
    return text[: end + 1]


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
