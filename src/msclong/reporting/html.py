"""Writes the record as one HTML page. It sets what it reads; it computes and rounds nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from msclong.printing.table_layout import heading_spans, pads, row_groups
from msclong.reporting import equation_html
from msclong.reporting.inline import Piece, Reference, Said, pieces, plain
from msclong.reporting.record import Document, Table

REFLOWS = (("small", 22.3), ("medium", 34), ("large", 45.9), ("vast", 59.9), ("endless", 999))
"""Sizes of tables and the room in rem, of the figure, below which rows are set as cards; 22.3 is a telephone's.

What has more columns than there is room for anywhere is set as cards on every screen.
"""

TEXT, WIDEST, PAPER = 46, 60, 66
"""Rem of the text column, of tables that run on beyond it, and, in smaller type, of a sheet of A4."""

NAME = 20
"""Characters of the name of a row that stay on one line."""

SETTINGS = {"loose": (0.46, 1.1), "close": (0.46, 0.65), "tight": (0.42, 0.5)}
"""Rem that a character takes, a little more than half an em, and the space between columns: see style.css."""


def render(document: Document) -> str:
    """The page: CSS, SVG and a short script inline, no reference to any network; complete without the script."""
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
        size=lambda table: size(table, references),
        plain=lambda text: plain(text, references),
        csv=csv_link,
        css_string=css_string,
    )
    environment.globals["reflows"] = REFLOWS
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


def size(table: Table, references: Mapping[str, str]) -> str:
    """Classes of a table's figure: the smallest of REFLOWS that has room for its columns.

    In addition: 'narrow' where a table needs no full width, 'wide' where it runs on beyond the text column, 'close'
    where it must be set close there, 'named' where names of rows stay on one line, 'broken' where on paper cells do
    not.
    """
    columns = [
        [plain(text, references) for text in (column.label, *(row.cells[j].text for row in table.rows))]
        for j, column in enumerate(table.columns)
    ]
    broken = [j == 0 or column.kind == "prose" for j, column in enumerate(table.columns)]

    # Rows are set in under their group, and spanning headings apart.
    apart = any(row.group for row in table.rows) + len({column.span for column in table.columns})

    def need(setting: str) -> float:
        character, space = SETTINGS[setting]
        widths = iter(
            character * _characters(texts, some, setting != "loose") + space
            for texts, some in zip(columns, broken, strict=True)
        )
        below = [(plain(span, references), sum(islice(widths, n))) for span, n in heading_spans(table)]
        return space * apart / 2 + sum(
            max(width, character * max(map(len, span.split()), default=0)) for span, width in below
        )

    first, *others = REFLOWS
    classes = [
        first[0]
        if need("tight") <= first[1]
        else next(name for name, room in others if need("close") <= room)
    ]
    loose, longest = need("loose"), max(map(len, columns[0]))
    classes += ["named"] * (longest <= NAME)
    classes += ["narrow"] * (loose < TEXT / 2) + ["wide"] * (loose > TEXT) + ["close"] * (loose > WIDEST)
    classes += ["broken"] * (need("close") > PAPER)
    return " ".join(classes)


def _characters(texts: list[str], broken: bool, close: bool) -> int:
    """Characters of the longest line of a column; `broken` cells, and headings set `close`, are broken at spaces."""
    heading, *cells = texts
    words = [max(map(len, re.split(r"[ \n]", text))) for text in texts]
    if broken:
        return max(*words, min(max(map(len, texts)), NAME if close else 26))
    return max(words[0] if close else len(heading), *map(len, cells), 0)


def csv_link(data: pd.DataFrame) -> str:
    """The data of a figure as a data: URI, at full precision; an index that only counts is left out."""
    text = data.to_csv(index=not isinstance(data.index, pd.RangeIndex), lineterminator="\n")
    # What a URI in an attribute may hold stays as it is: short, and readable in the source.
    return "data:text/csv;charset=utf-8," + quote(text, safe=" ,.;:()[]=+-/!*'~_|")


def css_string(text: str) -> Markup:
    """`text` between quotes for a style sheet; nothing in it ends the string or the sheet."""
    return Markup('"{}"').format(
        Markup(re.sub(r"[^\w .,:;()-]", lambda found: f"\\{ord(found[0]):x} ", text))
    )
