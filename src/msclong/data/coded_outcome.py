"""Outcomes that are no measurements, as numbers: grades in words, and yes or no."""

from __future__ import annotations

import pandas as pd


def coded_outcome(column: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """Grades of an ordered categorical counted from 1 in its order, truth values as 1 and 0, and a note of the coding.

    Other columns come back as they are, for `LongData` to check.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype) and dtype.ordered:
        codes = column.cat.codes.astype(float).where(column.notna()) + 1
        codes.name = column.name
        coding = ", ".join(f"{i} {grade}" for i, grade in enumerate(dtype.categories, start=1))
        return codes, (f"Grades of {column.name} are numbered in their order: {coding}.",)
    if pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        return column.astype("boolean").astype("Float64").astype(float), ()
    return column, ()
