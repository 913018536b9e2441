"""The record set with python-docx: headings, captions, contents and cross-references are Word's own."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.shared import Pt

from msclong.printing.table_layout import pads, row_groups
from msclong.reporting import equation_html
from msclong.reporting.inline import Reference, Said, pieces, plain
from msclong.reporting.record import (
    Block,
    Bullets,
    Code,
    Definitions,
    Document,
    Equation,
    Figure,
    FoldOut,
    Paragraph,
    Row,
    Subheading,
    Table,
)
from msclong.reporting.writers import word_xml as xml
from msclong.reporting.writers.grid import Grid, grid, spans
from msclong.reporting.writers.picture import png
from msclong.reporting.writers.word_styles import STAMP, set_styles

TOGETHER = {False: 30, True: 18}
"""Rows up to which a table is kept on one page, upright and turned."""

LINE = 0.75
"""Points of the rules above and below a table; half of it below its heading."""

A4, MARGIN = (595.0, 842.0), 64.0

STYLES = {"body": "Normal", "answer": "Answer", "caution": "Normal", "note": "Note"}

SIDES = {
    "text": WD_ALIGN_PARAGRAPH.LEFT,
    "prose": WD_ALIGN_PARAGRAPH.LEFT,
    "number": WD_ALIGN_PARAGRAPH.RIGHT,
    "interval": WD_ALIGN_PARAGRAPH.RIGHT,
    "mark": WD_ALIGN_PARAGRAPH.CENTER,
}

SPACES = str.maketrans({"0": "\N{FIGURE SPACE}", ".": "\N{PUNCTUATION SPACE}"})


def content(document: Document) -> bytes:
    """The file; two of the same record are the same, byte for byte."""
    buffer = io.BytesIO()
    _Writer(document).written().save(buffer)
    when = document.created.timetuple()[:6]
    fixed = io.BytesIO()
    with ZipFile(buffer) as given, ZipFile(fixed, "w") as kept:
        for name in given.namelist():
            kept.writestr(ZipInfo(name, when), given.read(name), compress_type=ZIP_DEFLATED)
    return fixed.getvalue()


class _Writer:
    def __init__(self, document: Document) -> None:
        self.document, self.references = document, document.references
        # Word takes 40 letters at most and hides what begins with a line.
        self.marks = {key: f"_mark_{i}" for i, key in enumerate(self.references)}
        self.word: Any = docx.Document()
        self.bookmarks = xml.Bookmarks()
        set_styles(self.word)
        self.turn(self.word.sections[0], landscape=False)

    def written(self) -> Any:
        self.properties()
        self.margins()
        self.paragraph(self.document.title, "Title")
        self.paragraph(self.document.subtitle, "Subtitle")
        created = self.document.created
        self.paragraph(f"{created.day} {created:%B %Y}", "Subtitle").paragraph_format.space_after = Pt(12)
        if self.document.stamp:
            self.stamp(self.word.add_paragraph(), self.document.stamp)
        for i, section in enumerate(self.document.sections):
            self.turned(bool(section.blocks) and self.turns(section.blocks[0]))
            number = f"{section.number}  " if section.number else ""
            heading = self.word.add_paragraph(style="Heading 1")
            self.bookmarks.begin(heading, self.marks[f"section:{section.key}"])
            self.prose(heading, f"{number}{section.title}")
            self.bookmarks.end(heading)
            self.blocks(section.blocks, 2)
            if i == 0:
                self.turned(False)
                self.contents()
        return self.word

    def properties(self) -> None:
        properties, created = (
            self.word.core_properties,
            self.document.created.astimezone(UTC).replace(tzinfo=None),
        )
        properties.title = xml.clean(self.plain(self.document.title))[:255]
        properties.subject = xml.clean(self.plain(self.document.subtitle))[:255]
        properties.author = properties.last_modified_by = "msclong"
        properties.comments = xml.clean(self.plain(self.document.stamp))[:255]
        properties.created = properties.modified = created
        package = self.word.part.package
        for key, relation in list(package.rels.items()):
            if relation.reltype == RELATIONSHIP_TYPE.THUMBNAIL:
                package.rels.pop(key)

    def margins(self) -> None:
        """The head and foot of every page."""
        section = self.word.sections[0]
        header, footer = section.header.paragraphs[0], section.footer.paragraphs[0]
        if self.document.stamp:
            self.stamp(header, self.document.stamp.partition(":")[0] + "  ")
        header.add_run(xml.clean(self.plain(self.document.title)))
        footer.add_run("Page ")
        xml.field(footer, "PAGE", "1")
        footer.add_run(" of ")
        xml.field(footer, "NUMPAGES", "1")

    def contents(self) -> None:
        """Word's table of contents: filled, and with page numbers as soon as Word computes its fields."""
        lines = self.document.sections[1:]
        self.paragraph("Contents", "Heading 2")
        for i, section in enumerate(lines):
            line = self.word.add_paragraph(style="toc 1")
            if i == 0:
                xml.begin_field(line, r'TOC \o "1-1" \h \z \u')
            number = f"{section.number}  " if section.number else ""
            xml.link(line, self.marks[f"section:{section.key}"], f"{number}{self.plain(section.title)}")
            if i == len(lines) - 1:
                xml.end_field(line)

    def blocks(self, blocks: Sequence[Block], level: int) -> None:
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            # A subheading goes with what it heads.
            self.turned(self.turns(following if following and isinstance(block, Subheading) else block))
            self.block(block, level)

    def turns(self, block: Block) -> bool:
        """Whether a block begins on a turned page."""
        if isinstance(block, FoldOut):
            return bool(block.blocks) and self.turns(block.blocks[0])
        return isinstance(block, Table) and grid(block, self.references).landscape

    def block(self, block: Block, level: int) -> None:
        match block:
            case Paragraph(text, role):
                paragraph = self.word.add_paragraph(style=STYLES[role])
                if role == "caution":
                    paragraph.add_run("Please note. ").bold = True
                self.prose(paragraph, text)
            case Subheading(text):
                self.paragraph(text, f"Heading {level}")
            case Bullets(items):
                for item in items:
                    self.paragraph(item, "List Bullet")
            case Definitions(items):
                for term, text in items:
                    paragraph = self.word.add_paragraph(style="Definition")
                    self.prose(paragraph, term, bold=True)
                    paragraph.add_run("  ")
                    self.prose(paragraph, text)
            case Equation(text):
                for line in equation_html.lines(text, text.partition("[i,t] = ")[0]):
                    xml.Typeset(self.word.add_paragraph(style="Equation")).feed(str(line))
            case Code(text):
                self.word.add_paragraph(xml.clean(text), style="Code")
            case Table():
                self.table(block)
            case Figure():
                self.figure(block)
            case FoldOut(summary, blocks):
                self.paragraph(summary, f"Heading {level}")
                self.blocks(blocks, level + 1)

    def figure(self, figure: Figure) -> None:
        paragraph = self.word.add_paragraph()
        paragraph.paragraph_format.keep_with_next = True
        paragraph.paragraph_format.space_before = Pt(8)
        shape = paragraph.add_run().add_picture(io.BytesIO(png(figure)))
        widest, highest = Pt(A4[0] - 2 * MARGIN), Pt(A4[1] - 4 * MARGIN)
        scale = min(1.0, widest / shape.width, highest / shape.height)
        shape.width, shape.height = round(shape.width * scale), round(shape.height * scale)
        xml.described(shape, f"Figure {figure.number}", figure.alt)
        self.caption("Figure", figure).paragraph_format.space_after = Pt(12)

    def table(self, table: Table) -> None:
        form = grid(table, self.references)
        self.caption("Table", table).paragraph_format.keep_with_next = True
        upper = spans(table)
        groups = row_groups(table)
        height = bool(upper) + 1 + sum(bool(group) + len(rows) for group, rows in groups)
        made = self.word.add_table(height, len(table.columns))
        xml.plain_table(made, form.widths)
        rows = iter(made.rows)
        self.heading(table, rows, upper, form)
        padding = iter(pads(table))
        for group, members in groups:
            if group:
                cells = next(rows).cells
                self.cell(cells[0].merge(cells[-1]), group, form, bold=True).keep_with_next = True
            for row in members:
                self.row(table, row, next(rows).cells, next(padding), form)
        for cell in made.rows[-1].cells:
            xml.rule(cell, "bottom", LINE)
        together = height <= TOGETHER[form.landscape]
        for i, line in enumerate(made.rows):
            if together or i >= height - 3:
                for paragraph in (each for cell in line.cells for each in cell.paragraphs):
                    paragraph.paragraph_format.keep_with_next = True
        note = self.word.add_paragraph(style="Table Note")
        self.prose(note, " ".join(table.notes))

    def heading(self, table: Table, rows: Any, upper: list[tuple[str, int]], form: Grid) -> None:
        first = None
        if upper:
            first, start = next(rows), 0
            for text, count in upper:
                cell = first.cells[start].merge(first.cells[start + count - 1])
                self.cell(cell, text, form, bold=True, side=WD_ALIGN_PARAGRAPH.CENTER)
                if text:
                    xml.rule(cell, "bottom", LINE / 3)
                start += count
            xml.repeated(first)
        labels = next(rows)
        for column, cell in zip(table.columns, labels.cells, strict=True):
            self.cell(cell, column.label, form, bold=True, side=SIDES[column.kind])
            cell.vertical_alignment = docx.enum.table.WD_CELL_VERTICAL_ALIGNMENT.BOTTOM
            xml.rule(cell, "bottom", LINE / 2)
        xml.repeated(labels)
        for cell in {id(cell._tc): cell for cell in (first or labels).cells}.values():
            xml.rule(cell, "top", LINE)

    def row(self, table: Table, row: Row, cells: Any, padding: list[str], form: Grid) -> None:
        for j, (column, cell) in enumerate(zip(table.columns, cells, strict=True)):
            side = SIDES["text"] if j == 0 and column.kind != "prose" else SIDES[column.kind]
            text = row.cells[j].text
            self.cell(
                cell, text, form, side=side, pad=padding[j] if j else "", indent=bool(row.group) and j == 0
            )

    def cell(
        self,
        cell: Any,
        text: str,
        form: Grid,
        *,
        bold: bool = False,
        side: Any = WD_ALIGN_PARAGRAPH.LEFT,
        pad: str = "",
        indent: bool = False,
    ) -> Any:
        paragraph = cell.paragraphs[0]
        paragraph.style = "Table Text"
        paragraph.alignment = side
        if indent:
            paragraph.paragraph_format.left_indent = Pt(8)
        self.prose(paragraph, text, bold=bold or None)
        if pad:
            paragraph.add_run(pad.translate(SPACES))
        for run in paragraph.runs:
            run.font.size = Pt(form.size)
        return paragraph.paragraph_format

    def caption(self, kind: str, block: Table | Figure) -> Any:
        paragraph = self.word.add_paragraph(style="Caption")
        self.bookmarks.begin(paragraph, self.marks[f"{kind.lower()}:{block.key}"])
        paragraph.add_run(f"{kind} ").bold = True
        xml.field(paragraph, rf"SEQ {kind} \* ARABIC", str(block.number), bold=True)
        self.bookmarks.end(paragraph)
        paragraph.add_run(". ").bold = True
        if block.stamp:
            self.stamp(paragraph, f"{block.stamp}. ")
        self.prose(paragraph, block.caption)
        return paragraph

    def stamp(self, paragraph: Any, text: str) -> None:
        run = paragraph.add_run(xml.clean(self.plain(text)))
        run.bold, run.font.color.rgb = True, STAMP

    def paragraph(self, text: str, style: str) -> Any:
        paragraph = self.word.add_paragraph(style=style)
        self.prose(paragraph, text)
        return paragraph

    def prose(self, paragraph: Any, text: str, bold: bool | None = None) -> None:
        for piece in pieces(text):
            if isinstance(piece, Reference):
                shown = self.references[piece.key]
                if piece.key.startswith("section:"):
                    xml.link(paragraph, self.marks[piece.key], shown)
                else:
                    xml.field(paragraph, rf"REF {self.marks[piece.key]} \h", shown, bold=bold)
            else:
                run = paragraph.add_run(xml.clean(piece.text if isinstance(piece, Said) else piece))
                run.bold = bold

    def plain(self, text: str) -> str:
        return plain(text, self.references)

    def turned(self, landscape: bool) -> None:
        """What follows stands on an upright or a turned page: a new one where the last is not so already."""
        if (self.word.sections[-1].orientation == WD_ORIENT.LANDSCAPE) is not landscape:
            self.turn(self.word.add_section(WD_SECTION.NEW_PAGE), landscape)

    def turn(self, section: Any, landscape: bool) -> None:
        section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
        sides = sorted(A4, reverse=landscape)
        section.page_width, section.page_height = (Pt(side) for side in sides)
        section.left_margin = section.right_margin = Pt((sides[0] - (700 if landscape else 468)) / 2)
        section.top_margin = section.bottom_margin = Pt(MARGIN)
        section.header_distance = section.footer_distance = Pt(MARGIN / 2)
