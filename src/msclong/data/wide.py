"""Wide tables, one row per subject and a column per outcome and visit, made long."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.keys import check_complete
from msclong.data.measurements import rows_where
from msclong.data.roles import check_roles
from msclong.data.tables import to_pandas
from msclong.errors import DataError, listing

NUMBER = r"-?\d+(?:\.\d+)?"

TO_NUMBER, FROM_NUMBER = re.compile(r"\d\.?$"), re.compile(r"^\.?\d")
"""Text that ends, or begins, within a number."""

Columns = dict[str, dict[Hashable, str]]
"""Outcome to visit to column."""


def long_from_wide(
    table: Any,
    subject: str,
    pattern: str | None = None,
    *,
    columns: Mapping[str, Mapping[Any, str]] | None = None,
    visit: str = "visit",
) -> pd.DataFrame:
    """One row per subject and visit of a table with one row per subject, for `ml.fit`.

    Parameters
    ----------
    table
        A table of any library, one row per subject.
    subject
        The column that names the subject.
    pattern
        How the names of the measured columns are made, such as '{outcome}_m{visit}' for ssdai_m0, ssdai_m6, igg_m0.
        `{visit:d}` matches numbers alone. Columns that do not match are carried along; one that matches in several
        ways is an error, unless one of these alone has a number for its visit.
    columns
        Instead of a pattern, each outcome with the column of each visit: {'ssdai': {0: 'pre', 6: 'half_year'}}.
    visit
        The name of the visit column that is made.

    Returns
    -------
    DataFrame
        The columns `subject`, `visit`, those that were not measured at visits, and one per outcome; missing where an
        outcome has no column for a visit. Subjects stand in the order of the table, and within each the visits: in
        the order of their numbers if all are numbers (the column is then numeric), else an ordered categorical in the
        one order that agrees with how each outcome's columns stand in the table, or in `columns`. `attrs` are kept.

    Raises
    ------
    DataError
        A column that does not exist, a subject that is missing or in two rows, a pattern that no column matches or that
        names a visit twice or a column in two ways, visits in words whose order the columns do not tell, an outcome
        that is text at one visit and a number at another, two columns of one name.

    Examples
    --------
    >>> import pandas as pd
    >>> import msclong as ml
    >>> wide = pd.DataFrame({"patient": ["a", "b"], "vas_m0": [70, 62], "vas_m6": [41, None]})
    >>> ml.long_from_wide(wide, subject="patient", pattern="{outcome}_m{visit:d}")
      patient  visit   vas
    0       a      0  70.0
    1       a      6  41.0
    2       b      0  62.0
    3       b      6   NaN
    """
    wide = to_pandas(table)
    check_roles(wide, {"subject": subject})
    check_complete(wide[subject], "subject")
    twice = wide[subject].duplicated(keep=False)
    if twice.any():
        raise DataError(
            f"A wide table has one row per {subject}, but {listing(wide.loc[twice, subject].unique())} has several "
            f"({rows_where(wide[subject], twice)}). If it has one row per visit, it is long: pass it to ml.fit."
        )
    if (pattern is None) == (columns is None):
        raise DataError(
            "Say which columns hold the visits: by pattern='{outcome}_m{visit}' or by columns={...}."
        )
    found = (
        _matching(wide, pattern, subject)
        if pattern is not None
        else _stated(wide, {} if columns is None else columns, subject)
    )
    order, numeric = _order(found)
    measured = {column for by_visit in found.values() for column in by_visit.values()}
    carried = wide[[name for name in wide.columns if name not in measured]]
    _refuse_clashes(carried, [*found, visit])
    long = carried.iloc[np.repeat(np.arange(len(wide)), len(order))].reset_index(drop=True)
    at: Any = (
        pd.Series(order * len(wide)) if numeric else pd.Categorical(order * len(wide), order, ordered=True)
    )
    long.insert(list(long.columns).index(subject) + 1, visit, at)
    for outcome, by_visit in found.items():
        long[outcome] = _stacked(wide, outcome, by_visit, order)
    long.attrs = dict(wide.attrs)
    return long


def _order(found: Columns) -> tuple[list[Any], bool]:
    """The visits by number if all have one; else in the one order that agrees with every outcome's."""
    labels: list[Any] = list(dict.fromkeys(label for by_visit in found.values() for label in by_visit))
    if all(isinstance(label, Real) for label in labels):
        return sorted(labels, key=float), True
    follows = {pair for by_visit in found.values() for pair in pairwise(by_visit)}
    sorter: TopologicalSorter[Hashable] = TopologicalSorter(dict.fromkeys(labels, ()))
    for before, after in follows:
        sorter.add(after, before)
    try:
        order = list(sorter.static_order())
    except CycleError:
        order = []
    if not order or any(pair not in follows for pair in pairwise(order)):
        said = listing(
            (f"{outcome!r} {' < '.join(map(str, by_visit))}" for outcome, by_visit in found.items()), most=6
        )
        raise DataError(
            f"The order of the visits is not to be told from that of their columns: {said}. Name the columns by "
            "columns={...}, with numbers for the visits, or all visits in their order for one outcome."
        )
    return order, False


def _matching(wide: pd.DataFrame, pattern: str, subject: str) -> Columns:
    fields = re.findall(r"\{(.*?)\}", pattern) if isinstance(pattern, str) else []
    if sorted(fields) not in (["outcome", "visit"], ["outcome", "visit:d"]):
        raise DataError(
            f"The pattern {pattern!r} must hold {{outcome}} and {{visit}} (or {{visit:d}}, which only numbers match) "
            "once each, such as '{outcome}_m{visit}'."
        )
    if re.search(r"\}\{", pattern) and "visit:d" not in fields:
        raise DataError(
            f"In the pattern {pattern!r} nothing is between {{outcome}} and {{visit}}. If visits are numbers, write "
            "{visit:d}; else name the columns by columns={...}."
        )
    found: Columns = {}
    for column in map(str, wide.columns):
        splits = [] if column == subject else _splits(column, pattern)
        numbered = [split for split in splits if re.fullmatch(NUMBER, split[1])]
        splits = numbered if len(numbered) == 1 else splits
        if len(splits) > 1:
            ways = listing(f"{outcome!r} at visit {label!r}" for outcome, label in splits)
            raise DataError(
                f"The column {column!r} matches the pattern in more than one way: {ways}. If visits are numbers, write "
                "{visit:d}; else rename it, or name the columns by columns={...}."
            )
        for outcome, text in splits:
            by_visit = found.setdefault(outcome, {})
            label = _label(text)
            if label in by_visit:
                raise DataError(
                    f"The columns {by_visit[label]!r} and {column!r} are both visit {label!r} of one outcome. Drop or "
                    "rename one, or name the columns by columns={...}."
                )
            by_visit[label] = column
    if not found:
        raise DataError(
            f"No column matches the pattern {pattern!r}. The table has {listing(wide.columns, most=20)}."
        )
    _refuse_strangers(found)
    return found


def _splits(column: str, pattern: str) -> list[tuple[str, str]]:
    """The outcome and visit of every way in which a column's name is made by the pattern."""
    start, first, between, second, end = re.split(r"(\{.*?\})", pattern)
    core = column.removeprefix(start).removesuffix(end)
    if len(core) + len(start) + len(end) != len(column):
        return []
    found = []
    for at in range(1, len(core) - len(between)):
        parts = {first: core[:at], second: core[at + len(between) :]}
        outcome, visit = parts["{outcome}"], parts.get("{visit}", parts.get("{visit:d}", ""))
        if core.startswith(between, at) and ("{visit}" in parts or re.fullmatch(NUMBER, visit)):
            # With nothing between, a number is the visit as a whole, not its last digits.
            broken = TO_NUMBER if first == "{outcome}" else FROM_NUMBER
            if between or not broken.search(outcome):
                found.append((outcome, visit))
    return found


def _label(text: str) -> Hashable:
    if not re.fullmatch(NUMBER, text):
        return text
    value = float(text)
    return int(value) if value.is_integer() else value


def _refuse_strangers(found: Columns) -> None:
    """A pattern may match columns that are no visits, such as flow_mean for '{outcome}_m{visit}'."""
    labels = [label for by_visit in found.values() for label in by_visit]
    some_numbers = any(isinstance(label, Real) for label in labels)
    alone = {label for label in labels if labels.count(label) == 1}
    strangers = {
        column: label
        for by_visit in found.values()
        for label, column in by_visit.items()
        if isinstance(label, str) and (some_numbers or (len(by_visit) == 1 < len(labels) and label in alone))
    }
    if strangers:
        said = listing(f"{column!r} as visit {label!r}" for column, label in strangers.items())
        raise DataError(
            f"The pattern matches {said}, which no other outcome has or which is text where others are numbers. If "
            "visits are numbers, write {visit:d}; else rename such a column, or name the columns by columns={...}."
        )


def _stated(wide: pd.DataFrame, columns: Mapping[str, Mapping[Any, str]], subject: str) -> Columns:
    if not isinstance(columns, Mapping) or not all(isinstance(value, Mapping) for value in columns.values()):
        raise DataError(
            "columns= must give each outcome the column of each visit: {'ssdai': {0: 'pre', 6: 'half_year'}}; got "
            f"{columns!r}."
        )
    found: Columns = {outcome: dict(by_visit) for outcome, by_visit in columns.items()}
    used = [column for by_visit in found.values() for column in by_visit.values()]
    if not used:
        raise DataError("columns= names no column. Give each outcome the column of each visit.")
    for column in used:
        check_roles(wide, {"subject": subject, f"columns, {column!r}": column})
    twice = {column for column in used if used.count(column) > 1}
    if twice:
        raise DataError(
            f"columns= names {listing(sorted(twice))} more than once. A column is one outcome at one visit."
        )
    return found


def _refuse_clashes(carried: pd.DataFrame, made: list[str]) -> None:
    clash = [name for name in made if name in carried.columns or made.count(name) > 1]
    if clash:
        raise DataError(
            f"The long table would have two columns {listing(dict.fromkeys(clash))}. Rename the column of the table, "
            "or the visit column by visit=."
        )


def _stacked(
    wide: pd.DataFrame, outcome: str, by_visit: Mapping[Hashable, str], order: list[Hashable]
) -> pd.Series:
    """The outcome's values, subject by subject and within each by visit, in the dtype that its columns share."""
    parts = [wide[column] for column in by_visit.values()]
    kinds = {
        part.name: "number" if pd.api.types.is_numeric_dtype(part.dtype) else str(part.dtype)
        for part in parts
    }
    kinds = {name: kind for name, kind in kinds.items() if wide[name].notna().any()}
    if len(set(kinds.values())) > 1:
        said = listing(f"{name!r} holds {kind}" for name, kind in kinds.items())
        raise DataError(f"The outcome {outcome!r} has columns of several types: {said}. Convert them to one.")
    some = [part for part in parts if part.name in kinds] or parts[:1]
    stacked = pd.concat(some, ignore_index=True)
    starts = {part.name: number * len(wide) for number, part in enumerate(some)}
    first = np.array([starts.get(by_visit.get(label), -1) for label in order])
    rows = np.where(first >= 0, first + np.arange(len(wide))[:, None], -1).ravel()
    return stacked.reindex(rows).reset_index(drop=True)
