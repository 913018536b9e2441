"""The file of sums that a site sends: JSON, without code in it, with a sum to tell damage by."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from msclong.errors import DataError

KIND = "msclong cross-moments"

VERSION = 1


def write_record(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a record; compressed where the name ends in .gz. Numbers are written with all their digits."""
    content = _text(record)
    whole = {"file": KIND, "version": VERSION, "sha256": _sum(content), "content": record}
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    data = text.encode("utf-8")
    Path(path).write_bytes(gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)


def read_record(path: str | Path) -> dict[str, Any]:
    """The record of a file. Raises DataError for one that is missing, foreign, damaged or of another version."""
    try:
        data = Path(path).read_bytes()
        whole = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} cannot be read as sums of msclong: {error}.") from None
    if not isinstance(whole, dict) or whole.get("file") != KIND:
        raise DataError(f"{path} is no file of sums; write one with SharedMoments.save.")
    if whole.get("version") != VERSION:
        raise DataError(
            f"{path} has version {whole.get('version')!r}, and this msclong reads {VERSION}; use the same msclong at "
            "all sites."
        )
    record = whole.get("content")
    if not isinstance(record, dict) or whole.get("sha256") != _sum(_text(record)):
        raise DataError(
            f"{path} is damaged: its content is not what was written. Ask its site to send it again."
        )
    return record


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _sum(text: str) -> str:
    return sha256(text.encode("utf-8")).hexdigest()
