"""From a BDS table to the long table of one parameter that a model is fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.bds.baseline_visit import (
    at_one_visit,
    marked_by_base,
    place,
    refuse_both_sides,
    without_change,
)
from msclong.data.bds.view import View, together
from msclong.errors import DataError, listing

TREATMENTS = ("TRT01P", "TRT01A", "TRTP", "TRTA")

APART = ("APERIOD", "BASETYPE", "ATPT", "DTYPE", "ABLFL", "ANL01FL")
"""What may keep the records of a visit apart, the first three to be chosen by `where`."""


def analysis_records(
    frame: pd.DataFrame,
    parameter: str,
    *,
    flag: str | None,
    population: str | None,
    where: Mapping[str, Any],
    baseline: bool,
    derived: bool | str | Sequence[str],
    several: bool,
) -> pd.DataFrame:
    """`BDS.records`, of a table whose violations have been dealt with; `several` per subject and visit, or an error."""
    codes = View(frame).text("PARAMCD")
    if not codes.eq(parameter).any():
        raise DataError(
            f"There is no PARAMCD {parameter!r}. The parameters are {listing(codes.dropna().unique(), 20)}."
        )
    notes: list[str] = []
    whole = marked_by_base(frame[codes.eq(parameter).to_numpy()], baseline, notes)
    table, places = whole, place(whole)
    for name, value in where.items():
        table = _having(table, name, value, notes)
    _note_lost_baselines(whole, table, notes)
    if "BASETYPE" not in where:
        _refuse_to_choose(table, parameter, "BASETYPE", "baselines", View(table).given("BASETYPE"))
    if population is not None:
        _refuse_part_of_a_subject(table, population)
        table = _having(table, population, "Y", notes)
    if flag == "ANL01FL" and flag not in table:
        notes.append("There is no ANL01FL: every record counts.")
    elif flag is not None:
        table = _having(table, flag, "Y", notes, but=View(table).baseline_row if baseline else None)
    table = _without_derived(table, derived, baseline, notes)
    refuse_both_sides(table, places.loc[table.index])
    table = _from_baseline_on(table, places.loc[table.index, "place"].to_numpy(), baseline, notes)
    if "ATPT" not in where:
        _refuse_to_choose(table, parameter, "ATPT", "times within a visit")
    table = without_change(at_one_visit(table, notes), notes)
    table = _left(table, View(table).given("AVISIT"), "AVISIT is missing", notes)
    if table.empty:
        raise DataError(f"No record of {parameter!r} is left. {' '.join(notes)}")
    _one_per_visit(table, flag, several, notes)
    table = table.assign(AVISIT=_ordered(table, "AVISIT", notes, ordered=True))
    for name in TREATMENTS:
        if name in table:
            table[name] = _ordered(table, name, notes, ordered=False)
    labels = View(table).text("PARAM").dropna()
    table.attrs = {**frame.attrs, "parameter": parameter, "notes": notes}
    if len(labels):
        table.attrs["outcome_label"] = labels.iloc[0]
    return table


def _note_lost_baselines(whole: pd.DataFrame, table: pd.DataFrame, notes: list[str]) -> None:
    view, left = View(whole), whole.index.isin(table.index)
    lost = np.setdiff1d(view.series[view.baseline_row & ~left], view.series[view.baseline_row & left])
    subjects = view.text("USUBJID")[left & np.isin(view.series, lost)].nunique()
    if subjects:
        notes.append(
            f"The baseline record of {subjects} subjects does not meet where=, other records of theirs do."
        )


def _refuse_to_choose(
    table: pd.DataFrame, parameter: str, name: str, what: str, among: np.ndarray | None = None
) -> None:
    values = View(table).text(name)[slice(None) if among is None else among].unique().tolist()
    if len(values) > 1:
        said = listing("blank" if pd.isna(value) else repr(value) for value in values)
        first = next(value for value in values if not pd.isna(value))
        raise DataError(
            f"{parameter!r} has {len(values)} {what}, of {name} {said}. Choose one: where={{{name!r}: {first!r}}} "
            "(None is blank; a list keeps several)."
        )


def _refuse_part_of_a_subject(table: pd.DataFrame, population: str) -> None:
    view = View(table)
    varies = view.text(population).groupby(view.codes("USUBJID")).transform("nunique", dropna=False) > 1
    if view.has(population) and varies.any():
        raise DataError(
            f"{population} changes within {listing(view.text('USUBJID')[varies].unique(), most=6)} (rows "
            f"{listing(table.index[varies], most=6)}): a population has the whole subject or nothing of it. Correct "
            f"it; if it marks records, say where={{{population!r}: 'Y'}}."
        )


def _one_per_visit(table: pd.DataFrame, flag: str | None, several: bool, notes: list[str]) -> None:
    """A model takes one record per subject and visit."""
    view = View(table)
    visits = view.groups("USUBJID", "AVISIT")
    again = np.bincount(visits)[visits] > 1
    if not again.any():
        return
    if several:
        notes.append(f"{int(again.sum())} records share their visit with another of the same subject.")
        return
    found = list(together(again, visits))
    rows = found[0]
    told = {
        name: listing(map(_shown, view.text(name)[rows].unique()))
        for name in (*APART, *([flag] if flag else ()))
        if view.has(name) and view.text(name)[rows].nunique(dropna=False) > 1
    }
    choose = next((name for name in told if name in APART[:3]), None)
    differ = (
        f" They differ in {listing(f'{name} ({values})' for name, values in told.items())}." if told else ""
    )
    others = f", and {len(found) - 1} more such visits" if len(found) > 1 else ""
    raise DataError(
        f"{len(rows)} records are left of {view.text('USUBJID')[rows[0]]} at {view.text('AVISIT')[rows[0]]!r} (rows "
        f"{listing(table.index[rows])}){others}; a model takes one per subject and visit.{differ} Choose"
        + (
            f" by where={{{choose!r}: ...}}."
            if choose
            else " by flag=, where= or derived=, or drop the others."
        )
        + "".join(f" {note}" for note in notes)
    )


def _shown(value: Any) -> str:
    return "blank" if pd.isna(value) else f"{value:g}" if isinstance(value, float) else repr(value)


def _left(table: pd.DataFrame, keep: np.ndarray, why: str, notes: list[str]) -> pd.DataFrame:
    """The rows to keep; how many were not is noted."""
    gone = int((~keep).sum())
    if gone:
        notes.append(f"{gone} of {len(keep)} records left out: {why}.")
    return table[keep]


def _having(
    table: pd.DataFrame, name: str, value: Any, notes: list[str], but: np.ndarray | None = None
) -> pd.DataFrame:
    """The rows in which a variable is this value, or one of these; None is a missing one."""
    if name not in table:
        flags = [column for column in table.columns if str(column).endswith("FL")]
        raise DataError(f"There is no variable {name!r}. The flags are {listing(flags, most=20)}.")
    values = list(value) if pd.api.types.is_list_like(value) else [value]
    if isinstance(value, Mapping) or not values or not all(map(pd.api.types.is_scalar, values)):
        raise DataError(f"where={{{name!r}: {value!r}}} must give one value, or a list of values.")
    text = View(table).text(name)
    given = [one for one in values if not pd.isna(one)]
    has = (text.isin(given) | (text.isna() & (len(given) < len(values)))).to_numpy(dtype=bool)
    why = f"{name} is not {' or '.join('blank' if pd.isna(one) else repr(one) for one in values)}"
    if but is None or not (but & ~has).any():
        return _left(table, has, why, notes)
    notes.append(f"{int((but & ~has).sum())} baseline records are kept though {why}.")
    return _left(table, has | but, why, notes)


def _without_derived(
    table: pd.DataFrame, derived: bool | str | Sequence[str], baseline: bool, notes: list[str]
) -> pd.DataFrame:
    """Without the computed records that are not wanted. A computed baseline is the baseline, and there is no other."""
    view = View(table)
    kinds = view.text("DTYPE")
    present = kinds.dropna().unique().tolist()
    wanted = present if derived is True else [derived] if isinstance(derived, str) else list(derived or ())
    unknown = [kind for kind in wanted if kind not in present]
    if unknown:
        there = f"there are {listing(present)}" if present else "no record has one"
        raise DataError(f"No record has DTYPE {listing(map(str, unknown))}; {there}.")
    keep = (kinds.isna() | kinds.isin(wanted)).to_numpy()
    kept = int((kinds.notna().to_numpy() & keep).sum())
    if kept:
        notes.append(f"{kept} records are computed, not observed (DTYPE {listing(wanted)}).")
    own = ~keep & view.baseline_row & baseline
    if own.any():
        notes.append(
            f"{int(own.sum())} baseline records are kept though computed (DTYPE {listing(kinds[own].unique())})."
        )
    left_out = listing(kinds[~keep & ~own].unique())
    return _left(table, keep | own, f"computed, not observed (DTYPE {left_out})", notes)


def _from_baseline_on(
    table: pd.DataFrame, places: np.ndarray, baseline: bool, notes: list[str]
) -> pd.DataFrame:
    earlier, at = places < 0, places == 0
    untold = int((np.isnan(places) & View(table).given("AVISIT")).sum())
    if untold and not np.isnan(places).all():
        notes.append(
            f"{untold} records may be from before the baseline record: neither AVISITN nor a date tells."
        )
    if not baseline and not at.any():
        notes.append("No record is left out as baseline: none has ABLFL 'Y'.")
    keep = ~earlier if baseline else ~earlier & ~at
    return _left(table, keep, "before the baseline record" if baseline else "at or before baseline", notes)


def _ordered(table: pd.DataFrame, name: str, notes: list[str], ordered: bool) -> pd.Series:
    """A variable as a categorical in the order of its number (`AVISITN` of `AVISIT`); as it is, without one."""
    number = View(table).number(f"{name}N")
    text = table[name].astype(object)
    if ordered and isinstance(table[name].dtype, pd.CategoricalDtype) and table[name].cat.ordered:
        return table[name].cat.remove_unused_categories()
    medians = pd.Series(number, index=table.index).groupby(text).median()
    if medians.isna().any() or not medians.is_unique:
        if ordered:
            notes.append(f"{name} has no order: {name}N does not give every {name} a number of its own.")
        return table[name]
    return pd.Series(pd.Categorical(text, medians.sort_values().index, ordered=ordered), index=table.index)
