"""When the records were made: dates, times and days in whatever form a table has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.data.bds.view import View

ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")

DATE9 = re.compile(r"\d\d(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\d{4}", re.IGNORECASE)
"""As SAS writes a date by its format DATE9.: 29FEB2024."""

FORMATS = ((ISO_DATE, "%Y-%m-%d"), (DATE9, "%d%b%Y"))


@dataclass(frozen=True, slots=True)
class Dates:
    """A variable that says when: a number for each record, NaN where it is missing, and the record's date in words."""

    name: str
    numbers: np.ndarray
    words: pd.Series


def record_dates(view: View) -> Iterator[Dates]:
    """ADT, ADTM and ADY, those of them that hold a date, a day or a number."""
    for name in filter(view.has, ("ADT", "ADTM", "ADY")):
        column = view.table[name]
        dates = column if pd.api.types.is_datetime64_any_dtype(column.dtype) else from_text(view.text(name))
        when = pd.DatetimeIndex(dates)
        if when.notna().any():
            words = pd.Series(when.strftime("%Y-%m-%d" if name == "ADT" else "%Y-%m-%d %H:%M"))
            yield Dates(name, np.where(when.isna(), np.nan, when.asi8), words)
        elif not np.isnan(numbers := view.number(name)).all():
            yield Dates(name, numbers, pd.Series(numbers).map("{:g}".format))


def from_text(text: pd.Series) -> pd.Series:
    """Complete dates as 2024-02-29 or 29FEB2024, also with a time behind the former; all else is missing."""
    result = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    strings = text.where(text.map(lambda value: isinstance(value, str)))
    if strings.notna().any():
        strings = strings.astype("str")
        for form, layout in FORMATS:
            whole = strings.str.fullmatch(form).fillna(False).astype(bool)
            result[whole] = pd.to_datetime(strings[whole], format=layout, errors="coerce")
        timed = strings.str.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d").fillna(False).astype(bool)
        result[timed] = pd.to_datetime(strings[timed].str[:19], format="ISO8601", errors="coerce")
    return result
