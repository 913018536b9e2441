"""Reading a BDS data set from a file of any of its formats, or taking it from memory."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from msclong.data.bds.bds import BDS
from msclong.data.bds.check import violations
from msclong.data.bds.dataset_json import read_json, read_ndjson
from msclong.data.bds.plain import read_csv, read_parquet
from msclong.data.bds.sas import read_sas7bdat, read_xpt
from msclong.data.bds.tidy import tidy
from msclong.data.tables import to_pandas
from msclong.errors import DataError, listing

type Reader = Callable[[Path, str | None], pd.DataFrame]
"""Of a path, and an encoding."""

READERS: dict[str, Reader] = {
    ".xpt": read_xpt,
    ".sas7bdat": read_sas7bdat,
    ".json": read_json,
    ".ndjson": read_ndjson,
    ".parquet": read_parquet,
    ".csv": read_csv,
}
"""The ending of a file's name, and what reads it."""

BEGINNINGS = {
    b"HEADER RECORD": ".xpt",
    bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c"): ".sas7bdat",
    b"PAR1": ".parquet",
}
"""How files begin whose format cannot be mistaken."""


def read_bds(source: Any, *, encoding: str | None = None) -> BDS:
    """A data set in ADaM's Basic Data Structure, read and checked.

    Parameters
    ----------
    source
        The path of a file: SAS transport (.xpt, version 5 or 8), SAS data set (.sas7bdat), Dataset-JSON 1.0 or 1.1
        (.json, .ndjson), Parquet or CSV. Or a table: pandas, polars, pyarrow, DuckDB.
    encoding
        The encoding of text that does not say its own, such as 'WINDOWS-1252'; UTF-8 if not given.

    Returns
    -------
    BDS
        Its `frame` holds all variables with their rows numbered from 1 as in the file; `violations` what breaks a
        rule; `records` the rows to analyse.

    Raises
    ------
    DataError
        The file does not exist, is empty, damaged or encrypted, or is not of a format that can be read.

    Notes
    -----
    Blank text is missing; SAS's special missing values (.A to .Z, ._) are missing like the ordinary one. Numeric dates
    are dates where the file tells them by a format. Labels and formats are in `frame.attrs`.

    Examples
    --------
    >>> import msclong as ml
    >>> names = {"PATIENT": "USUBJID", "TRT": "TRT01P", "basval": "BASE", "change": "CHG"}
    >>> adqs = ml.datasets.hamd17().rename(columns=names)
    >>> adqs = adqs.assign(PARAMCD="HAMD17", PARAM="HAMD-17 total", AVISITN=adqs["week"].astype(int), ANL01FL="Y")
    >>> adqs = adqs.assign(AVISIT="Week " + adqs["week"].astype(str), AVAL=adqs["BASE"] + adqs["CHG"])
    >>> bds = ml.read_bds(adqs)  # or a file: ml.read_bds("adqs.xpt")
    >>> len(bds.records("HAMD17"))
    831
    """
    if isinstance(source, str | os.PathLike):
        table = read_table(source, encoding)
    else:
        _check_encoding(encoding)
        table = tidy(to_pandas(source), encoding)
    return BDS(table, violations(table))


def read_table(
    source: str | os.PathLike[str], encoding: str | None = None, readers: Mapping[str, Reader] = READERS
) -> pd.DataFrame:
    """The tidied table of a file, with attrs["source"], its name; raises DataError as `read_bds`."""
    _check_encoding(encoding)
    path = Path(source)
    table = tidy(to_pandas(_reader(path, readers)(path, encoding)), encoding)
    table.attrs["source"] = path.name
    return table


def _check_encoding(encoding: object) -> None:
    if encoding is None:
        return
    try:
        codecs.lookup(str(encoding))
    except (LookupError, ValueError):
        raise DataError(
            f"There is no encoding {encoding!r}. Usual ones are 'UTF-8', 'WINDOWS-1252' and 'SHIFT_JIS'."
        ) from None


def _reader(path: Path, readers: Mapping[str, Reader]) -> Reader:
    if path.is_dir():
        raise DataError(f"{str(path)!r} is a folder; name the file that holds the data.")
    if not path.is_file():
        raise DataError(f"There is no file {str(path)!r}. Check the name and the folder.")
    with path.open("rb") as file:
        beginning = file.read(32)
    if not beginning:
        raise DataError(f"{path.name} is empty (0 bytes). Copy it again.")
    suffix = path.suffix.lower()
    actual = next((ending for begin, ending in BEGINNINGS.items() if beginning.startswith(begin)), None)
    if actual and actual != suffix:
        raise DataError(f"{path.name} is a {actual} file by its content. Rename it to {path.stem + actual}.")
    if suffix not in readers:
        raise DataError(
            f"{path.name}: the ending {suffix!r} is not one of {listing(readers)}. Save it as one of these, or read "
            "it yourself and pass the table to read_bds."
        )
    return readers[suffix]
