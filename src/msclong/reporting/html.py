"""Writes the record as one HTML page. It sets what it reads; it computes and rounds nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from msclong.reporting import equation_html
from msclong.reporting.inline import Piece, Reference, Said, pieces
from msclong.reporting.record import Document, Row, Table


def render(document: Document) -> str:
    """The page: CSS and SVG inline, no script, no reference to any network."""
    environment = Environment(
        loader=PackageLoader("msclong.reporting"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    references = document.references

    def prose(text: str) -> Markup:
        """Escaped text, its cross-references as links and its figures with their value; KeyError for unknown ones."""
        return Markup("").join(_set(piece, references) for piece in pieces(text))

    environment.filters.update(
        prose=prose,
        equation=_equation_lines,
        groups=row_groups,
        spans=heading_spans,
        pads=pads,
        width=width_class,
    )
    environment.tests["kind"] = lambda block, kind: type(block).__name__ == kind
    return environment.get_template("report.html").render(document=document)


def _set(piece: Piece, references: Mapping[str, str]) -> Markup:
    if isinstance(piece, Said):
        return Markup('<data value="{}" class="{}">{}</data>').format(
            repr(piece.value), piece.stat, piece.text
        )
    if isinstance(piece, Reference):
        target = piece.key.replace(":", "-")
        return Markup('<a href="#{}">{}</a>').format(target, references[piece.key])
    return escape(piece)


def _equation_lines(text: str) -> list[Markup]:
    return equation_html.lines(text, text.partition("[i,t] = ")[0])


def row_groups(table: Table) -> list[tuple[str, list[Row]]]:
    """Neighbouring rows under one heading."""
    return [(group, list(rows)) for group, rows in groupby(table.rows, key=lambda row: row.group)]


def heading_spans(table: Table) -> list[tuple[str, int]]:
    """The upper heading row: (text, columns that it spans)."""
    return [
        (span, len(list(columns))) for span, columns in groupby(table.columns, key=lambda column: column.span)
    ]


def pads(table: Table) -> list[list[str]]:
    """For each cell, the invisible digits that bring decimal points of a number column below each other."""
    widths = [
        max((len(_decimals(row.cells[j].text)) for row in table.rows), default=0)
        if column.kind == "number"
        else 0
        for j, column in enumerate(table.columns)
    ]
    return [
        ["." * (have == 0 < width) + "0" * (width - max(have, 1 if width else 0)) if cell.text else ""
         for cell, width in zip(row.cells, widths, strict=True)
         for have in [len(_decimals(cell.text))]]
        for row in table.rows
    ]  # fmt: skip


def width_class(table: Table) -> str:
    """'narrow', 'wide' (beyond the text column) or '', from the number of characters of a row."""
    columns = zip(*(row.cells for row in table.rows), strict=True)
    cells = [max([len(heading.label), *(len(cell.text) for cell in column)])
             for heading, column in zip(table.columns, columns, strict=True)]  # fmt: skip
    characters = sum(cells) + 2 * len(cells)
    return "narrow" if characters < 50 else "wide" if characters > 98 else ""


def _decimals(text: str) -> str:
    """The decimal point and what follows it."""
    found = re.search(r"\.\d+$", text)
    return found[0] if found else ""
