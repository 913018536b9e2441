"""Columns that must hold measured numbers: the outcome and the time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.data.tables import floats
from msclong.errors import DataError, listing


def rows_where(column: pd.Series, mask: pd.Series | np.ndarray, most: int = 8) -> str:
    """The labels of the rows where `mask` holds, for a message: `row 7` or `rows 3, 7, 12`."""
    labels = column.index[np.asarray(mask)]
    return f"row{'s' if len(labels) > 1 else ''} {listing(labels, most)}"


def measurement(column: pd.Series, role: str) -> pd.Series:
    """The column as float64, NaN where missing.

    Nothing is read into the values: text is not parsed and truth values are not counted.

    Parameters
    ----------
    column
        As the user's table holds it.
    role
        What the column is, for the message: "outcome" or "time".

    Raises
    ------
    DataError
        Text (also text that looks like a number), dates, truth values, complex or infinite numbers.
    """
    what = f"The {role} column {column.name!r}"
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        raise DataError(
            f"{what} is categorical, not numeric. If its categories are numbers, convert it first: "
            f"table[{column.name!r}].astype(float)."
        )
    if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        raise DataError(
            f"{what} holds dates or durations. Convert it to a number with a unit first, for example days "
            "since the first dose: (date - start).dt.days."
        )
    numeric = isinstance(dtype, np.dtype) and dtype.kind in "iuf"
    kind = "floating" if numeric else pd.api.types.infer_dtype(column, skipna=True)
    if kind == "boolean":
        raise DataError(
            f"{what} holds truth values. A Gaussian model needs a measured number; if a difference of "
            "proportions is meant, say so by converting it: .astype(float)."
        )
    if kind not in ("integer", "floating", "mixed-integer-float", "decimal", "empty"):
        _refuse_text(column, what)
    values = floats(column)
    infinite = np.isinf(values.to_numpy())
    if infinite.any():
        raise DataError(
            f"{what} is infinite in {rows_where(values, infinite)}. Often this is the logarithm of zero or a "
            "division by zero: decide on a value, or set these rows to missing."
        )
    return values


def _refuse_text(column: pd.Series, what: str) -> None:
    given = column[column.notna()]
    unreadable = given[pd.to_numeric(given.astype(str), errors="coerce").isna()]
    if unreadable.empty:
        raise DataError(
            f"{what} holds numbers as text (such as {given.iloc[0]!r}). Convert it first: "
            f"table[{column.name!r}] = pd.to_numeric(table[{column.name!r}])."
        )
    examples = listing(f"row {label}: {value!r}" for label, value in unreadable.items())
    raise DataError(
        f"{what} is not numeric: {examples}. Decide what each such value means (a value below the limit of "
        "quantification is not missing), replace it, then convert the column with pd.to_numeric."
    )
