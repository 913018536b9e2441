"""The part of a study's table that one outcome's model reads."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from msclong.data.coded_outcome import coded_outcome
from msclong.data.marks import marked
from msclong.data.roles import where_it_may_be
from msclong.data.visit_order import ordered_visits
from msclong.design.expressions import columns_in
from msclong.design.named_columns import refuse_unknown_columns
from msclong.errors import DataError, listing
from msclong.spec.model_spec import COLUMNS, ModelSpec

MOST_LEVELS = 30
"""Columns with more values than this hold neither arms nor planned visits."""


@dataclass(frozen=True, eq=False)
class OutcomeTable:
    """Rows and columns of one outcome.

    notes : what was left out of the study's table, a sentence each. gone : levels of columns that left with it, among
    which a fit must not find its arms.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    gone: Mapping[str, tuple[object, ...]] = field(default_factory=dict)


def outcome_table(
    spec: ModelSpec, table: pd.DataFrame, rows: Mapping[str, object], approximation: bool = False
) -> OutcomeTable:
    """The rows that `rows` selects and the columns that the spec reads.

    A table of many outcomes has rows in which this one was not meant to be measured: visits at which nobody has
    it, and subjects who never have. These leave, with a note; a missed visit stays. Grades in words become numbers for
    an approximation. The caller's table is not changed. Raises DataError where nothing is left, and for a column that
    is not there (FormulaError, if a formula names it).
    """
    refuse_unknown_columns(spec, table)
    chosen = _selected(marked(table), rows)
    outcome = spec.parsed.outcome
    wanted = columns_of(spec, chosen)
    frame = chosen[[name for name in chosen.columns if name in wanted]]
    read = [outcome] if outcome in frame.columns else columns_in(outcome, frame.columns)
    if not read:
        return OutcomeTable(frame)  # `fit` says what is wrong with it
    observed = frame[read].notna().all(axis="columns")
    if not observed.any():
        raise DataError(f"{outcome} has no observed value in {len(frame)} rows.")
    keep, notes = pd.Series(True, index=frame.index), []
    for what, column in (("visits", spec.visit_column), ("subjects", spec.subject)):
        if column not in frame.columns:
            continue
        measured = set(frame.loc[observed, column].unique())
        absent = [level for level in frame[column].dropna().unique() if level not in measured]
        if absent:
            keep &= ~frame[column].isin(absent)
            named = f": {listing(_plain(absent))}" if what == "visits" else ""
            notes.append(
                f"{len(absent)} {what if len(absent) > 1 else what[:-1]} without this outcome{named}."
            )
    before, frame = frame, frame[keep]
    gone = {
        str(name): tuple(_plain(set(before[name].dropna().unique()) - set(frame[name].unique())))
        for name in frame.columns
        if name not in roles_of(spec) and before[name].nunique() <= MOST_LEVELS
    }
    for name in frame.columns:  # levels that left with the rows
        if isinstance(frame[name].dtype, pd.CategoricalDtype) and name not in read:
            left, levels = frame[name].cat.remove_unused_categories(), before[name].cat.categories.tolist()
            if name == spec.visit_column and levels != sorted(levels, key=str):
                left = left.cat.as_ordered()  # what is left of a stated order may look like the alphabet's
            frame = frame.assign(**{name: left})
    if approximation and outcome in frame.columns:
        coded, coding = coded_outcome(frame[outcome])
        frame = frame.assign(**{outcome: coded})
        notes += coding
    return OutcomeTable(frame, tuple(notes), {name: levels for name, levels in gone.items() if levels})


def with_visits_of(spec: ModelSpec, frame: pd.DataFrame, study: Set[object]) -> ModelSpec:
    """The spec without those visits of its order that only other outcomes of the study have."""
    if spec.visit_order is None or spec.visit_column not in frame.columns:
        return spec
    there = set(frame[spec.visit_column].unique())
    kept = tuple(visit for visit in spec.visit_order if visit in there or visit not in study)
    return spec if kept == spec.visit_order else spec.replace(visit_order=kept)


def first_visit(visits: pd.Series, times: pd.Series | None, spec: ModelSpec) -> object:
    """The first of the visits in these rows; None where nothing states their order, or they are no planned visits."""
    there = visits.dropna()
    levels = list(there.unique())
    if not 0 < len(levels) <= MOST_LEVELS:
        return None
    stated = None if spec.visit_order is None else [visit for visit in spec.visit_order if visit in levels]
    if isinstance(there.dtype, pd.CategoricalDtype):
        there = there.cat.set_categories([level for level in there.cat.categories if level in levels])
    try:
        return ordered_visits(there, None if times is None else times[there.index], stated)[0][0]
    except DataError:  # `fit` says so
        return None


def _selected(table: pd.DataFrame, rows: Mapping[str, object]) -> pd.DataFrame:
    keep = np.ones(len(table), dtype=bool)
    for column, value in rows.items():
        if column not in table.columns:
            raise DataError(
                f"There is no column {column!r}, which rows= names. {where_it_may_be(table, column)}"
            )
        values = value if isinstance(value, tuple) else [value]
        keep &= table[column].isin(values).to_numpy()
        if not keep.any():
            raise DataError(
                f"No row has {column} {value!r}; it has {listing(map(repr, table[column].unique()), 12)}."
            )
    return table.loc[keep] if rows else table


def roles_of(spec: ModelSpec) -> set[Hashable]:
    """Columns that have a role other than the arm's."""
    roles = {getattr(spec, name) for name in COLUMNS if name != "arm"} | {spec.visit_column, spec.parsed.time}
    return roles | {spec.subject} | {column for grouping in spec.parsed.groupings for column in grouping}


def observed_rows(spec: ModelSpec, table: pd.DataFrame) -> pd.Series:
    """Which rows have all that the outcome is computed from."""
    outcome = spec.parsed.outcome
    read = [outcome] if outcome in table.columns else columns_in(outcome, table.columns)
    return table[read].notna().all(axis="columns") & bool(read)


def columns_of(spec: ModelSpec, table: pd.DataFrame) -> set[Hashable]:
    """Columns that have a role, or whose name stands in a formula."""
    roles = roles_of(spec) | {spec.arm}
    text = f"{spec.formula} {spec.hurdle or ''}"
    named = {c for c in table.columns if re.search(rf"(?<!\w){re.escape(str(c))}(?!\w)", text)}
    return named | roles


def _plain(levels: Iterable[object]) -> list[object]:
    return [level.item() if isinstance(level, np.generic) else level for level in levels]
