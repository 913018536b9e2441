"""Text that carries its numbers: a sentence's figures at full precision, and cross-references.

Sections write sentences as plain strings. A figure in a sentence is written by `said`, which keeps its value and its
name beside what is printed; `[[table:key]]`, `[[figure:key]]` and `[[section:key]]` refer to other parts. Writers take
a text apart with `pieces`; none of them looks for numbers itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_OPEN, _BETWEEN, _CLOSE = "\ue000", "\ue001", "\ue002"
"""Private-use characters, which no keyboard writes."""

_PIECE = re.compile(
    rf"{_OPEN}([^{_CLOSE}]*?){_BETWEEN}([^{_CLOSE}]*?){_BETWEEN}([^{_CLOSE}]*?){_CLOSE}"
    r"|\[\[((?:table|figure|section):[\w-]+)\]\]"
)


@dataclass(frozen=True)
class Said:
    """A figure in a sentence. text : as printed. stat : its name in the ARD, such as 'estimate'. value : unrounded."""

    text: str
    stat: str
    value: float


@dataclass(frozen=True)
class Reference:
    """A cross-reference: 'table:contrasts'."""

    key: str


Piece = str | Said | Reference


def said(text: str, value: float, stat: str) -> str:
    """`text`, to be put into a sentence, with the `value` it prints and the ARD's name of the statistic."""
    return f"{_OPEN}{text}{_BETWEEN}{stat}{_BETWEEN}{float(value)!r}{_CLOSE}"


def pieces(text: str) -> list[Piece]:
    """The text in its order: plain strings, figures, cross-references."""
    found: list[Piece] = []
    end = 0
    for match in _PIECE.finditer(text):
        if match.start() > end:
            found.append(text[end : match.start()])
        found.append(Reference(match[4]) if match[4] else Said(match[1], match[2], float(match[3])))
        end = match.end()
    return [*found, text[end:]] if end < len(text) else found


def redirected(text: str, keys: Mapping[str, str]) -> str:
    """The text with its cross-references as `keys` has them ('table:a' -> 'table:b'); others stay."""
    return _PIECE.sub(lambda found: f"[[{keys.get(found[4], found[4])}]]" if found[4] else found[0], text)


def plain(text: str, references: Mapping[str, str] | None = None) -> str:
    """The text as a reader sees it; `references` say what each cross-reference reads ('table:x' -> 'Table 3').

    Without them cross-references stay as they are written.
    """
    return "".join(
        piece
        if isinstance(piece, str)
        else piece.text
        if isinstance(piece, Said)
        else f"[[{piece.key}]]"
        if references is None
        else references[piece.key]
        for piece in pieces(text)
    )
