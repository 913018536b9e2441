"""Writers of the one record: each sets what it holds as a file of its kind; none computes or rounds."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from msclong.errors import SpecError

by_suffix = MappingProxyType(
    {
        ".html": "to_html",
        ".htm": "to_html",
        ".md": "to_markdown",
        ".docx": "to_docx",
        ".rtf": "to_rtf",
        ".pdf": "to_pdf",
        ".parquet": "to_ard",
        ".csv": "to_ard",
        ".json": "to_ard",
    }
)
"""The method of `Report` that writes a file of each suffix; a table suffix gets the statistics (ARD)."""


def method_for(path: str | Path) -> str:
    """The name of the method of `Report` that writes `path`; SpecError if none does."""
    suffix = Path(path).suffix.lower()
    if suffix not in by_suffix:
        raise SpecError(
            f"No writer for {Path(path).name!r}: the suffix says what a report is written as. "
            f"Use one of {', '.join(by_suffix)}."
        )
    return by_suffix[suffix]
