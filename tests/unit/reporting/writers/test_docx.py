"""The Word file, read back: every cell, caption and cross-reference of the record is in it."""

from __future__ import annotations

import re
import sys

import docx
import pytest
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msclong.errors import ReportError
from msclong.reporting.inline import plain

PADDING = "\N{FIGURE SPACE}\N{PUNCTUATION SPACE}"


def texts(element) -> str:
    """The text below an element, whatever fields and links it stands in."""
    marks = {qn("w:br"): "\n", qn("w:tab"): "\t"}
    return "".join(
        each.text or "" if each.tag == qn("w:t") else marks.get(each.tag, "") for each in element.iter()
    )


def rows(table) -> list[list[str]]:
    return [[texts(cell).rstrip(PADDING) for cell in row._tr.tc_lst] for row in table.rows]


def test_every_cell_of_every_table_is_there(report, expected, word_file):
    word = docx.Document(word_file(report))
    assert len(word.tables) == len(report.tables)
    for made, table in zip(word.tables, report.tables, strict=True):
        wanted = expected(report, table)
        found = rows(made)
        assert found[-len(wanted) :] == wanted
        heading = [plain(column.label, report.references) for column in table.columns]
        assert found[-len(wanted) - 1] == heading


def test_sections_captions_notes_and_references(report, word_file):
    word = docx.Document(word_file(report))
    body = word.element.body
    headings = [each.text for each in word.paragraphs if each.style.name == "Heading 1"]
    assert headings == [f"{s.number}  {s.title}" if s.number else s.title for s in report.sections]
    captions = [texts(each._p) for each in word.paragraphs if each.style.name == "Caption"]
    for kind, blocks in (("Table", report.tables), ("Figure", report.figures)):
        stamps = [f"{block.stamp}. " if block.stamp else "" for block in blocks]
        assert [c for c in captions if c.startswith(kind)] == [
            f"{kind} {block.number}. {stamp}{plain(block.caption, report.references)}"
            for block, stamp in zip(blocks, stamps, strict=True)
        ]
    all_text = texts(body)
    for table in report.tables:
        assert plain(" ".join(table.notes), report.references) in all_text
    anchors = {mark.get(qn("w:name")) for mark in body.iter(qn("w:bookmarkStart"))}
    assert len(anchors) == len(report.tables) + len(report.figures) + len(report.sections)
    fields = [field.get(qn("w:instr")).split() for field in body.iter(qn("w:fldSimple"))]
    assert {field[1] for field in fields if field[0] == "REF"} <= anchors
    assert {link.get(qn("w:anchor")) for link in body.iter(qn("w:hyperlink"))} <= anchors
    assert any("TOC" in (code.text or "") for code in body.iter(qn("w:instrText")))


def test_figures_have_alternative_texts_and_pixels_enough(report, word_file):
    word = docx.Document(word_file(report))
    found = [shape._inline for shape in word.inline_shapes]
    assert [inline.docPr.get("descr") for inline in found] == [figure.alt for figure in report.figures]
    for shape in word.inline_shapes:
        name = shape._inline.graphic.graphicData.pic.blipFill.blip.embed
        pixels = word.part.related_parts[name].image.px_width
        assert pixels / shape.width.inches >= 200


def test_properties_head_and_foot(report, word_file):
    word = docx.Document(word_file(report))
    assert word.core_properties.title == report.title
    assert abs((word.core_properties.created - report.created).total_seconds()) < 1
    foot = word.sections[0].footer._element
    assert [f.get(qn("w:instr")).strip() for f in foot.iter(qn("w:fldSimple"))] == ["PAGE", "NUMPAGES"]
    assert report.title in texts(word.sections[0].header._element)
    assert texts(word.sections[0].header._element).startswith("Synthetic") == bool(report.stamp)


def test_tables_fit_their_pages_and_repeat_their_headings(by_hand, tmp_path):
    for wide in (False, True):
        word = docx.Document(by_hand("Word", wide).to_docx(tmp_path / "r.docx"))
        [table] = word.tables
        turned = [s for s in word.sections if s.orientation == WD_ORIENT.LANDSCAPE]
        assert len(turned) == wide
        page = (turned or word.sections)[0]
        room = page.page_width - page.left_margin - page.right_margin
        assert sum(column.width for column in table.columns) <= room
        heads = [row for row in table.rows if row._tr.trPr.find(qn("w:tblHeader")) is not None]
        assert len(heads) == 2


def test_everything_of_the_record_is_said(by_hand, tmp_path):
    word = docx.Document(by_hand("WORD").to_docx(tmp_path / "r.docx"))
    said = texts(word.element.body)
    assert "WORD: 1.2 as in Table 1 and section 1" in said
    assert "Please note. WORD" in said
    assert "WORD folded" in said
    assert "inside" in said
    assert "  ``` indented" in said
    assert said.count("Synthetic. ") == 2
    assert "Synthetic: WORD." in said
    bold = [run.text for p in word.paragraphs for run in p.runs if run.bold]
    assert "WORD" in bold
    vertical = [run.text for p in word.paragraphs for run in p.runs if run.font.subscript]
    assert vertical[:2] == ["i,\N{HAIR SPACE}t", "0"]


def test_two_files_of_one_record_are_the_same(by_hand, tmp_path):
    first, second = (by_hand("x").to_docx(tmp_path / name).read_bytes() for name in ("1.docx", "2.docx"))
    assert first == second


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(
        st.characters(codec="utf-8", exclude_characters="\ue000\ue001\ue002\r\n\t"), min_size=1, max_size=12
    )
)
def test_any_name_survives(by_hand, tmp_path, word):
    made = by_hand(f"a{word}z")
    read = docx.Document(made.to_docx(tmp_path / "r.docx"))
    shown = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", f"a{word}z")
    assert rows(read.tables[0])[-1][0] == shown
    assert shown in [p.text for p in read.paragraphs if p.style.name == "Title"]


def test_a_missing_package_is_named(by_hand, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(ReportError, match=r'pip install "msclong\[office\]"'):
        by_hand("x").to_docx(tmp_path / "r.docx")
    assert not list(tmp_path.iterdir())
