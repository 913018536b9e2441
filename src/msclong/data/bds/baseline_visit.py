"""The records before, at and after the baseline record, which is one visit whatever it is called."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.data.bds.dates import record_dates
from msclong.data.bds.view import View
from msclong.errors import DataError, listing


def place(table: pd.DataFrame) -> pd.Series:
    """-1 for a record before the baseline record of its series, 0 at its visit, 1 after it, NaN where nothing tells.

    By AVISITN (or the order of AVISIT, an ordered categorical), else by AVISIT, else by date. Where a series has no
    baseline record, the visit that most others have theirs at stands for it.
    """
    view = View(table)
    number, label = _number(view), view.codes("AVISIT").astype(float)
    places = [
        np.sign(number - _of_baseline(view, number)),
        np.where(label == _of_baseline(view, np.where(label > 0, label, np.nan)), 0, np.nan),
    ]
    for dates in record_dates(view):
        later = np.sign(dates.numbers - view.of_baseline(dates.numbers))
        places.append(np.where(later == 0, np.nan, later))
    places.append(np.full(len(view), np.nan))
    first_told = np.argmax(~np.isnan(places), axis=0)
    told = np.array(places)[first_told, np.arange(len(view))]
    return pd.Series(np.where(view.baseline_row, 0, told), index=table.index)


def _number(view: View) -> np.ndarray:
    visit = view.table["AVISIT"]
    if not view.has("AVISITN") and isinstance(visit.dtype, pd.CategoricalDtype) and visit.cat.ordered:
        return visit.cat.codes.where(visit.notna()).to_numpy(dtype=float)
    return view.number("AVISITN")


def _of_baseline(view: View, values: np.ndarray) -> np.ndarray:
    own = view.of_baseline(values)
    usual = pd.Series(values[view.baseline_row]).mode()
    return np.where(np.isnan(own), usual.iloc[0], own) if len(usual) else own


def at_one_visit(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """All baseline records at the visit that most of them stand at: a baseline may have been measured at Screening."""
    view = View(table)
    rows, visit = view.baseline_row & (view.n_baselines == 1), view.text("AVISIT")
    counts = visit[rows].value_counts()
    said = listing((f"{count} at {name!r}" for name, count in counts.items()), most=8)
    if 2 * counts.max() <= rows.sum() if len(counts) else rows.any():
        raise DataError(
            f"The {int(rows.sum())} baseline records (ABLFL 'Y') have no visit in common: {said or 'AVISIT is blank'}. "
            "Changes are from one baseline visit. Give them one AVISIT and AVISITN; or, for CHG, pass baseline=False."
        )
    strays = rows & visit.ne(counts.index[0]).to_numpy(dtype=bool) if len(counts) else rows
    if not strays.any():
        return table
    home = table.loc[rows & ~strays]
    notes.append(
        f"{int(strays.sum())} baseline records, which stand at another AVISIT or none, are given the usual one, "
        f"{counts.index[0]!r} ({said}): rows {listing(table.index[strays], most=6)}."
    )
    usual = {name: home[name].mode() for name in ("AVISIT", "AVISITN") if name in table}
    return table.assign(
        **{name: table[name].mask(strays, value.iloc[0]) for name, value in usual.items() if len(value)}
    )


def without_change(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """CHG and PCHG missing in the baseline records: 0 by definition there, they would be taken for measurements."""
    view = View(table)
    given = {name: view.baseline_row & (view.n_baselines == 1) & view.given(name) for name in ("CHG", "PCHG")}
    given = {name: rows for name, rows in given.items() if rows.any()}
    if given:
        notes.append(
            f"{listing(given)} of the {int(np.logical_or.reduce(list(given.values())).sum())} baseline records "
            "are made missing: 0 by definition, they are no outcome."
        )
    return table.assign(**{name: table[name].mask(rows) for name, rows in given.items()})
