"""Groups of patients so small, or so alike, that their sums would tell of one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.data.codes import Codes, distinct
from msclong.design.cross_moments import CrossMoments
from msclong.design.streamed.reading import Reading, SubjectRows
from msclong.errors import DataError, listing
from msclong.linear_hypothesis import label

SOLVED = 3
"""Values of a number whose frequencies follow from its count, sum and sum of squares."""

HEAD = 200
"""Values that are looked at first, for of measured numbers they are all different."""

Group = tuple[int, bytes]
"""Patients with the same coordinates, and the same levels of all that is listed, in each of their t rows."""


@dataclass
class Members:
    """What is counted of a group.

    n : its patients. values : for each number of a patient (see `_numbers`) how many have which value; None where more
    values differ than any rule asks for.
    """

    n: int
    values: list[Counter[float] | None]

    def merged(self, other: Members, most: int) -> Members:
        both = zip(self.values, other.values, strict=True)
        values = [None if a is None or b is None else _few(a + b, most) for a, b in both]
        return Members(self.n + other.n, values)

    def telling(self, minimum_count: int) -> int | None:
        """The first number that sets fewer than `minimum_count` patients of the group apart; None where none does.

        Where a number is the same in all but few patients, its products with another are sums over these few: with
        one patient left, that patient's outcomes.
        """
        for i, counts in enumerate(self.values):
            if counts is None or len(counts) == 1:
                continue
            most = max(counts.values())
            known = len(counts) <= SOLVED and min(counts.values()) < minimum_count
            if known or (2 * most >= self.n and self.n - most < minimum_count):
                return i
        return None


def groups_of(rows: SubjectRows) -> tuple[list[Group], np.ndarray]:
    """The groups of whole subjects, and the (n,) positions of the subjects' groups among them."""
    starts = np.flatnonzero(rows.new)
    groups: list[Group] = []
    which = np.empty(len(starts), dtype=np.intp)
    if not len(starts):
        return groups, which
    radix = rows.read.radix(rows.codes)
    # Numbers by their bits, so that equal ones alone are equal.
    coords = np.ascontiguousarray(rows.coords).view(np.int64).reshape(len(rows.coords), -1)
    alike, n = distinct([(rows.cell, int(rows.cell.max()) + 1), (rows.at, len(rows.coords))])
    for t in np.unique(rows.lengths).tolist():
        members = np.flatnonzero(rows.lengths == t)
        index = starts[members][:, None] + np.arange(t)
        place, n_groups = distinct([(alike[at], n) for at in index.T])
        which[members] = len(groups) + place
        one = index[Codes(place, pd.RangeIndex(n_groups)).first_rows()]
        seen = np.concatenate([radix[one][..., None], coords[rows.at[one]]], axis=2)
        groups += [(t, row.tobytes()) for row in seen]
    return groups, which


def counted(rows: SubjectRows, minimum_count: int) -> dict[Group, Members]:
    """What is counted of each group."""
    groups, which = groups_of(rows)
    numbers = np.array([values for _, values in _numbers(rows)])
    starts, most = np.flatnonzero(rows.new), _most(minimum_count)
    found = {}
    for i, group in enumerate(groups):
        members = starts[which == i]
        values = [_counter(row[members + s], most) for row in numbers for s in range(group[0])]
        found[group] = Members(len(members), values)
    return found


def merged(parts: Iterable[dict[Group, Members]], minimum_count: int) -> dict[Group, Members]:
    """What is counted of the groups of several parts of a table."""
    found: dict[Group, Members] = {}
    for part in parts:
        for group, members in part.items():
            found[group] = found[group].merged(members, _most(minimum_count)) if group in found else members
    return found


def without(rows: SubjectRows, left_out: Collection[Group]) -> SubjectRows:
    """The rows of the subjects whose groups are not in `left_out`."""
    groups, which = groups_of(rows)
    kept = np.array([group not in left_out for group in groups], dtype=bool)
    return rows.taken(np.flatnonzero(np.repeat(kept[which], rows.lengths)))


def telling(read: Reading, found: Mapping[Group, Members], minimum_count: int) -> dict[Group, str]:
    """The groups whose sums would tell of one patient, and why, in words for the eyes of their site."""
    if minimum_count == 1:
        return {}
    result = {}
    for group, members in sorted(found.items(), key=lambda item: -item[1].n):
        if members.n < minimum_count:
            result[group] = f"{_patients(members.n)} with {_described(read, group)}"
        elif (number := members.telling(minimum_count)) is not None:
            name = _number_names(read)[number // group[0]]
            result[group] = (
                f"{name!r} sets few of {_patients(members.n)} apart, with {_described(read, group)}"
            )
    return result


def crowded(
    read: Reading, found: Collection[Group], moments: CrossMoments, minimum_count: int
) -> dict[Group, str]:
    """The groups in patterns of which there are hardly more patients than numbers of them are sent.

    moments : roots that follow from inner products alone. With as many rows as patients a root is the patients' rows,
    turned; and where values are whole, or have few digits, rows can be found from it by search.
    """
    if minimum_count == 1:
        return {}
    short: dict[Group, str] = {}
    for block in moments.blocks:
        roots = np.bincount(block.pattern, minlength=len(block.n))
        for coords, n, size in zip(block.coords, block.n.tolist(), roots.tolist(), strict=True):
            if n >= size + minimum_count:
                continue
            pattern = (block.t, np.ascontiguousarray(coords).tobytes())
            for group in found:
                if _pattern(group) == pattern:
                    short[group] = (
                        f"{_patients(n)} of whom {size} numbers each would be sent, among them those with "
                        f"{_described(read, group)}"
                    )
    return short


def refuse(reasons: Mapping[Group, str], found: Mapping[Group, Members], minimum_count: int) -> None:
    """Raise DataError that lists groups whose sums would tell of a patient; it is for the eyes of their site."""
    if not reasons:
        return
    n = sum(found[group].n for group in reasons)
    raise DataError(
        f"Sums of groups of fewer than minimum_count={minimum_count} patients, or that set fewer apart, would tell of "
        f"them: {listing(reasons.values(), 12)}. Leave out the patients of these groups, {n} in all (leave_out=True; "
        "where they dropped out, this may bias), or drop or merge factors or levels; a number with few values can be "
        "listed in the schema, which leaves out fewer. Groups are patients seen at the same visits, with the same "
        "levels of everything that the schema lists."
    )


def _numbers(rows: SubjectRows) -> list[tuple[str, np.ndarray]]:
    """What of each row is summed that is not listed: covariates, what the formula makes of them, the outcome."""
    names = _number_names(rows.read)
    averaged = dict(zip(rows.read.averaged, rows.numbers, strict=True))
    made = dict(zip(_products(rows.read), rows.covariates.T, strict=True))
    return [(name, {**averaged, **made, names[-1]: rows.y}[name]) for name in names]


def _number_names(read: Reading) -> list[str]:
    return list(dict.fromkeys([*read.averaged, *_products(read), read.names[-1]]))


def _products(read: Reading) -> list[str]:
    """What the formula makes of numbers, one name for each of `SubjectRows.covariates`."""
    return [
        ":".join(f"{factor.name()}[{k}]" if k else factor.name() for factor, k in parts)
        for parts in read.expansion.products[1:]
    ]


def _most(minimum_count: int) -> int:
    # With more values than these, no value is had by all but fewer than minimum_count.
    return max(SOLVED, minimum_count)


def _few(counts: Counter[float], most: int) -> Counter[float] | None:
    return counts if len(counts) <= most else None


def _counter(values: np.ndarray, most: int) -> Counter[float] | None:
    if len(np.unique(values[:HEAD])) > most:
        return None
    found, n = np.unique(values, return_counts=True)
    return _few(Counter(dict(zip(found.tolist(), n.tolist(), strict=True))), most)


def _pattern(group: Group) -> Group:
    """The coordinates of a group, as bytes."""
    t, key = group
    return t, np.frombuffer(key, dtype=np.int64).reshape(t, -1)[:, 1:].tobytes()


def _patients(n: int) -> str:
    return f"{n} patient{'s' if n > 1 else ''}"


def _described(read: Reading, group: Group) -> str:
    t, key = group
    radix = np.frombuffer(key, dtype=np.int64).reshape(t, -1)[:, 0]
    cells = read.cells(read.codes_of(radix))
    told = []
    for name in cells:
        levels = list(map(label, cells[name].tolist()))
        told.append(f"{name} {', '.join(levels) if len(set(levels)) > 1 else levels[0]}")
    return "; ".join(told) if told else f"{t} observations"
