"""A checklist as data: items, each with the parts of a report that are evidence for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from msclong.reporting.record import Document, Figure, Section, Table
from msclong.reporting.words import words


@dataclass(frozen=True)
class Part:
    """Parts of a document of one kind whose key matches a pattern (`*` stands for anything).

    says : a regular expression, whatever the case: of sections, for their text; of tables, for the heading of a row or
    column that has a value.
    """

    kind: Literal["section", "table", "figure"]
    key: str
    says: str = ""

    def found(self, document: Document) -> tuple[str, ...]:
        """Cross-reference keys of the parts that the document has."""
        parts: Sequence[Section | Table | Figure] = document.figures
        if self.kind != "figure":
            parts = document.sections if self.kind == "section" else document.tables
        keys = [part.key for part in parts if fnmatchcase(part.key, self.key) and self._says(part)]
        return tuple(f"{self.kind}:{key}" for key in keys)

    def _says(self, part: Section | Table | Figure) -> bool:
        if not self.says:
            return True
        texts = [words(part)] if isinstance(part, Section) else _with_values(part)
        return any(re.search(self.says, text, re.IGNORECASE) for text in texts)


Need = tuple[Part, ...]
"""Parts of which one must be there."""


@dataclass(frozen=True)
class Item:
    """An item of a checklist. number, text : its own, in our words. group : the heading under which it stands.

    needs : all must be met by the document for the item to be ticked. unmet : what is said where they are not met; by
    default 'no', of an item without needs, which no record of an analysis can meet, 'elsewhere'. otherwise : what is
    not used, or where else.
    """

    group: str
    number: str
    text: str
    needs: tuple[Need, ...] = ()
    otherwise: str = "The report of the trial"
    unmet: Literal["no", "not used", "elsewhere"] | None = None

    def places(self, document: Document) -> tuple[str, ...] | None:
        """Cross-reference keys of the evidence, as they are read; None where a need is not met."""
        found = [{key for part in need for key in part.found(document)} for need in self.needs]
        if not all(found):
            return None
        return tuple(key for key in _reading_order(document) if any(key in keys for keys in found))


def _reading_order(document: Document) -> Iterator[str]:
    """The keys of sections, each with those of its tables and figures."""
    for part in document.sections:
        yield f"section:{part.key}"
        whole = replace(document, sections=(part,))
        yield from (f"table:{table.key}" for table in whole.tables)
        yield from (f"figure:{figure.key}" for figure in whole.figures)


def section(key: str, says: str = "") -> Need:
    return (Part("section", key, says),)


def table(key: str, says: str = "") -> Need:
    return (Part("table", key, says),)


def figure(key: str) -> Need:
    return (Part("figure", key),)


def either(*needs: Need) -> Need:
    """One of several."""
    return tuple(part for need in needs for part in need)


def _with_values(part: Table | Figure) -> list[str]:
    """Headings of a table's columns and rows that have a value."""
    if isinstance(part, Figure):
        return []
    found: dict[str, None] = {}
    for row in part.rows:
        for column, cell in zip(part.columns[1:], row.cells[1:], strict=True):
            if cell.value is not None:
                found |= {column.label: None, row.cells[0].text: None}
    return list(found)
