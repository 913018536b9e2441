"""Columns that say whose measurement a row is, and when and under what it was taken."""

from __future__ import annotations

import pandas as pd

from msclong.data.measurements import rows_where
from msclong.errors import DataError, listing


def levels(column: pd.Series) -> list:
    """The distinct values of a key column: categories in their order, anything else sorted."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.categories.tolist()
    return sorted(column.unique().tolist(), key=lambda value: (isinstance(value, str), value))


def check_complete(column: pd.Series, role: str) -> None:
    """Every row has a `role` (subject, visit or arm): missing and blank keys are errors, and so are dates."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise DataError(
            f"The {role} column {column.name!r} holds dates. Name the planned visit here, and give the time "
            "as a number, such as days since the first dose, with time=."
        )
    blank = [value for value in column.unique() if isinstance(value, str) and not value.strip()]
    lacking = column.isna() | column.isin(blank)
    if lacking.any():
        raise DataError(
            f"The {role} column {column.name!r} is missing or blank in {rows_where(column, lacking)}. "
            f"Fill in the {role} or remove these rows."
        )


def check_unique(subject: pd.Series, visit: pd.Series) -> None:
    """No subject has two rows for one visit."""
    keys = pd.DataFrame({"subject": subject, "visit": visit})
    repeated = keys.duplicated(keep=False)
    if repeated.any():
        repeats = keys[repeated].groupby(["subject", "visit"], observed=True, sort=False)
        where = listing(f"{who} at {when} (rows {listing(rows.index)})" for (who, when), rows in repeats)
        raise DataError(
            f"More than one row for the same {subject.name} and {visit.name}: {where}. Keep the row that is "
            "to be analysed (in CDISC ADaM data, filter on ANL01FL == 'Y') or average them beforehand."
        )


def check_constant(subject: pd.Series, arm: pd.Series) -> None:
    """The arm, which is what the subject was randomised to, is the same in all of a subject's rows."""
    arms = pd.DataFrame({"subject": subject, "arm": arm}).drop_duplicates()
    changing = arms.loc[arms["subject"].duplicated(keep=False)].groupby("subject", observed=True, sort=False)
    if len(changing):
        who = listing(f"{name} ({listing(group['arm'])})" for name, group in changing)
        raise DataError(
            f"The arm {arm.name!r} changes within a {subject.name}: {who}. Put the randomised arm in every "
            "row; a treatment that changes over time, as in a crossover, is a covariate and not the arm."
        )
