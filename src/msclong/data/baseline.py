"""The baseline visit as a covariate: its rows leave the outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from msclong.data.long_data import LongData
from msclong.data.measurements import measurement
from msclong.errors import DataError, listing

COLUMN = "baseline"
"""The column that holds each subject's baseline value."""


def baseline_taken_out(data: LongData, use: Literal["covariate", "change"] | str | None) -> LongData:
    """The later visits with each subject's baseline value as the column `baseline`; as 'change', it is also subtracted.

    Raises DataError without a visit column, or where a column of that name exists already.
    """
    frame, outcome = data.frame, data.outcome
    if data.visit is None:
        raise DataError(f"baseline_as={use!r} needs a visit column: name it by ModelSpec(..., visit='...').")
    if COLUMN in frame.columns:
        raise DataError(
            f"baseline_as={use!r} makes a column {COLUMN!r} of the baseline visit's outcomes, but the table has one "
            "already; rename it, or leave baseline_as out and use it as it is."
        )
    first = frame[data.visit] == data.baseline
    values = frame[first].set_index(data.subject)[outcome]
    later = frame[~first].copy()
    later[COLUMN] = later[data.subject].map(values).astype(float)
    if use == "change":
        later[outcome] = later[outcome] - later[COLUMN]
    without = LongData(
        later,
        subject=data.subject,
        outcome=outcome,
        visit=data.visit,
        time=data.time,
        arm=data.arm,
        visit_order=[visit for visit in data.visits if visit != data.baseline],
    )
    object.__setattr__(without, "taken_out", data.baseline)
    return without


def baseline_of_new_rows(rows: pd.DataFrame, data: LongData, subject: Sequence[str]) -> pd.DataFrame:
    """The later visits of a new table laid out as the fitted one, with the column `baseline`; outcomes as they stand.

    data : what `baseline_taken_out` left of the fitted table. subject : the columns that name a subject.

    A subject's baseline is that of its row at the baseline visit, else the fitted one, else missing. A table without
    such rows may hold the column `baseline` instead.

    Raises DataError for a table with both, rows of the baseline visit alone, or two of them for one subject.
    """
    at_baseline = (
        rows[data.visit].isin([data.taken_out])
        if data.visit in rows.columns
        else pd.Series(False, index=rows.index)
    ).to_numpy()
    which = f"rows of the baseline visit ({data.visit} = {data.taken_out!r})"
    if COLUMN in rows.columns:
        if at_baseline.any():
            raise DataError(f"The new rows have a column {COLUMN!r} and {which}; give one of the two.")
        return rows
    later = rows[~at_baseline]
    if at_baseline.any() and later.empty:
        raise DataError(
            f"The new rows are {which} alone, which the model does not predict; add later visits."
        )
    missing = [column for column in subject if column not in rows.columns]
    if missing and at_baseline.any():
        raise DataError(
            f"The new rows have {which}, but no column {listing(missing)} to tell whose they are."
        )
    if missing:
        return later.assign(**{COLUMN: np.nan})
    known = dict(zip(_names(data.frame, subject), data.frame[COLUMN], strict=True))
    if at_baseline.any() and data.outcome in rows.columns:
        first = rows[at_baseline]
        names = _names(first, subject)
        if len(set(names)) < len(names):
            raise DataError(f"A subject has two {which}, in rows {listing(first.index)}; keep one.")
        values = measurement(first[data.outcome], "outcome")
        known |= {name: value for name, value in zip(names, values, strict=True) if not np.isnan(value)}
    return later.assign(**{COLUMN: [known.get(name, np.nan) for name in _names(later, subject)]})


def _names(rows: pd.DataFrame, subject: Sequence[str]) -> list[tuple[object, ...]]:
    return list(zip(*(rows[column].tolist() for column in subject), strict=True))
