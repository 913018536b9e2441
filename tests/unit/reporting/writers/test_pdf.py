"""The PDF that a browser prints, and what is said where it does not."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from msclong.errors import ReportError
from msclong.reporting.inline import plain
from msclong.reporting.writers import pdf

READERS = ("pdftotext", "gs")
needs_reader = pytest.mark.skipif(
    not any(map(shutil.which, READERS)), reason=f"none of {', '.join(READERS)} on PATH to read a PDF"
)
needs_browser = pytest.mark.skipif(
    not any(map(shutil.which, pdf.BROWSERS)), reason="no Chromium or Chrome on PATH to print a PDF"
)


def text_of(path) -> str:
    """The text of the pages in small letters without white space, by whichever program is there."""
    if shutil.which("pdftotext"):
        command = ["pdftotext", str(path), "-"]
    else:
        command = ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=txtwrite", "-o", "-", str(path)]
    printed = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8")
    return re.sub(r"\s+", "", printed).casefold()


@needs_browser
def test_a_pdf_is_whole_tagged_and_alone_in_its_folder(founding_report, tmp_path):
    path = founding_report.to_pdf(tmp_path / "new" / "r.pdf")
    content = path.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) > 10
    assert b"/StructTreeRoot" in content
    assert b"/Outlines" in content
    assert [each.name for each in path.parent.iterdir()] == ["r.pdf"]


@needs_browser
@needs_reader
def test_the_pages_hold_every_title_and_cell(founding_report, tmp_path):
    printed = text_of(founding_report.to_pdf(tmp_path / "r.pdf"))
    wanted = [section.title for section in founding_report.sections]
    wanted += [
        plain(cell.text, founding_report.references)
        for t in founding_report.tables
        for row in t.rows
        for cell in row.cells
    ]
    # Word by word: the lines of neighbouring cells may come in turns. Signs alone: not all readers know them.
    words = {word for text in wanted for word in re.findall(r"[\w.]+", text.casefold())}
    assert {word for word in words if word not in printed} == set()
    assert str(tmp_path) not in printed


@needs_browser
@needs_reader
def test_heads_and_feet(by_hand, tmp_path):
    printed = text_of(by_hand('a "quoted" \\ é </style> name', True).to_pdf(tmp_path / "r.pdf"))
    assert re.search(r"1of\d", printed)
    assert 'a"quoted"\\é</style>name' in printed


def test_without_a_browser_the_message_says_what_to_do(by_hand, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReportError, match="Install Chromium or Chrome.*write HTML and print"):
        by_hand("x").to_pdf(tmp_path / "r.pdf")
    with pytest.raises(ReportError, match="none-such is no program"):
        by_hand("x").to_pdf(tmp_path / "r.pdf", browser="none-such")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo why >&2; exit 3", r"exit code 3\): why"),
        ("exit 0", "it said nothing"),
        ("sleep 9", "within 0.5 s"),
    ],
)
def test_a_browser_that_fails_leaves_what_was_there(by_hand, tmp_path, monkeypatch, script, message):
    monkeypatch.setattr(pdf, "SECONDS", 0.5)
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\n{script}\n")
    browser.chmod(0o755)
    (tmp_path / "r.pdf").write_text("before")
    with pytest.raises(ReportError, match=message):
        by_hand("x").to_pdf(tmp_path / "r.pdf", browser=browser)
    assert (tmp_path / "r.pdf").read_text() == "before"
