"""Markdown, read back by a parser of its own."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from msclong.reporting.inline import plain

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shown(token) -> str:
    """The text of an inline token as a reader sees it."""
    return "".join(child.content for child in token.children if child.type in ("text", "code_inline"))


def read(text: str) -> tuple[list[list[list[str]]], list[tuple[str, str]]]:
    """The rows of every table, and the text of everything else with the tag around it."""
    tables, rest, tag = [], [], ""
    for token in READER.parse(text):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type == "inline" and tag in ("th", "td"):
            tables[-1][-1].append(shown(token))
        elif token.type == "inline":
            rest.append((tag, shown(token)))
        elif token.type == "fence":
            rest.append(("pre", token.content))
        if token.nesting == 1:
            tag = token.tag
    return tables, rest


def test_every_cell_of_every_table_is_there(report, expected, tmp_path):
    tables, rest = read(report.to_markdown(tmp_path / "new" / "r.md").read_text("utf-8"))
    assert len(tables) == len(report.tables)
    for (heading, *rows), table in zip(tables, report.tables, strict=True):
        padded = [row + [""] * (len(table.columns) - len(row)) for row in expected(report, table)]
        assert rows == padded
        labels = [f"{c.span}: {c.label}" if c.span else c.label for c in table.columns]
        assert heading == [plain(label, report.references) for label in labels]
        stamp = f"{table.stamp}. " if table.stamp else ""
        assert ("p", f"Table {table.number}. {stamp}{plain(table.caption, report.references)}") in rest
        if table.notes:
            assert ("p", plain(" ".join(table.notes), report.references)) in rest
    titles = [f"{s.number} {s.title}" if s.number else s.title for s in report.sections]
    assert [text for tag, text in rest if tag == "h2"] == titles


def test_links_lead_to_what_is_there(report, tmp_path):
    text = report.to_markdown(tmp_path / "r.md").read_text("utf-8")
    targets = re.findall(r"\]\(#([\w-]+)\)", text)
    assert targets
    assert set(targets) <= set(re.findall(r'<a id="([\w-]+)"></a>', text))


def test_figures_stand_alone_as_files(report, tmp_path):
    text = report.to_markdown(tmp_path / "a report.md").read_text("utf-8")
    for figure in report.figures:
        assert f"(a%20report_files/figure-{figure.number}.svg)" in text
        root = ET.parse(tmp_path / "a report_files" / f"figure-{figure.number}.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "sans-serif" in root.get("font-family")
        assert f"{figure.stamp} data" in "".join(root.itertext()) or not figure.stamp


def test_what_folds_away_on_a_screen_is_there(by_hand, tmp_path):
    tables, rest = read(by_hand("WORD").to_markdown(tmp_path / "r.md").read_text("utf-8"))
    assert ("h3", "WORD folded") in rest
    assert ("p", "inside") in rest
    assert ("p", "WORD: 1.2 as in Table 1 and section 1") in rest
    assert ("pre", "WORD\n  ``` indented\n") in rest
    assert ("p", "Synthetic: WORD.") in rest


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="\ue000\ue001\ue002")
        | st.sampled_from("\\`*_[]<>|~$&#-+.!() 1a"),
        max_size=12,
    )
)
@example("\\|")
@example("|\\")
@example("<b>")
@example("&amp;")
@example("[x](y) ![z](w) `c` *e* __f__ ~~g~~")
def test_any_name_survives(by_hand, tmp_path, word):
    name = f"{word}z"
    name = " ".join(name.split(" ")).strip()
    tables, rest = read(by_hand(name).to_markdown(tmp_path / "r.md").read_text("utf-8"))
    [[heading, first, *_]] = tables
    assert (heading[0], first[0]) == (name, name)
    assert ("h1", name) in rest
    assert rest.count(("p", name)) >= 1
