"""What all parts of a table must agree on: the columns with their levels, the visits in order, the arms."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.keys import levels as sorted_levels
from msclong.data.streams.scan import ColumnScan, Scan
from msclong.data.visit_order import ordered_visits
from msclong.errors import DataError, DataWarning, listing, warn

VERSION = 1
"""Of the file that `Schema.save` writes."""


@dataclass(frozen=True)
class Column:
    """What values a column has.

    kind : 'factor' (text, or categories), 'truth', 'whole' or 'number'. levels : of a factor in the order in which a
    formula codes them; of numbers ascending, None where they are not listed. ordered : of categories.
    """

    kind: str
    levels: tuple[Any, ...] | None = None
    ordered: bool = False

    @property
    def dtype(self) -> Any:
        """The pandas dtype that the column has in a table that is fitted in memory."""
        if self.kind == "factor":
            return pd.CategoricalDtype(list(self.levels or ()), ordered=self.ordered)
        return {"truth": bool, "whole": np.dtype("int64"), "number": np.dtype("float64")}[self.kind]


@dataclass(frozen=True)
class Schema:
    """What the parts of a table, or the hospitals of a trial, must agree on before their sums can be added up.

    Make one of a table with `ml.schema_of`, or state it: it names no patient. Compare by value; `save` and `load` as
    JSON.

    columns : the columns that a model reads, by name.
    visit, visits, baseline : the visit column, its observed levels in order of time, and what change is measured from.
    arm, arms : the arm column and its levels.
    time, times : the time column, and the median time of each visit, where the visit is another column.
    notes : what was noticed, a sentence each.

    Examples
    --------
    >>> import msclong as ml
    >>> schema = ml.schema_of("change ~ basval + TRT * week + us(week | PATIENT)", ml.datasets.hamd17())
    >>> schema.visits, schema.columns["TRT"].levels
    ((1, 2, 4, 6, 8), ('1', '2'))
    """

    columns: Mapping[str, Column]
    visit: str | None = None
    visits: tuple[Hashable, ...] = ()
    baseline: Hashable | None = None
    arm: str | None = None
    arms: tuple[Hashable, ...] = ()
    time: str | None = None
    times: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def frame(self, codes: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
        """A table of columns in the dtypes that they have in memory."""
        return pd.DataFrame(
            {name: pd.Series(values, dtype=self.columns[name].dtype) for name, values in codes.items()}
        )

    def __or__(self, other: Schema) -> Schema:
        """The levels of both, each order kept; median times of visits, which areas under curves use, are the first's.

        Raises DataError where they differ otherwise, or where nothing says how the levels of one lie among the other's.
        """
        if not isinstance(other, Schema):
            return NotImplemented
        if (roles := (self.visit, self.arm, self.time)) != (other.visit, other.arm, other.time):
            raise DataError(f"The schemas name other columns for visit, arm and time: {roles} in one.")
        if set(self.columns) != set(other.columns):
            raise DataError(
                f"The schemas are of other columns: {listing(sorted(set(self.columns) ^ set(other.columns)))}."
            )
        columns = {name: _both(name, one, other.columns[name]) for name, one in self.columns.items()}
        visits = _merged(str(self.visit), self.visits, other.visits)
        if self.visit is not None and columns[self.visit].kind == "factor":
            columns[self.visit] = Column("factor", visits, ordered=True)
        arms = () if self.arm is None else columns[self.arm].levels or ()
        times = dict(zip(other.visits, other.times, strict=False)) | dict(
            zip(self.visits, self.times, strict=False)
        )
        return Schema(
            columns,
            self.visit,
            visits,
            self.baseline if self.baseline in visits[:1] or self.baseline == other.baseline else visits[0],
            self.arm,
            arms,
            self.time,
            tuple(times[visit] for visit in visits) if times else (),
            tuple(dict.fromkeys([*self.notes, *other.notes])),
        )

    def agrees(self, other: Schema) -> str | None:
        """What differs from another schema, in words; None where nothing does."""
        for name in ("visit", "visits", "baseline", "arm", "arms"):
            if getattr(self, name) != getattr(other, name):
                return f"{name} is {getattr(self, name)!r} in one and {getattr(other, name)!r} in the other"
        for name in dict.fromkeys([*self.columns, *other.columns]):
            one, two = self.columns.get(name), other.columns.get(name)
            if one != two:
                return f"the column {name!r} is {one!r} in one and {two!r} in the other"
        return None

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {"schema": VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Schema:
        """The schema that `to_dict` told. Raises DataError for anything else."""
        try:
            if record["schema"] != VERSION:
                raise DataError(
                    f"The schema has version {record['schema']!r}, and this msclong reads {VERSION}; use the msclong "
                    "that wrote it."
                )
            columns = {
                str(name): Column(
                    _one_of(c["kind"], ("factor", "truth", "whole", "number")),
                    _levels(c["levels"]),
                    bool(c["ordered"]),
                )
                for name, c in record["columns"].items()
            }
            rest: dict[str, Any] = {name: record[name] for name in ("visit", "baseline", "arm", "time")}
            _levels([value for value in rest.values() if value is not None])
            rest |= {name: _levels(list(record[name])) for name in ("visits", "arms", "times", "notes")}
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"This is no schema of msclong ({error!r}); make one with ml.schema_of."
            ) from None
        return cls(columns=columns, **rest)

    def save(self, path: str | Path) -> None:
        """Write the schema as JSON."""
        Path(path).write_text(
            json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )

    @classmethod
    def load(cls, path: str | Path) -> Schema:
        """Read what `save` wrote. Raises DataError for another file."""
        try:
            record = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path} is no schema of msclong: {error}.") from None
        return cls.from_dict(record)


def schema_of_scan(
    found: Scan,
    outcome: str,
    visit: str | None,
    time: str | None,
    arm: str | None,
    baseline: Hashable | None,
    visit_order: Sequence[Hashable] | None,
) -> Schema:
    """The schema of a table that was looked at. Raises and warns as LongData does of the same table in memory."""
    if not found.n_rows:
        raise DataError("The table has no rows. Check the filter that made it.")
    if not found.n_obs:
        raise DataError(
            f"The outcome column {outcome!r} is missing in every row. Check that it is the right column, and that a "
            "conversion to numbers did not turn all of it to missing."
        )
    notes: list[str] = []
    columns = {name: _column(name, one, notes, visit) for name, one in found.columns.items()}
    visits: tuple[Hashable, ...] = ()
    medians: dict[Hashable, float] = {}
    if visit is not None:
        medians = _medians({key: n for key, (n, _) in found.times.items()})
        visits = _visits(found.columns[visit], visit, outcome, time, medians, visit_order, notes)
        if columns[visit].kind == "factor":
            columns[visit] = Column("factor", visits, ordered=True)
        else:
            # Visits of a column that is no factor are numbers, which the type of levels does not say.
            columns[visit] = Column(columns[visit].kind, tuple(sorted(visits)))  # type: ignore[type-var]
        if baseline is not None and baseline not in visits:
            raise DataError(
                f"The baseline {baseline!r} is not an observed visit. The visits in {visit!r} are "
                f"{listing(map(repr, visits), most=20)}."
            )
        baseline = visits[0] if baseline is None else baseline
    elif baseline is not None or visit_order is not None:
        what = "baseline" if baseline is not None else "visit_order"
        raise DataError(f"{what}= is about visits, but no visit column is named. Give visit= as well.")
    arms: tuple[Hashable, ...] = ()
    if arm is not None:
        arms = columns[arm].levels or ()
        if columns[arm].kind in ("whole", "number"):
            notes.append(f"The arm {arm!r} is numeric: a formula takes it as a number unless C({arm}).")
    _refuse_missing(found, [name for name in (visit, arm) if name is not None])
    when = _medians({key: n for key, (_, n) in found.times.items() if n})
    return Schema(
        columns, visit, visits, baseline, arm, arms, time, tuple(when.get(v, np.nan) for v in visits) if when else (),
        tuple(notes),
    )  # fmt: skip


def _both(name: str, one: Column, two: Column) -> Column:
    numbers = {"whole", "number"}
    if one.kind != two.kind and not {one.kind, two.kind} <= numbers:
        raise DataError(
            f"The column {name!r} is {one.kind} in one schema and {two.kind} in the other; make it one."
        )
    kind = one.kind if one.kind == two.kind else "number"
    if one.levels is None or two.levels is None:
        return Column(kind)
    return Column(kind, _merged(name, one.levels, two.levels), one.ordered or two.ordered)


def _merged(name: str, one: Sequence[Any], two: Sequence[Any]) -> tuple[Any, ...]:
    """The levels of both: sorted where both are, else in the one order that keeps both."""
    every = list(dict.fromkeys([*one, *two]))
    in_order = sorted_levels(pd.Series(every, dtype=object))
    if all(list(some) == [level for level in in_order if level in some] for some in (one, two)):
        return tuple(in_order)
    graph = TopologicalSorter(dict.fromkeys(every, ()))
    for some in (one, two):
        for before, after in pairwise(some):
            graph.add(after, before)
    merged: list[Any] = []
    try:
        graph.prepare()
        while graph.is_active():
            (level,) = graph.get_ready()
            merged.append(level)
            graph.done(level)
    except (CycleError, ValueError):
        raise DataError(
            f"Nothing says in which order the levels of {name!r} stand: {listing(map(repr, one), 20)} in one schema, "
            f"{listing(map(repr, two), 20)} in the other. Make the schema of a table that has all of them."
        ) from None
    return tuple(merged)


def _column(name: str, found: ColumnScan, notes: list[str], visit: str | None) -> Column:
    seen = found.levels
    if found.kind == "number":
        plain = int if found.whole else float
        levels = (
            None if seen is None else tuple(sorted(plain(v) for v, (_, observed) in seen.items() if observed))
        )
        return Column("whole" if found.whole else "number", levels)
    assert seen is not None
    gone = sorted(str(v) for v, (_, observed) in seen.items() if not observed)
    if found.kind == "truth":
        return Column("truth", (False, True))
    if found.categories is not None:
        unused = [v for v in found.categories if v not in seen]
        if unused:
            notes.append(f"No row has {listing(map(repr, unused))} in {name!r}; left out of its levels.")
        order: Sequence[Any] = found.categories
    else:
        order = sorted_levels(pd.Series(list(seen), dtype=object))
    if gone and name != visit:  # of visits more is told
        notes.append(f"Levels of {name} without any observed outcome left the model: {gone}.")
    return Column("factor", tuple(v for v in order if v in seen and seen[v][1]), found.ordered)


def _visits(
    found: ColumnScan,
    visit: str,
    outcome: str,
    time: str | None,
    medians: Mapping[Hashable, float],
    stated: Sequence[Hashable] | None,
    notes: list[str],
) -> tuple[Hashable, ...]:
    """The observed visits in order of time: the rules are those of `ordered_visits`, which is given a row a visit."""
    seen = found.levels
    if seen is None:
        raise DataError(
            f"The visit column {visit!r} has more distinct numbers than visits can have: name the planned visit, and "
            "give measured times with time=."
        )
    present = [v for v in (found.categories or seen) if v in seen]
    column = pd.Series(present, name=visit)
    if found.kind == "number":
        column = column.astype("int64" if found.whole else "float64")
    elif found.categories is not None:
        column = column.astype(object).astype(pd.CategoricalDtype(present, ordered=found.ordered))
    else:
        column = column.astype(object).astype("category")
    middle = None if time is None else pd.Series([medians.get(v, np.nan) for v in present], name=time)
    ordered, source = ordered_visits(column, middle, stated)
    notes.insert(0, f"The order of the visits is taken from {source}.")
    unattended = [v for v in ordered if not seen[v][1]]
    if unattended:
        message = (
            f"Nobody has an observed {outcome!r} at {visit} {listing(map(repr, unattended))}; the "
            f"{sum(seen[v][0] for v in unattended)} rows of it are left out. If it was measured, check the merge."
        )
        notes.insert(1, message)
        warn(message, DataWarning)
    visits = tuple(v for v in ordered if seen[v][1])
    if len(visits) == 1:
        raise DataError(
            f"Only one visit has an observed {outcome!r}: {visits[0]!r}. A longitudinal model needs two or more; check "
            "the filter, and that visit= names the right column."
        )
    return visits


def _medians(times: Mapping[tuple[Hashable, float], int]) -> dict[Hashable, float]:
    """The median time of each visit from its counted times."""
    by_visit: dict[Hashable, list[tuple[float, int]]] = {}
    for (visit, when), n in times.items():
        by_visit.setdefault(visit, []).append((when, n))
    found: dict[Hashable, float] = {}
    for visit, counted in by_visit.items():
        at, rows = (np.array(part) for part in zip(*sorted(counted), strict=True))
        upto = np.cumsum(rows)
        low, high = (at[np.searchsorted(upto, rank + 1)] for rank in ((upto[-1] - 1) // 2, upto[-1] // 2))
        found[visit] = float((low + high) / 2)
    return found


def _refuse_missing(found: Scan, keys: Sequence[str]) -> None:
    for name in keys:
        if empty := found.columns[name].empty:
            raise DataError(
                f"The column {name!r} is missing or blank in rows {listing(empty)} (counted from 0). Fill it in or "
                "remove these rows."
            )
    for name, column in found.columns.items():
        if column.missing:
            raise DataError(
                f"{column.missing} rows have no value of {name!r} but an outcome: rows {listing(column.rows)} "
                f"(counted from 0). Fill them, or leave them out yourself beforehand, so that the analysis set is your "
                "decision."
            )


def _levels(values: Any) -> tuple[Any, ...] | None:
    if values is None:
        return None
    if not isinstance(values, list | tuple) or not all(isinstance(v, str | int | float) for v in values):
        raise TypeError(f"{values!r} is no list of levels")
    return tuple(values)


def _one_of(value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise KeyError(value)
    return str(value)
