"""The tables of the record as RTF, as a submission lists them."""

from __future__ import annotations

from pathlib import Path

from msclong.reporting.record import Document
from msclong.reporting.writers import files
from msclong.reporting.writers.office import need


def write(document: Document, path: str | Path) -> Path:
    """All tables in the file `path`, or each as `table-<number>.rtf` where `path` is a folder or has no suffix.

    Returns `path`. ReportError without rtflite.
    """
    need("rtflite", "RTF file")
    from msclong.reporting.writers.rtf_tables import joined, tables

    target, texts = Path(path), tables(document)
    if target.suffix and not target.is_dir():
        return files.write(target, joined(texts))
    for number, text in texts.items():
        files.write(target / f"table-{number}.rtf", text)
    return target
