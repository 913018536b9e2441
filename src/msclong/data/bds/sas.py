"""SAS files: transport files (.xpt, version 5 and 8) and data sets (.sas7bdat)."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from msclong.errors import DataError

RECORD = 80
"""Bytes in a record of a transport file, which holds whole records only (SAS technical note TS-140)."""

HEADER = b"HEADER RECORD*******"

MEMBER = HEADER + b"MEMB"
"""How a data set begins; b"MEMBER" in version 5, b"MEMBV8" in version 8."""


def read_xpt(path: Path, encoding: str | None) -> pd.DataFrame:
    """The one data set of a transport file, version 5 or 8."""
    from pyreadstat import read_xport

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[:14] == b"**COMPRESSED**":
            raise DataError(
                f"{path.name} was written by PROC CPORT and only SAS reads it. Write it again with the XPORT "
                "engine: libname out xport 'file.xpt'."
            )
        if content[:13] != b"HEADER RECORD":
            raise DataError(f"{path.name} is not a SAS transport file: it does not begin with HEADER RECORD.")
        if len(content) % RECORD:
            raise DataError(
                f"{path.name} is cut short: a transport file consists of records of {RECORD} bytes, and it has "
                f"{len(content)} bytes. Copy it again, in binary mode."
            )
        # The reader would return the first member and say nothing of the others.
        if content.find(MEMBER, content.find(MEMBER) + 1) >= 0:
            raise DataError(f"{path.name} holds more than one data set. Write each to a file of its own.")
        _check_whole(content, path)
    return _read(read_xport, path, encoding)


def _check_whole(content: mmap.mmap, path: Path) -> None:
    """The records begin after the header OBS and end, but for blanks that fill up the last 80 bytes, with a whole one.

    A record's length is the sum of its variables' in their descriptions (NAMESTR), where it is bytes 5 and 6. Version 8
    also states the number of records.
    """
    member = content.find(MEMBER)
    names = content.find(HEADER + b"NAM", member)
    start = content.find(HEADER + b"OBS", names) + RECORD
    try:
        size, count = int(content[member + 74 : member + 78]), int(content[names + 48 : names + 58])
    except ValueError:
        return  # The reader says what is wrong with the headers.
    first = names + RECORD
    length = sum(
        int.from_bytes(content[at + 4 : at + 6], "big") for at in range(first, first + count * size, size)
    )
    data = len(content) - start
    if names < 0 or start < RECORD or not length:
        return
    if not data:
        raise DataError(
            f"{path.name} has no records: it is empty, or cut short after its headers. Copy it again."
        )
    whole, rest = divmod(data, length)
    stated = content[start - 32 : start - 17].strip()
    if (
        rest >= RECORD
        or content[len(content) - rest :].strip(b" ")
        or (stated.isdigit() and int(stated) > whole)
    ):
        raise DataError(
            f"{path.name} is cut short: there are {whole} whole records of {length} bytes, and it should have more. "
            "Copy it again, in binary mode."
        )


def read_sas7bdat(path: Path, encoding: str | None) -> pd.DataFrame:
    """A SAS data set; SAS is not needed."""
    from pyreadstat import read_sas7bdat as read

    return _read(read, path, encoding)


def _read(read: Callable[..., tuple[pd.DataFrame, Any]], path: Path, encoding: str | None) -> pd.DataFrame:
    from pyreadstat import PyreadstatError, ReadstatError

    try:
        frame, metadata = read(str(path), encoding=encoding, dates_as_pandas_datetime=True)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} has text that is not UTF-8 and does not say what it is. Give its encoding, for example "
            "read_bds(path, encoding='WINDOWS-1252')."
        ) from error
    except (
        PyreadstatError,
        ReadstatError,
        OverflowError,
        ValueError,
    ) as error:  # the third: beyond the year 9999
        raise DataError(
            f"{path.name} cannot be read as a SAS file ({error}). It may be damaged, encrypted or not what its "
            "ending says: open it in SAS, remove any password, and write it again, best as a transport file."
        ) from error
    # Names are not case-sensitive in SAS, and ADaM's are upper case.
    frame.columns = frame.columns.str.upper()
    frame.attrs.update(
        name=metadata.table_name,
        label=metadata.file_label,
        labels={name.upper(): label for name, label in metadata.column_names_to_labels.items() if label},
        formats={name.upper(): form for name, form in metadata.original_variable_types.items() if form},
    )
    return frame
