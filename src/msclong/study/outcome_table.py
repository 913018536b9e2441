"""The part of a study's table that one outcome's model reads."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from msclong.data.coded_outcome import coded_outcome
from msclong.data.marks import marked
from msclong.design.fixed_effects import columns_in
from msclong.errors import DataError, listing
from msclong.spec.model_spec import COLUMNS, ModelSpec

MOST_ARMS = 20
"""Columns with more values than this are not looked at for arms that have left."""


@dataclass(frozen=True, eq=False)
class OutcomeTable:
    """Rows and columns of one outcome.

    notes : what was left out of the study's table, a sentence each. gone : levels of columns that left with it, among
    which a fit must not find its arms.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    gone: Mapping[str, tuple[object, ...]] = field(default_factory=dict)


def outcome_table(spec: ModelSpec, table: pd.DataFrame, rows: Mapping[str, object]) -> OutcomeTable:
    """The rows that `rows` selects and the columns that the spec reads.

    A table of many outcomes has rows in which this one was not meant to be measured: visits at which nobody has
    it, and subjects who never have. These leave, with a note; a missed visit stays. Grades in words become numbers for
    a Gaussian approximation. The caller's table is not changed. Raises DataError where nothing is left, or nobody has
    the outcome at the first visit and the spec names no other baseline: changes would be measured from another visit
    than the plan's.
    """
    chosen = _selected(marked(table), rows)
    outcome = spec.parsed.outcome
    wanted = _columns(spec, chosen)
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
        if what == "visits":
            _refuse_another_baseline(spec, frame[column], absent)
        if absent:
            keep &= ~frame[column].isin(absent)
            named = f": {listing(_plain(absent))}" if what == "visits" else ""
            notes.append(
                f"{len(absent)} {what if len(absent) > 1 else what[:-1]} without this outcome{named}."
            )
    before, frame = frame, frame[keep]
    gone = {
        str(name): tuple(set(before[name].dropna().unique()) - set(frame[name].unique()))
        for name in frame.columns
        if name not in (spec.visit_column, spec.subject) and before[name].nunique() <= MOST_ARMS
    }
    for name in frame.columns:  # levels that left with the rows
        if isinstance(frame[name].dtype, pd.CategoricalDtype) and name not in read:
            frame = frame.assign(**{name: frame[name].cat.remove_unused_categories()})
    if not spec.conditional and outcome in frame.columns:
        coded, coding = coded_outcome(frame[outcome])
        frame = frame.assign(**{outcome: coded})
        notes += coding
    return OutcomeTable(frame, tuple(notes), {name: levels for name, levels in gone.items() if levels})


def with_visits_of(spec: ModelSpec, frame: pd.DataFrame) -> ModelSpec:
    """The spec with those visits of its order that the frame has: an order that outcomes share names them all."""
    if spec.visit_order is None or spec.visit_column not in frame.columns:
        return spec
    there = set(frame[spec.visit_column].unique())
    kept = tuple(visit for visit in spec.visit_order if visit in there)
    return spec if kept == spec.visit_order else spec.replace(visit_order=kept)


def _selected(table: pd.DataFrame, rows: Mapping[str, object]) -> pd.DataFrame:
    keep = np.ones(len(table), dtype=bool)
    for column, value in rows.items():
        if column not in table.columns:
            raise DataError(
                f"rows names the column {column!r}, which the table does not have: {listing(table.columns, 20)}."
            )
        values = value if isinstance(value, tuple) else [value]
        keep &= table[column].isin(values).to_numpy()
        if not keep.any():
            raise DataError(
                f"No row has {column} {value!r}; it has {listing(map(repr, table[column].unique()), 12)}."
            )
    return table.loc[keep] if rows else table


def _refuse_another_baseline(spec: ModelSpec, visits: pd.Series, absent: list[object]) -> None:
    """Raise DataError where the first visit is absent and would silently be another one's part."""
    if spec.baseline is not None or spec.outcome_type == "change" and spec.baseline_as is None:
        return
    if spec.visit_order is not None:
        order = list(spec.visit_order)
    elif isinstance(visits.dtype, pd.CategoricalDtype) and visits.dtype.ordered:
        order = [level for level in visits.dtype.categories if (visits == level).any()]
    elif pd.api.types.is_numeric_dtype(visits):
        order = sorted(visits.dropna().unique())
    else:
        return  # `fit` asks for the order
    if order and order[0] in absent:
        raise DataError(
            f"Nobody has {spec.parsed.outcome} at the first visit, {_plain(order[:1])[0]!r}, so changes would be "
            "measured from a later one. If that is meant, say so: baseline=...; else leave the outcome out."
        )


def _columns(spec: ModelSpec, table: pd.DataFrame) -> set[Hashable]:
    """Columns that have a role, or whose name stands in a formula."""
    roles = {getattr(spec, name) for name in COLUMNS} | {spec.visit_column, spec.parsed.time}
    roles |= {column for grouping in spec.parsed.groupings for column in grouping}
    text = f"{spec.formula} {spec.hurdle or ''}"
    named = {c for c in table.columns if re.search(rf"(?<!\w){re.escape(str(c))}(?!\w)", text)}
    return named | roles


def _plain(levels: list[object]) -> list[object]:
    return [level.item() if isinstance(level, np.generic) else level for level in levels]
