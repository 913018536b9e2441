"""RTF tables, read back by a reader of their own: every cell, and every letter that RTF has no byte for."""

from __future__ import annotations

import dataclasses
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from msclong.errors import ReportError
from msclong.reporting.inline import plain
from msclong.reporting.record import Cell, Column, Row, Section, Table
from msclong.reporting.writers.grid import LANDSCAPE, PORTRAIT, SIZES, SMALLEST, grid
from rtf_reader import RTF

ROUNDING = 1e-6
"""Points by which column widths may miss their sum in double precision."""

PADDING = "\N{FIGURE SPACE}\N{PUNCTUATION SPACE}"


def rows(section: list[list[str]]) -> list[list[str]]:
    return [[cell.rstrip(PADDING) for cell in row] for row in section]


def test_every_cell_of_every_table_is_there(report, expected, tmp_path):
    read = RTF(report.to_rtf(tmp_path / "new" / "t.rtf").read_text("ascii"))
    assert len(read.sections) == len(report.tables)
    for section, table in zip(read.sections, report.tables, strict=True):
        found, wanted = rows(section), expected(report, table)
        stamp = f"{table.stamp}. " if table.stamp else ""
        assert found[0] == [f"Table {table.number}. {stamp}{plain(table.caption, report.references)}"]
        assert found[-len(wanted) :] == wanted
        assert found[-len(wanted) - 1] == [plain(c.label, report.references) for c in table.columns]
        for note in table.notes:
            assert plain(note, report.references) in read.text
    heads, feet = read.marginalia[::2], read.marginalia[1::2]
    assert all(report.title in head and "Page" in head for head in heads)
    assert all(plain(report.subtitle, report.references) in foot for foot in feet)
    assert len(heads) == len(feet) == len(report.tables)


def test_headings_repeat_on_the_pages_that_follow(report, tmp_path):
    read = RTF(report.to_rtf(tmp_path / "t.rtf").read_text("ascii"))
    assert read.repeated == sum(2 + any(c.span for c in table.columns) for table in report.tables)


def test_a_folder_gets_a_file_for_each_table(report, expected, tmp_path):
    assert report.to_rtf(tmp_path / "tables") == tmp_path / "tables"
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names == {f"table-{table.number}.rtf" for table in report.tables}
    first = report.tables[0]
    read = RTF((tmp_path / "tables" / f"table-{first.number}.rtf").read_text("ascii"))
    assert rows(read.sections[0])[-len(first.rows) :] == expected(report, first)[-len(first.rows) :]


def test_wide_tables_turn_the_page(by_hand, tmp_path):
    turned = [
        RTF(by_hand("x", wide).to_rtf(tmp_path / "t.rtf").read_text("ascii")).landscape for wide in (0, 1)
    ]
    assert turned == [0, 1]


ANALYSIS = "Jump to the mean of Placebo"
RESULT = ("\N{MINUS SIGN}8.93", "\N{MINUS SIGN}11.51 to \N{MINUS SIGN}6.35", "<0.001")


def arms_by_visit(arms: int, characters: int) -> Table:
    spans = [f"{'Arm ' * characters}"[: characters - 1] + str(i) for i in range(arms)]
    columns = [Column(label, span, "number") for span in spans for label in ("Estimate", "95% CI", "p")]
    row = Row((Cell(ANALYSIS), *map(Cell, RESULT * arms)))
    return Table("visits", "Outcomes by visit and arm", (Column("Analysis"), *columns), (row, row), (), 1)


@pytest.mark.parametrize("visits", range(8, 31))
def test_type_has_a_whole_size_however_many_columns_there_are(visits):
    columns = (Column("Arm"), *(Column(f"Week {week}", kind="number") for week in range(visits)))
    table = Table("t", "", columns, (Row((Cell("Placebo"), *[Cell("12.5 (3.25)")] * visits)),), (), 1)
    form = grid(table, {})
    assert isinstance(form.size, int)
    assert SMALLEST <= form.size <= SIZES[0]
    assert sum(form.widths) <= (LANDSCAPE if form.landscape else PORTRAIT) + ROUNDING


@pytest.mark.parametrize(("arms", "characters"), [(4, 31), (4, 100), (10, 31)])
def test_tables_of_many_arms_are_written(by_hand, tmp_path, arms, characters):
    table = arms_by_visit(arms, characters)
    report = dataclasses.replace(by_hand("x"), sections=(Section("s", "S", (table,), 1),))
    read = RTF(report.to_rtf(tmp_path / "t.rtf").read_text("ascii"))
    assert rows(read.sections[0])[-2:] == [[ANALYSIS, *RESULT * arms]] * 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(
        st.characters(
            codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"], exclude_characters="\ue000\ue001\ue002"
        ),
        max_size=12,
    )
)
@example(r"\trowd{\*\paperw1}\u8722?\'e9")
@example("é ² · − – β 𝛽 🙂 k̂ & | #")
def test_any_name_survives(by_hand, tmp_path, word):
    made = by_hand(f"a{word}z")
    read = RTF(made.to_rtf(tmp_path / "t.rtf").read_text("ascii"))
    name = f"a{word}z"
    assert [row[0] for row in read.sections[0]] == [
        f"Table 1. Synthetic. {name} in the caption",
        "",
        *[name] * 5,
    ]
    assert read.sections[0][1][1] == name
    assert f"a{word}z in the note." in read.text
    assert f"a{word}z" in read.marginalia[0]


def test_a_missing_package_is_named(by_hand, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rtflite", None)
    with pytest.raises(ReportError, match=r'pip install "msclong\[office\]"'):
        by_hand("x").to_rtf(tmp_path / "t.rtf")
    assert not list(tmp_path.iterdir())
