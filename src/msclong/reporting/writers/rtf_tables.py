"""Tables set with rtflite: each on its own pages, upright or turned, its heading repeated where it runs on.

rtflite breaks pages by counting lines, of escaped text too. Here nothing is broken by hand: rows of the heading are
marked as such, and whatever opens the file breaks the pages.
"""

from __future__ import annotations

import re

import polars as pl
import rtflite

from msclong.printing.table_layout import pads
from msclong.reporting.inline import plain
from msclong.reporting.record import Document, Table
from msclong.reporting.writers.grid import LANDSCAPE, PORTRAIT, Grid, grid, spans

ARIAL = 4
"""The number of Arial in rtflite's font table."""

A4 = (8.27, 11.69)

SIDES = {"text": "l", "prose": "l", "number": "r", "interval": "r", "mark": "c"}

SPACES = str.maketrans({"0": "\N{FIGURE SPACE}", ".": "\N{PUNCTUATION SPACE}"})

_ROW = re.compile(r"^\\trowd", re.MULTILINE)

_PAGE = re.compile(
    r"\\paperw(\d+)\\paperh(\d+)(\\landscape )?\s*"
    r"\\margl(\d+)\\margr(\d+)\\margt(\d+)\\margb(\d+)\\headery(\d+)\\footery(\d+)"
)


def escaped(text: str) -> str:
    """`text` as RTF in ASCII, on one line; what is not ASCII as UTF-16 code units."""
    return "".join(map(_code, " ".join(re.split(r"[\r\n\t\v\f\x1c-\x1e\x85\u2028\u2029]+", text))))


def _code(character: str) -> str:
    if character in "\\{}":
        return f"\\{character}"
    if " " <= character <= "~":
        return character
    if character < " ":
        return escaped("\N{REPLACEMENT CHARACTER}")
    units = character.encode("utf-16-le", "surrogatepass")
    return "".join(
        f"\\u{int.from_bytes(units[i : i + 2], 'little', signed=True)}?" for i in range(0, len(units), 2)
    )


def tables(document: Document) -> dict[int, str]:
    """The RTF of each table, by its number."""
    return {table.number: _Sheet(document, table).text() for table in document.tables}


def joined(texts: dict[int, str]) -> str:
    """All in one file, a section each, so that each keeps its orientation, head and foot."""
    if not texts:
        return "{\\rtf1\\ansi No tables.}"
    sections = []
    for text in texts.values():
        preamble, _, rest = text.partition("{\\header")
        sections.append("{\\header" + _PAGE.sub(_section_page, rest).rstrip().removesuffix("}"))
    return preamble + "\\sect\n".join("\\sectd\\sbkpage\n" + section for section in sections) + "}\n"


def _section_page(found: re.Match[str]) -> str:
    width, height, turned, left, right, top, bottom, head, foot = found.groups()
    return (
        f"\\pgwsxn{width}\\pghsxn{height}{'\\lndscpsxn' if turned else ''}"
        f"\\marglsxn{left}\\margrsxn{right}\\margtsxn{top}\\margbsxn{bottom}\\headery{head}\\footery{foot}"
        # LibreOffice begins no new page with a table.
        "\n{\\pard\\plain\\fs2\\par}"
    )


class _Sheet:
    def __init__(self, document: Document, table: Table) -> None:
        self.document, self.table, self.references = document, table, document.references
        self.form: Grid = grid(table, self.references)

    def text(self) -> str:
        heading = self.heading()
        whole = rtflite.RTFDocument(
            df=self.frame(),
            rtf_page=self.page(),
            rtf_page_header=self.line(rtflite.RTFPageHeader, self.head()),
            rtf_page_footer=self.line(rtflite.RTFPageFooter, self.foot()),
            rtf_title=None,
            rtf_column_header=heading,
            rtf_body=self.body(),
            rtf_footnote=self.notes(),
        ).rtf_encode()
        return _ROW.sub(r"\g<0>\\trkeep", _ROW.sub(r"\g<0>\\trhdr", whole, count=len(heading)))

    def set(self, text: str) -> str:
        return escaped(plain(text, self.references))

    def head(self) -> str:
        stamp = f"{{\\b {self.set(self.document.stamp.partition(':')[0])}}}  " if self.document.stamp else ""
        width = round(20 * (LANDSCAPE if self.form.landscape else PORTRAIT))
        page = "Page \\chpgn  of {\\field{\\*\\fldinst NUMPAGES }}"
        return f"\\tqr\\tx{width} {stamp}{self.set(self.document.title)}\\tab {page}"

    def foot(self) -> str:
        created = self.document.created
        return f"Source: {self.set(self.document.subtitle)}. {created.day} {created:%B %Y}, msclong."

    def line(self, kind: type, text: str) -> object:
        return kind(text=[text], text_font=[ARIAL], text_font_size=[8], text_justification=["l"])

    def page(self) -> rtflite.RTFPage:
        width, height = sorted(A4, reverse=self.form.landscape)
        side = (width - (LANDSCAPE if self.form.landscape else PORTRAIT) / 72) / 2
        return rtflite.RTFPage(
            orientation="landscape" if self.form.landscape else "portrait",
            width=width,
            height=height,
            margin=[side, side, 1.0, 0.9, 0.5, 0.5],
            nrow=1_000_000,
            border_first="",
            border_last="single",
            col_width=sum(self.form.widths) / 72,
        )

    def frame(self) -> pl.DataFrame:
        cells = [
            [
                self.set(cell.text) + escaped(pad.translate(SPACES) if j else "")
                for j, (cell, pad) in enumerate(zip(row.cells, padding, strict=True))
            ]
            for row, padding in zip(self.table.rows, pads(self.table), strict=True)
        ]
        columns = {
            f"column {j}": pl.Series([row[j] for row in cells], dtype=pl.String)
            for j in range(len(self.table.columns))
        }
        if self.groups():
            groups = [f"\\b {self.set(row.group)}\\b0 " if row.group else None for row in self.table.rows]
            columns = {"group": pl.Series(groups, dtype=pl.String)} | columns
        return pl.DataFrame(columns)

    def groups(self) -> bool:
        return any(row.group for row in self.table.rows)

    def heading(self) -> list[rtflite.RTFColumnHeader]:
        """The caption, the spanning headings if there are any, the headings."""
        stamp = f"{self.table.stamp}. " if self.table.stamp else ""
        caption = f"Table {self.table.number}. {stamp}{self.table.caption}"
        rows = [self.header([caption], [1.0], ["l"], [""], [""])]
        upper, start, widths = spans(self.table), 0, []
        for _, count in upper:
            widths.append(sum(self.form.widths[start : start + count]))
            start += count
        if upper:
            below = ["single" if text else "" for text, _ in upper]
            sides = ["c"] * len(upper)
            rows.append(
                self.header([text for text, _ in upper], widths, sides, ["single"] * len(upper), below)
            )
        columns = self.table.columns
        top = ["" if upper else "single"] * len(columns)
        sides = [SIDES[column.kind] for column in columns]
        labels = [column.label for column in columns]
        rows.append(self.header(labels, list(self.form.widths), sides, top, ["single"] * len(columns)))
        return rows

    def header(
        self, texts: list[str], widths: list[float], sides: list[str], top: list[str], bottom: list[str]
    ) -> rtflite.RTFColumnHeader:
        return rtflite.RTFColumnHeader(
            text=[self.set(text) for text in texts],
            col_rel_width=widths,
            text_convert=[False],
            text_font=[ARIAL],
            text_font_size=[self.form.size],
            text_format=["b"],
            text_justification=sides,
            cell_justification=["l"],
            border_left=[""],
            border_right=[""],
            border_top=top,
            border_bottom=bottom,
        )

    def body(self) -> rtflite.RTFBody:
        widths, sides = list(self.form.widths), [SIDES[column.kind] for column in self.table.columns]
        sides[0] = "l"
        grouped = self.groups()
        if grouped:
            widths, sides = [1.0, *widths], ["l", *sides]
        return rtflite.RTFBody(
            page_by=["group"] if grouped else None,
            col_rel_width=widths,
            text_convert=[[False]],
            text_font=[[ARIAL]],
            text_font_size=[[self.form.size]],
            text_justification=[sides],
            cell_justification=[["l"]],
            border_left=[[""]],
            border_right=[[""]],
            border_first=[[""]],
            border_last=[["single"]],
        )

    def notes(self) -> rtflite.RTFFootnote | None:
        if not self.table.notes:
            return None
        return rtflite.RTFFootnote(
            text=[self.set(note) for note in self.table.notes],
            as_table=False,
            text_convert=[[False]],
            text_font=[[ARIAL]],
            text_font_size=[[8]],
        )
