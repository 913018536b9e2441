"""Records to be written: of a fit with arms, of the founding study, and one by hand with every kind of block."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure as Drawing

import msclong as ml
from msclong.reporting.inline import plain, said
from msclong.reporting.plate import plate
from msclong.reporting.record import (
    Bullets,
    Cell,
    Code,
    Column,
    Definitions,
    Document,
    Equation,
    FoldOut,
    Paragraph,
    Row,
    Section,
    Subheading,
    Table,
)
from msclong.reporting.report import Report
from msclong.reporting.stamp import stamped


@pytest.fixture(scope="session")
def armed(hamd17) -> Report:
    return ml.report(hamd17, title="A trial with arms")


@pytest.fixture(params=["armed", "founding_report"])
def report(request) -> Report:
    return request.getfixturevalue(request.param)


def _drawing() -> Drawing:
    drawing = Drawing(figsize=(4, 2))
    drawing.subplots().plot([0, 1], [1, 0])
    return drawing


@pytest.fixture(scope="session")
def by_hand() -> Callable[..., Report]:
    """A record in which the user's words stand everywhere."""
    figure = plate("f", "Its caption", "", _drawing(), pd.DataFrame({"x": [0, 1]}))

    def made(word: str, wide: bool = False) -> Report:
        columns = (
            Column(word),
            Column("n", word, "number"),
            Column("CI", word, "interval"),
            *(Column(f"Column {j}", "", "prose") for j in range(14 * wide)),
        )
        rows = tuple(
            Row(
                (Cell(word), Cell(number), Cell("−1 to 2"), *(Cell("some words") for _ in columns[3:])), group
            )
            for number, group in (("1.25", ""), ("−3", word), ("", word))
        )
        table = Table(
            "t", f"{word} in the caption", columns, rows, (f"{word} in the note.", "As [[figure:f]]."), 1
        )
        blocks = (
            Paragraph(
                f"{word}: {said('1.2', 1.2345, 'estimate')} as in [[table:t]] and [[section:s]]", "answer"
            ),
            Paragraph(word, "caution"),
            Subheading(word),
            Bullets((word, "two")),
            Definitions(((word, word),)),
            Equation("y[i,t] = b0 + b1 x + e[i,t]"),
            Code(f"{word}\n  ``` indented", "text"),
            FoldOut(f"{word} folded", (Paragraph("inside"), table)),
            figure.__class__(
                "f", word, f"{word} in words", figure.svg, figure.data, 1, drawing=figure.drawing
            ),
        )
        sections = stamped(
            [Section("a", word, (Paragraph(word),)), Section("s", word, blocks, 1)], "Synthetic"
        )
        when = datetime(2025, 3, 4, 5, 6, 8, tzinfo=UTC)
        return Report(word, f"{word} below", tuple(sections), when, f"Synthetic: {word}.")

    return made


@pytest.fixture(scope="session")
def expected() -> Callable[[Document, Table], list[list[str]]]:
    """The rows of a table below its heading, as they are to be read back."""

    def rows(document: Document, table: Table) -> list[list[str]]:
        found, group = [], ""
        for row in table.rows:
            if row.group and row.group != group:
                found.append([plain(row.group, document.references)])
            group = row.group
            found.append([plain(cell.text, document.references) for cell in row.cells])
        return found

    return rows


@pytest.fixture(scope="session")
def word_file(tmp_path_factory) -> Callable[[Report], Path]:
    """The Word file of a record, written once: its pictures take seconds."""

    @cache
    def written(report: Report) -> Path:
        return report.to_docx(tmp_path_factory.mktemp("word") / "new" / "folder" / "r.docx")

    return written
