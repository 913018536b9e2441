"""The record as a Word document."""

from __future__ import annotations

from pathlib import Path

from msclong.reporting.record import Document
from msclong.reporting.writers import files
from msclong.reporting.writers.office import need


def write(document: Document, path: str | Path) -> Path:
    """`path`, which it returns. ReportError without python-docx."""
    need("docx", "Word document")
    from msclong.reporting.writers.word_document import content

    return files.write(path, content(document))
