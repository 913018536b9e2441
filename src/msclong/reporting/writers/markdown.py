"""The record as Markdown as GitHub reads it, its figures as SVG files beside it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from msclong.printing.table_layout import row_groups
from msclong.reporting.inline import Reference, Said, pieces
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
    Subheading,
    Table,
)
from msclong.reporting.writers import files
from msclong.reporting.writers.picture import svg_file

ALIGNMENT = {"text": ":--", "prose": ":--", "number": "--:", "interval": "--:", "mark": ":-:"}


def write(document: Document, path: str | Path) -> Path:
    """`path`, and its figures in the folder `<stem>_files`; returns the path."""
    target = Path(path)
    folder = f"{target.stem}_files"
    text = _Page(document, folder).text()
    for figure in document.figures:
        files.write(target.parent / folder / _file(figure), svg_file(figure))
    return files.write(target, text)


def escape(text: str) -> str:
    """`text` so that Markdown shows it as it is, within one line."""
    text = re.sub(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]\s*|\t", " ", text)
    text = re.sub(r"([\\`*\[\]|~$]|<(?![\s\d=]))", r"\\\1", text).replace("&", "&amp;")
    # Between letters an underscore is one already; a backslash there would break addresses.
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)


def _started(line: str) -> str:
    """`line`, which does not begin with what makes a list, a heading or a quotation."""
    return re.sub(r"^(\s*)(?:([#+>-])|(\d+)([.)](?=\s|$)))", r"\1\3\\\2\4", line)


def _file(figure: Figure) -> str:
    return f"figure-{figure.number}.svg"


class _Page:
    def __init__(self, document: Document, folder: str) -> None:
        self.document, self.folder, self.references = document, folder, document.references

    def text(self) -> str:
        document = self.document
        parts = [f"# {self.prose(document.title)}"]
        if document.stamp:
            parts.append(f"> **{self.prose(document.stamp)}**")
        parts += [_started(self.prose(document.subtitle)), f"{document.created.day} {document.created:%B %Y}"]
        for section in document.sections:
            number = f"{section.number} " if section.number else ""
            parts.append(f"## {_anchor('section', section.key)}{number}{self.prose(section.title)}")
            parts += [self.block(block, 3) for block in section.blocks]
        return "\n\n".join(parts) + "\n"

    def prose(self, text: str) -> str:
        marked = [
            f"[{escape(self.references[piece.key])}](#{piece.key.replace(':', '-')})"
            if isinstance(piece, Reference)
            else escape(piece.text if isinstance(piece, Said) else piece)
            for piece in pieces(text)
        ]
        return "".join(marked)

    def block(self, block: Block, level: int) -> str:
        match block:
            case Paragraph(text, "caution"):
                return f"> **Please note.** {self.prose(text)}"
            case Paragraph(text):
                return _started(self.prose(text))
            case Subheading(text):
                return f"{'#' * level} {self.prose(text)}"
            case Bullets(items):
                return "\n".join(f"- {_started(self.prose(item))}" for item in items)
            case Definitions(items):
                # Another mark than of bullets, which would be one list with them.
                return "\n".join(f"* **{self.prose(term)}**: {self.prose(text)}" for term, text in items)
            case Equation(text):
                return _fenced(text, "text")
            case Code(text, language):
                return _fenced(text, language)
            case Table():
                return self.table(block)
            case Figure():
                caption = self.caption("Figure", block)
                return f"![{escape(block.alt)}]({quote(self.folder)}/{_file(block)})\n\n{caption}"
            case FoldOut(summary, blocks):
                inner = [self.block(each, level + 1) for each in blocks]
                return "\n\n".join([f"{'#' * level} {self.prose(summary)}", *inner])

    def caption(self, kind: str, block: Table | Figure) -> str:
        stamp = f"**{self.prose(block.stamp)}.** " if block.stamp else ""
        name = f"{_anchor(kind.lower(), block.key)}**{kind} {block.number}.**"
        return f"{name} {stamp}{self.prose(block.caption)}"

    def table(self, table: Table) -> str:
        lines = [
            self.line([": ".join(filter(None, (column.span, column.label))) for column in table.columns]),
            f"| {' | '.join(ALIGNMENT[column.kind] for column in table.columns)} |",
        ]
        for group, rows in row_groups(table):
            if group:
                lines.append(f"| **{self.prose(group)}** |" + " |" * (len(table.columns) - 1))
            lines += [self.line([cell.text for cell in row.cells]) for row in rows]
        parts = [self.caption("Table", table), "\n".join(lines)]
        if table.notes:
            parts.append(_started(self.prose(" ".join(table.notes))))
        return "\n\n".join(parts)

    def line(self, texts: list[str]) -> str:
        return f"| {' | '.join(self.prose(text) for text in texts)} |"


def _anchor(kind: str, key: str) -> str:
    return f'<a id="{kind}-{key}"></a>'


def _fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
