"""Word's own elements that python-docx does not make: fields, bookmarks, links, borders, alternative texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any

from docx.oxml import OxmlElement
from docx.oxml.ns import qn

_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """`text` without the control characters that XML cannot hold."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def element(tag: str, children: Iterable[Any] = (), /, **attributes: str | int | float) -> Any:
    """`<w:tag w:attribute="...">` with its children."""
    made = OxmlElement(f"w:{tag}")
    for key, value in attributes.items():
        made.set(qn(f"w:{key}"), str(value))
    for child in children:
        made.append(child)
    return made


def field(paragraph: Any, instruction: str, shown: str, *, bold: bool | None = None) -> None:
    """A field, such as a cross-reference, that reads `shown` until Word computes it anew."""
    simple = element("fldSimple", instr=f" {instruction} ")
    run = paragraph.add_run(clean(shown))
    run.bold = bold
    simple.append(run._r)
    paragraph._p.append(simple)


def begin_field(paragraph: Any, instruction: str) -> None:
    """A field over several paragraphs, which Word fills when it opens the file; `end_field` closes it."""
    text = element("instrText")
    text.text = f" {instruction} "
    begin = element("fldChar", fldCharType="begin", dirty="true")
    for part in (begin, text, element("fldChar", fldCharType="separate")):
        paragraph.add_run()._r.append(part)


def end_field(paragraph: Any) -> None:
    paragraph.add_run()._r.append(element("fldChar", fldCharType="end"))


def link(paragraph: Any, anchor: str, text: str) -> None:
    """Text that leads to the bookmark `anchor`."""
    run = paragraph.add_run(clean(text))
    paragraph._p.append(element("hyperlink", [run._r], anchor=anchor, history=1))


class Bookmarks:
    """Marks on text; their ids are the order in which they are set."""

    def __init__(self) -> None:
        self.count = 0

    def begin(self, paragraph: Any, name: str) -> None:
        self.count += 1
        paragraph._p.append(element("bookmarkStart", id=self.count, name=name))

    def end(self, paragraph: Any) -> None:
        paragraph._p.append(element("bookmarkEnd", id=self.count))


def rule(cell: Any, edge: str, points: float) -> None:
    """A rule at one edge ('top', 'bottom') of a table cell."""
    properties = cell._tc.get_or_add_tcPr()
    borders = properties.find(qn("w:tcBorders"))
    if borders is None:
        borders = element("tcBorders")
        # The schema's order: width and span before the borders, the rest after.
        before = [child for child in properties if child.tag in (qn("w:tcW"), qn("w:gridSpan"))]
        properties.insert(len(before), borders)
    made = element(edge, val="single", sz=round(8 * points), space=0, color="000000")
    borders.insert(0 if edge == "top" else len(borders), made)


def plain_table(table: Any, widths: Iterable[float]) -> None:
    """Column widths in points that stay as they are, no rules, and margins inside the cells."""
    twips = [int(20 * width) for width in widths]
    properties = table._tbl.tblPr
    for child in list(properties):
        properties.remove(child)
    margins = [element(side, w=90 if side in ("left", "right") else 0, type="dxa")
               for side in ("top", "left", "bottom", "right")]  # fmt: skip
    properties.append(element("tblW", w=sum(twips), type="dxa"))
    properties.append(element("tblLayout", type="fixed"))
    properties.append(element("tblCellMar", margins))
    for column, width in zip(table._tbl.tblGrid, twips, strict=True):
        column.set(qn("w:w"), str(width))
    for row in table.rows:
        row._tr.get_or_add_trPr().append(element("cantSplit"))


def repeated(row: Any) -> None:
    """The row stands again on every page that the table runs on to."""
    row._tr.get_or_add_trPr().append(element("tblHeader"))


def described(shape: Any, name: str, text: str) -> None:
    """Name and alternative text of a picture."""
    properties = shape._inline.docPr
    properties.set("name", clean(name))
    properties.set("descr", clean(text))


class Typeset(HTMLParser):
    """Sets a line of `equation_html.lines` into a paragraph: italics, subscripts, superscripts."""

    def __init__(self, paragraph: Any) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraph, self.open = paragraph, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = "remark" if ("class", "remark") in attrs else tag
        self.open.append(kind)
        if kind == "remark":
            self.paragraph.add_run("\n")

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        run = self.paragraph.add_run(clean(data))
        run.italic = "i" in self.open or None
        if "sub" in self.open:
            run.font.subscript = True
        elif "sup" in self.open:
            run.font.superscript = True
