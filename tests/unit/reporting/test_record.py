"""What cross-references read."""

from __future__ import annotations

from datetime import UTC, datetime

from msclong.reporting.inline import plain
from msclong.reporting.numbering import numbered
from msclong.reporting.record import Document, Paragraph, Section


def test_a_section_without_number_is_referred_to_by_its_title():
    sections = numbered([Section("answer", "Summary", ()), Section("model", "The model", (Paragraph("x"),))])
    references = Document("A", "", sections, datetime.now(UTC)).references
    assert references == {"section:answer": "Summary", "section:model": "section 1"}


def test_a_checklist_sends_no_reader_to_section_zero(founding_report):
    rows = [row for table in founding_report.tables if table.key == "barg" for row in table.rows]
    told = [plain(cell.text, founding_report.references) for row in rows for cell in row.cells]
    assert [text for text in told if "Summary" in text]
    assert not [text for text in told if "section 0" in text]
