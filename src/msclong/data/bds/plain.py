"""Files that know no SAS: Parquet, and text separated by commas."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from msclong.data.bds.dates import FORMATS
from msclong.errors import DataError, listing

MISSING = ("", ".", "NA")
"""What stands in a CSV file for a missing value: nothing, SAS's dot, R's NA."""

SPECIAL_MISSING = re.compile(r"\.[A-Z_]")
"""SAS's special missing values, in numeric variables."""

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""What usually stands between values."""

NUMBER = re.compile(r"[+-]?(0|[1-9]\d*|(0|[1-9]\d*)?\.\d+|[1-9]\d*\.)([eE][+-]?\d+)?")
"""A number; not a code with leading zeros such as 007."""

CHARACTER = re.compile(r".*(ID|FL|CD|C|TRT\d\d[PA]|TRT[PA])|PARAM|AVISIT|VISIT|BASETYPE|DTYPE|ATPT")
"""Variables that are text in ADaM whatever stands in them."""


def read_parquet(path: Path, encoding: str | None) -> pd.DataFrame:
    """A Parquet file, with the `attrs` that pandas wrote into it."""
    try:
        return pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise DataError(
            f"{path.name} cannot be read as Parquet ({error}). Write it again, unencrypted."
        ) from error


def read_csv(path: Path, encoding: str | None) -> pd.DataFrame:
    """Text separated by commas, with variable names in the first line.

    A variable is numeric if all its values are numbers and ADaM does not make it text; a variable whose name ends in
    DT is a date if all its values are dates as 2024-02-29 or as 29FEB2024.
    """
    return read_text(path, encoding).apply(converted)


def read_text(
    path: Path, encoding: str | None, separator: str = ",", missing: Sequence[str] = MISSING
) -> pd.DataFrame:
    """Every value of a CSV file as text, or missing."""
    try:
        _check_shape(path, encoding, separator)
        return pd.read_csv(
            path,
            sep=separator,
            dtype=str,
            keep_default_na=False,
            na_values=list(missing),
            encoding=encoding,
        )
    except DataError:
        raise
    except (ValueError, OSError, csv.Error) as error:
        raise DataError(
            f"{path.name} cannot be read as text separated by {SEPARATORS.get(separator, repr(separator))} ({error}). "
            "Check separators and quotes, and give encoding= if it is not UTF-8."
        ) from error


def _check_shape(path: Path, encoding: str | None, separator: str) -> None:
    """Names once each, and as many values as names in every line: pandas would shift the columns, or rename them."""
    with path.open(encoding=encoding or "utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        names = next(reader, [])
        if len(names) == 1:
            likely = max(SEPARATORS, key=names[0].count)
            found = likely in names[0]
            how = f"sep={likely!r}{', decimal=' + repr(',') if likely == ';' else ''}" if found else "sep=..."
            raise DataError(
                f"{path.name} has one column, {names[0]!r}: it is not separated by "
                f"{SEPARATORS.get(separator, repr(separator))}{f', but by {SEPARATORS[likely]}' if found else ''}. "
                f"Read it with pd.read_csv(path, {how}) and pass the table."
            )
        given = [name for name in names if name.strip()]
        twice = {name for name in given if given.count(name) > 1}
        if twice:
            raise DataError(
                f"{path.name} has more than one column named {listing(sorted(twice))}. Rename or drop all but one."
            )
        for values in reader:
            if values and len(values) != len(names):
                ends = " The line ends with a comma: remove it in all lines." if values[-1] == "" else ""
                raise DataError(
                    f"{path.name} has {len(names)} names in its first line, but {len(values)} values in line "
                    f"{reader.line_num}.{ends if len(values) > len(names) else ''} Check separators and quotes."
                )


def converted(column: pd.Series) -> pd.Series:
    """A column of text as numbers or dates where it is a variable of such (see `read_csv`)."""
    given = column.dropna()
    name = str(column.name).upper()
    if name.endswith("DT") and len(given):
        for form, layout in FORMATS:
            if given.str.fullmatch(form).all():
                return pd.to_datetime(column, format=layout, errors="coerce")
    if CHARACTER.fullmatch(name):
        return column
    numbers = given[~given.str.fullmatch(SPECIAL_MISSING)]
    if len(numbers) and numbers.str.fullmatch(NUMBER).all():
        return pd.to_numeric(column, errors="coerce")
    return column
