"""The styles of a Word report: one sans serif, black, spaced as a journal's supplement."""

from __future__ import annotations

from typing import Any

from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor

from msclong.reporting.stamp import COLOUR

FONT, MONO = "Arial", "Courier New"

INK, MUTED = RGBColor(0x22, 0x22, 0x22), RGBColor(0x5A, 0x5A, 0x5A)

STAMP = RGBColor.from_string(COLOUR.lstrip("#").upper())


def set_styles(document: Any) -> None:
    """Changes Word's own styles, so that a house's template can be laid over them, and adds a few."""
    _style(document, "Normal", size=10, after=6, line=1.15)
    _style(document, "Title", size=20, after=4, bold=True)
    _style(document, "Subtitle", size=11, after=2, colour=MUTED)
    for level, size, before in ((1, 14, 18), (2, 11, 12), (3, 10, 10)):
        _style(document, f"Heading {level}", size=size, before=before, after=4, bold=True, next=True)
    _style(document, "Caption", size=9, before=10, after=4)
    _style(document, "List Bullet", size=10, after=3, line=1.15)
    _set_bullets(document)
    _style(document, "Header", size=8, colour=MUTED)
    _style(document, "Footer", size=8, colour=MUTED).paragraph_format.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    _style(document, "toc 1", size=10, after=2)
    _style(document, "Answer", size=11, after=6, line=1.15)
    _style(document, "Note", size=9, after=6, line=1.15, colour=MUTED)
    _style(document, "Table Text", size=9, before=1.5, after=1.5)
    _style(document, "Table Note", size=8, before=3, after=12)
    _style(document, "Equation", size=10, after=4, line=1.2).paragraph_format.left_indent = Pt(18)
    _style(document, "Code", size=8, after=8, font=MONO).paragraph_format.left_indent = Pt(9)
    definition = _style(document, "Definition", size=10, after=4, line=1.15).paragraph_format
    definition.left_indent, definition.first_line_indent = Pt(18), Pt(-18)


def _style(
    document: Any,
    name: str,
    *,
    size: float,
    before: float = 0,
    after: float = 0,
    line: float = 1.0,
    bold: bool = False,
    next: bool = False,
    colour: RGBColor = INK,
    font: str = FONT,
) -> Any:
    known = {style.name for style in document.styles}
    style = (
        document.styles[name] if name in known else document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    )
    style.hidden = False
    style.quick_style = True
    style.font.name, style.font.size, style.font.bold, style.font.italic = font, Pt(size), bold, False
    style.font.color.rgb = colour
    fonts = style.element.rPr.rFonts
    for key in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        # A theme's font would win over the named one.
        fonts.attrib.pop(qn(f"w:{key}"), None)
    for key in ("eastAsia", "cs"):
        fonts.set(qn(f"w:{key}"), font)
    for spacing in style.element.rPr.findall(qn("w:spacing")):
        style.element.rPr.remove(spacing)
    form = style.paragraph_format
    form.space_before, form.space_after, form.line_spacing = Pt(before), Pt(after), line
    form.keep_with_next = next
    borders = style.element.get_or_add_pPr().find(qn("w:pBdr"))
    if borders is not None:
        style.element.pPr.remove(borders)
    return style


def _set_bullets(document: Any) -> None:
    """Bullets as a letter of the text's own type: Word's are of a font that other programs may not have."""
    for level in document.part.numbering_part.element.iter(qn("w:lvl")):
        if level.find(qn("w:numFmt")).get(qn("w:val")) == "bullet":
            level.find(qn("w:lvlText")).set(qn("w:val"), "\N{BULLET}")
            for fonts in level.iter(qn("w:rFonts")):
                for key in ("ascii", "hAnsi", "cs"):
                    fonts.set(qn(f"w:{key}"), FONT)
                fonts.attrib.pop(qn("w:hint"), None)
