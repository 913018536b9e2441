"""Columns that say whose measurement a row is, and when and under what it was taken."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.data.codes import SPREAD, Codes, coded
from msclong.data.measurements import rows_where
from msclong.errors import DataError, listing


def levels(column: pd.Series) -> list:
    """The distinct values of a key column: categories in their order, anything else sorted."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.categories.tolist()
    return sorted(coded(column).levels.tolist(), key=lambda value: (isinstance(value, str), value))


def check_complete(column: pd.Series, role: str, found: Codes | None = None) -> None:
    """Every row has a `role` (subject, visit or arm): missing and blank keys are errors, and so are dates."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise DataError(
            f"The {role} column {column.name!r} holds dates. Name the planned visit here, and give the time "
            "as a number, such as days since the first dose, with time=."
        )
    found = coded(column) if found is None else found
    blank = _blank(found.levels)
    if blank or (found.codes < 0).any():
        lacking = column.isna() | column.isin(blank)
        raise DataError(
            f"The {role} column {column.name!r} is missing or blank in {rows_where(column, lacking)}. "
            f"Fill in the {role} or remove these rows."
        )


def _blank(levels: pd.Index) -> list[str]:
    """The levels that are text without a letter."""
    if isinstance(levels.dtype, pd.StringDtype):
        return levels[(levels.str.len() == 0) | levels.str.isspace()].tolist()
    values = [] if pd.api.types.is_numeric_dtype(levels.dtype) else levels.tolist()
    return [value for value in values if isinstance(value, str) and (not value or value.isspace())]


def check_unique(subject: pd.Series, visit: pd.Series, who: Codes, when: Codes) -> None:
    """No subject has two rows for one visit; who, when : the codes of these columns."""
    cells = len(who) * len(when)
    cell = who.codes.astype(np.int64) * len(when) + when.codes
    few = cells <= max(SPREAD * len(cell), 1024)
    if (np.bincount(cell, minlength=1).max() if few else 1 + (len(pd.unique(cell)) < len(cell))) > 1:
        keys = pd.DataFrame({"subject": subject, "visit": visit})
        repeated = keys.duplicated(keep=False)
        repeats = keys[repeated].groupby(["subject", "visit"], observed=True, sort=False)
        where = listing(f"{one} at {at} (rows {listing(rows.index)})" for (one, at), rows in repeats)
        raise DataError(
            f"More than one row for the same {subject.name} and {visit.name}: {where}. Keep the row that is "
            "to be analysed (in CDISC ADaM data, filter on ANL01FL == 'Y') or average them beforehand."
        )


def check_constant(subject: pd.Series, arm: pd.Series, who: Codes, which: Codes) -> None:
    """The arm, which is what the subject was randomised to, is the same in all of a subject's rows.

    who, which : the codes of these columns.
    """
    one = np.empty(len(who), dtype=which.codes.dtype)
    one[who.codes] = which.codes
    if (one[who.codes] == which.codes).all():
        return
    arms = pd.DataFrame({"subject": subject, "arm": arm}).drop_duplicates()
    changing = arms.loc[arms["subject"].duplicated(keep=False)].groupby("subject", observed=True, sort=False)
    named = listing(f"{name} ({listing(group['arm'])})" for name, group in changing)
    raise DataError(
        f"The arm {arm.name!r} changes within a {subject.name}: {named}. Put the randomised arm in every "
        "row; a treatment that changes over time, as in a crossover, is a covariate and not the arm."
    )
