"""The records before, at and after the baseline record, which is one visit whatever it is called."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.data.bds.baseline_rules import ROUNDING
from msclong.data.bds.dates import record_dates
from msclong.data.bds.view import View, together
from msclong.errors import DataError, listing


def marked_by_base(table: pd.DataFrame, baseline: bool, notes: list[str]) -> pd.DataFrame:
    """With ABLFL 'Y', where no record has it, at the one visit at which AVAL is BASE in every record that has both.

    It must have a record of most series that have BASE: at a rare visit a value may be BASE by chance.
    """
    view = View(table)
    if view.baseline_row.any():
        return table
    if not view.given("BASE").any():
        if baseline:
            notes.append(
                "Nothing says which record is the baseline (no ABLFL 'Y', no BASE): none is left out as earlier, and "
                "the first visit stands for it."
            )
        return table
    aval, base, visit = view.number("AVAL"), view.number("BASE"), view.codes("AVISIT")
    both = view.observed & (visit > 0) & np.isfinite(aval) & np.isfinite(base)
    same = both & (abs(aval - base) <= ROUNDING * np.maximum(abs(aval), abs(base)))
    most = len(np.unique(view.series[view.given("BASE")])) / 2
    found = [
        code
        for code in np.setdiff1d(visit[same], visit[both & ~same])
        if len(np.unique(view.series[same & (visit == code)])) > most
    ]
    if len(found) != 1:
        if not baseline:
            return table
        if not found and view.given("CHG")[np.isfinite(aval)].all():
            notes.append(
                "The baseline records are not here: every record has CHG, none has ABLFL 'Y', and AVAL is BASE at no "
                "visit. Take CHG for the outcome: AVAL would be compared with the first visit."
            )
            return table
        names = view.text("AVISIT")[[int(np.flatnonzero(visit == code)[0]) for code in found]]
        raise DataError(
            "No record has ABLFL 'Y', and BASE does not tell which is the baseline: AVAL is BASE in all records of "
            f"{listing(map(repr, names)) or 'no visit'}. Give the baseline records ABLFL 'Y'; or, for CHG, pass "
            "baseline=False; or drop BASE, and the first visit is the baseline."
        )
    rows = same & (visit == found[0])
    notes.append(
        f"No record has ABLFL 'Y': the {int(rows.sum())} at {view.text('AVISIT')[np.flatnonzero(rows)[0]]!r} are given "
        "it, where AVAL is BASE in every record that has both."
    )
    return table.assign(ABLFL=["Y" if row else "" for row in rows])


def place(table: pd.DataFrame) -> pd.DataFrame:
    """Column `place`: -1 for a record before the baseline record of its series, 0 at its visit, 1 after it, else NaN.

    By AVISITN (or the order of AVISIT, an ordered categorical), else by AVISIT, else by date. Where a series has no
    baseline record, the visit that most others have theirs at stands for it. Column `by_date`: whether a date told.
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
    by_date = (first_told > 1) & ~np.isnan(told) & ~view.baseline_row
    return pd.DataFrame(
        {"place": np.where(view.baseline_row, 0, told), "by_date": by_date}, index=table.index
    )


def refuse_both_sides(table: pd.DataFrame, places: pd.DataFrame) -> None:
    """Of one visit, some dates before the baseline record and some after it: one of them is wrong."""
    view = View(table)
    visit = view.groups("PARAMCD", "BASETYPE", "APERIOD", "AVISIT")
    dated = places["by_date"].to_numpy() & view.given("AVISIT")
    before, after = (dated & (sign * places["place"].to_numpy() > 0) for sign in (-1, 1))
    for rows in together(dated & np.isin(visit, np.intersect1d(visit[before], visit[after])), visit):
        sides = {"before": rows[before[rows]], "after": rows[after[rows]]}
        said = (
            f"{len(side)} {word} it (rows {listing(table.index[side], most=6)})"
            for word, side in sorted(sides.items(), key=lambda item: len(item[1]))
        )
        raise DataError(
            f"By their dates, records at {view.text('AVISIT')[rows[0]]!r} lie on both sides of the baseline record: "
            f"{listing(said)}. Correct the dates, give every AVISIT its AVISITN, or leave the visit out by where=."
        )


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
