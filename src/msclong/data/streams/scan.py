"""What a first look at a table read in parts tells: levels, counts, and what no model could read."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from msclong.data.measurements import measurement
from msclong.data.streams.chunk import Chunk, Kind
from msclong.errors import DataError, listing

MOST_LEVELS = 10_000
"""A column of numbers with more distinct values has none listed."""

MOST_TIMES = 1_000_000
"""Distinct times of all visits that are counted for their medians."""

MOST_NAMED = 8
"""Rows that a message names."""


@dataclass
class ColumnScan:
    """What was seen of one column.

    levels : distinct values, with the number of their rows, and of those with an outcome; None where they are too many
    numbers.
    categories : in their order, of a column of categories. whole : whether all numbers are whole and there.
    missing, rows : how many rows lack it that have an outcome, and the first of them. empty : the first of all rows
    that lack it or are blank.
    """

    kind: Kind
    levels: dict[Any, tuple[int, int]] | None = field(default_factory=dict)
    categories: tuple[Any, ...] | None = None
    ordered: bool = False
    whole: bool = True
    missing: int = 0
    rows: tuple[int, ...] = ()
    empty: tuple[int, ...] = ()

    def merged(self, other: ColumnScan, name: str) -> ColumnScan:
        one, two = self._as_if_like(other), other._as_if_like(self)
        if one.kind != two.kind:
            raise DataError(
                f"The column {name!r} holds {one.kind} in one part of the data and {two.kind} in another; store it "
                "as one type in all of them."
            )
        if one.categories != two.categories:
            raise DataError(
                f"The categories of {name!r} are {listing(map(repr, one.categories or ()))} in one part of the data "
                f"and {listing(map(repr, two.categories or ()))} in another. Give all parts the same categories in "
                "the same order, or store the column as text."
            )
        levels = one.levels
        if levels is None or two.levels is None:
            levels = None
        else:
            levels = dict(levels)
            for level, (rows, observed) in two.levels.items():
                before = levels.get(level, (0, 0))
                levels[level] = (before[0] + rows, before[1] + observed)
            levels = levels if one.kind != "number" or len(levels) <= MOST_LEVELS else None
        return ColumnScan(
            one.kind,
            levels,
            one.categories,
            one.ordered or two.ordered,
            one.whole and two.whole,
            one.missing + two.missing,
            (one.rows + two.rows)[:MOST_NAMED],
            (one.empty + two.empty)[:MOST_NAMED],
        )

    def _as_if_like(self, other: ColumnScan) -> ColumnScan:
        """The same; of a part without any value, whose type says nothing, with the kind of another."""
        if self.kind == "number" and self.levels == {}:
            return replace(self, kind=other.kind, categories=other.categories)
        return self


@dataclass
class Scan:
    """The sum of what was seen of some parts of a table; `a + b` is that of both.

    n_rows, n_obs : rows, and those with an outcome. columns : by name. times : where asked, {(visit, time): its rows
    and those with an outcome}. subject : what the subjects are, numbers or not.
    """

    n_rows: int
    n_obs: int
    columns: Mapping[str, ColumnScan]
    times: Mapping[tuple[Hashable, float], tuple[int, int]] = field(default_factory=dict)
    subject: Kind | None = None

    def __add__(self, other: Scan) -> Scan:
        if self.subject != other.subject:
            raise DataError(
                f"The subjects are {self.subject} in one part of the data and {other.subject} in another, so that none "
                "of one part would be found in the other; store them as one type in all of them."
            )
        columns = {name: one.merged(other.columns[name], name) for name, one in self.columns.items()}
        times = dict(self.times)
        for key, (n, observed) in other.times.items():
            before = times.get(key, (0, 0))
            times[key] = (before[0] + n, before[1] + observed)
        if len(times) > MOST_TIMES:
            raise DataError(
                f"The time column has more than {MOST_TIMES:,} distinct values, too many for the visits' medians. "
                "Round it (to days, say), or state the order of the visits and leave time= out."
            )
        return Scan(self.n_rows + other.n_rows, self.n_obs + other.n_obs, columns, times, self.subject)


def scan(
    chunk: Chunk,
    outcome: np.ndarray,
    columns: Iterable[str],
    times: tuple[str, str] | None = None,
    subject: str | None = None,
) -> Scan:
    """What one part of a table tells.

    outcome : (N,) floats, NaN where missing. columns : to look at. times : the visit and the time column.
    """
    observed = ~np.isnan(outcome)
    found = {name: _column(chunk, name, observed) for name in columns}
    counted: dict[tuple[Hashable, float], tuple[int, int]] = {}
    if times is not None:
        at, visits = chunk.coded(times[0])
        when = measured(chunk, times[1], "time")
        which = np.flatnonzero(~np.isnan(when) & (at >= 0))
        pairs, place = np.unique(np.column_stack([at[which], when[which]]), axis=0, return_inverse=True)
        rows = np.bincount(place.reshape(-1), minlength=len(pairs)).tolist()
        seen = np.bincount(place.reshape(-1)[observed[which]], minlength=len(pairs)).tolist()
        counted = {
            (visits[int(v)], float(t)): (n, k)
            for (v, t), n, k in zip(pairs.tolist(), rows, seen, strict=True)
        }
    return Scan(len(chunk), int(observed.sum()), found, counted, kind_of_subject(chunk, subject))


def _column(chunk: Chunk, name: str, observed: np.ndarray) -> ColumnScan:
    kind = chunk.kind(name)
    # A measured covariate shows in its first rows that its values are too many to list.
    if kind == "number" and len(np.unique(chunk.floats(name)[: 2 * MOST_LEVELS])) > MOST_LEVELS:
        numbers = chunk.floats(name)
        lacking = np.isnan(numbers)
        levels: dict[Any, tuple[int, int]] | None = None
    else:
        codes, values = chunk.coded(name)
        lacking, levels = codes < 0, None
        if kind != "number" or len(values) <= MOST_LEVELS:
            rows = np.bincount(codes + 1, minlength=len(values) + 1)[1:]
            with_outcome = np.bincount(codes[observed] + 1, minlength=len(values) + 1)[1:]
            levels = {
                value: (int(rows[i]), int(with_outcome[i])) for i, value in enumerate(values) if rows[i]
            }
    result = ColumnScan(kind, levels, whole=kind == "number" and chunk.integer(name))
    if kind == "category":
        result.categories = tuple(chunk.coded(name)[1])
        result.ordered = chunk.table.schema.field(name).type.ordered
    blank = [value for value in levels or () if isinstance(value, str) and not value.strip()]
    empty = lacking | np.isin(codes, [values.index(value) for value in blank]) if blank else lacking
    if empty.any():
        result.empty = tuple(chunk.rows[np.flatnonzero(empty)[:MOST_NAMED]].tolist())
    if lacking.any():
        which = np.flatnonzero(lacking & observed)
        result.missing = len(which)
        result.rows = tuple(chunk.rows[which[:MOST_NAMED]].tolist())
    return result


def kind_of_subject(chunk: Chunk, subject: str | None) -> Kind | None:
    """What subjects are: categories of text are text."""
    if subject is None:
        return None
    kind = chunk.kind(subject)
    return "text" if kind == "category" else kind


def measured(chunk: Chunk, name: str, role: str) -> np.ndarray:
    """(N,) a column of measured numbers, NaN where missing. Raises DataError as `measurement` does."""
    if chunk.kind(name) == "number":
        values = chunk.floats(name)
        if not np.isinf(values).any():
            return values
    return measurement(chunk.frame([name])[name], role).to_numpy()
