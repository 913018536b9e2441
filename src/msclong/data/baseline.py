"""The baseline visit as a covariate: its rows leave the outcomes."""

from __future__ import annotations

from typing import Literal

from msclong.data.long_data import LongData
from msclong.errors import DataError

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
    return LongData(
        later,
        subject=data.subject,
        outcome=outcome,
        visit=data.visit,
        time=data.time,
        arm=data.arm,
        visit_order=[visit for visit in data.visits if visit != data.baseline],
    )
