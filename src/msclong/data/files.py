"""The table of a file, whatever its format: what an analyst would hand over, read without a guess at its roles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike
from pathlib import Path

import pandas as pd

from msclong.data.bds.plain import MISSING, NUMBER, converted, read_text
from msclong.data.bds.read import READERS, read_table
from msclong.data.missing_codes import is_code, suspect_codes
from msclong.errors import DataError, DataWarning, listing, warn

TRUTH = {"true": True, "false": False}

NA = "NA"
"""R's missing value, and perhaps an arm."""

REMARKS = "remarks"
"""Of `attrs`: what was decided while a file was read, a sentence each."""


def read_file(
    path: str | PathLike[str],
    encoding: str | None = None,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    missing: Sequence[str] = (),
    keep_na: bool = False,
) -> pd.DataFrame:
    """The table of a file that `ml.read_bds` could read, and whose variables need not be ADaM's.

    Of CSV files, in which nothing has a type, a column of numbers is numeric whatever its name; codes with leading
    zeros stay text, and True and False, without a missing value, are truth values.

    separator, decimal : of CSV files: between values (a comma if not given), and in numbers (a point).
    missing : codes that stand for a missing value, '-99', or 'COLUMN=-99' in one column.
    keep_na : NA is a word in the columns of a CSV file that are text; else missing, as R writes it.

    `remarks` tells what became missing so. Raises DataError.
    """
    suffix = Path(path).suffix.lower()
    if suffix != ".csv" and (separator or decimal or keep_na):
        raise DataError(
            f"{Path(path).name}: a separator, a decimal sign and NA are matters of .csv files only."
        )
    if decimal not in (None, ".", ","):
        raise DataError(f"A decimal sign is '.' or ','; got {decimal!r}.")
    if separator is not None and (len(separator) != 1 or separator == (decimal or ".")):
        raise DataError(f"A separator is one character, and not the decimal sign; got {separator!r}.")
    blank = tuple(text for text in MISSING if text != NA)
    reader = partial(read_text, separator=separator or ",", missing=blank)
    table = read_table(path, encoding, READERS | {".csv": reader})
    attrs, told = table.attrs, []
    if decimal == ",":
        table = table.apply(_with_points)
    for code in missing:
        told += _mask(table, code)
    if suffix == ".csv":
        typed = table.apply(_typed, keep_na=keep_na)
        told += [
            f"NA was read as missing in {name} ({(table[name] == NA).sum():,} rows), as R writes it. If it is a word "
            "there: --keep-na."
            for name in typed
            if typed[name].dtype == "str" and not keep_na and (table[name] == NA).any()
        ]
        table = typed
    table.attrs = attrs | {REMARKS: tuple(told)}
    return table


def remarks(table: pd.DataFrame) -> list[str]:
    """What was decided while a table was read, and numbers in it that look like codes for missing values."""
    return [*table.attrs.get(REMARKS, ()), *_suspicions(table)]


def _suspicions(table: pd.DataFrame) -> list[str]:
    return [
        f"{name} has {code} in {rows:,} row{'s' if rows > 1 else ''}, far from all its other values: is {code} a code "
        f"for missing? Then: --missing {code}, or --missing {name}={code} in this column alone."
        for name, column in table.items()
        for code, rows in suspect_codes(column).items()
    ]


def is_bds(table: pd.DataFrame) -> bool:
    """Whether a table has the variables that make it ADaM's Basic Data Structure."""
    return {"USUBJID", "PARAMCD", "AVAL"} <= set(table.columns)


def _mask(table: pd.DataFrame, stated: str) -> list[str]:
    """Set a code missing in the table; in how many rows of which columns."""
    column, equals, code = stated.partition("=")
    names = [column] if equals and column in table else list(table)
    code = code if equals and column in table else stated
    if not code:
        raise DataError(f"--missing {stated}: state a code, such as -99 or {column}=-99.")
    found = {name: is_code(table[name], code) for name in names}
    counts = [f"{name} ({mask.sum():,} rows)" for name, mask in found.items() if mask.any()]
    if not counts:
        warn(f"--missing {stated}: no value of {listing(names)} is {code}.", DataWarning)
        return []
    for name, mask in found.items():
        if mask.any():
            table[name] = table[name].mask(mask)
    return [f"{code} was read as missing in {listing(counts, 30)}."]


def _with_points(column: pd.Series) -> pd.Series:
    """Decimal commas as points where the whole column is of such numbers; a point among them is none."""
    if column.dtype != "str":  # without any value
        return column
    swapped = column.str.translate(str.maketrans(",.", ".,"))
    given = swapped[column.notna() & (column != NA)]
    return swapped if given.str.fullmatch(NUMBER).all() else column


def _typed(column: pd.Series, keep_na: bool) -> pd.Series:
    if column.dtype != "str":
        return column
    without = column.mask(column == NA)
    given = without.dropna()
    found = converted(without)
    if found.dtype != "str":
        return found
    if len(given) and given.str.fullmatch(NUMBER).all():
        return pd.to_numeric(without)
    if len(given) == len(column) and set(given.str.lower()) <= set(TRUTH):
        return column.str.lower().map(TRUTH).astype(bool)
    return column if keep_na else without
