"""Columns that stand in the names of folders, arm=active/site=3/rows.parquet, as Spark and Hive write tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msclong.errors import DataError, listing

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = "__HIVE_DEFAULT_PARTITION__"
"""How a folder says that its rows have no value."""


def partition_keys(paths: Sequence[Path], below: Path, stored: Collection[str]) -> list[dict[str, pa.Scalar]]:
    """For each file the columns that folders below `below` name, but those in `stored`: whole numbers, or text.

    Raises DataError where folders of some files name other columns than those of others.
    """
    import pyarrow as pa

    found: list[dict[str, str | None]] = []
    for path in paths:
        parts = [part.partition("=") for part in path.relative_to(below).parts[:-1] if "=" in part]
        values = {unquote(name): None if value == MISSING else unquote(value) for name, _, value in parts}
        found.append({name: value for name, value in values.items() if name not in stored})
        if set(found[-1]) != set(found[0]):
            raise DataError(
                f"The folders of {path} name the columns {listing(found[-1])}, and those of {paths[0]} "
                f"{listing(found[0])}. Files of one folder are one table; move others elsewhere."
            )
    whole = {name for name in found[0] if all(_is_whole(keys[name]) for keys in found)}
    return [
        {
            name: pa.scalar(int(str(value)), pa.int64()) if name in whole else pa.scalar(value, pa.string())
            for name, value in keys.items()
        }
        for keys in found
    ]


def _is_whole(value: str | None) -> bool:
    return value is not None and value.lstrip("-").isdecimal() and str(int(value)) == value
