"""Numbers that stand for a missing value: read as missing where they are declared, pointed at where they are not."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from msclong.data.bds.plain import NUMBER
from msclong.data.tables import floats

USUAL = (-9, -99, -999, -9999, 9, 99, 999, 9999)
"""Numbers that forms and programs write for a missing value."""

ALONE = 3
"""A usual code is suspect this many interquartile ranges away from all other values: Tukey's 'far out'."""


def is_code(column: pd.Series, code: str) -> np.ndarray:
    """(rows,) where a column has the code, as a number ('-99', '-99.0') or as text."""
    number = float(code) if re.fullmatch(NUMBER, code) else np.nan
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        return (floats(column) == number).to_numpy()
    text = column.astype(object).map(str, na_action="ignore").astype("str")
    numbers = pd.to_numeric(text.where(text.str.fullmatch(NUMBER).fillna(False)), errors="coerce")
    return ((text == code) | (numbers == number)).fillna(False).to_numpy(dtype=bool)


def suspect_codes(column: pd.Series) -> dict[int, int]:
    """Usual codes that lie outside the range of a column's other numbers and far from it: {-99: rows that have it}."""
    if not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return {}
    values = floats(column.dropna()).to_numpy()
    rest = values[~np.isin(values, USUAL)]
    if not len(rest):
        return {}
    spread = float(np.subtract(*np.quantile(rest, [0.75, 0.25]))) or float(np.ptp(rest))
    return {
        code: int((values == code).sum())
        for code in USUAL
        if code in values and max(rest.min() - code, code - rest.max()) > ALONE * spread
    }
