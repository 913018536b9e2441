"""Groups of patients so small that their sums would tell of one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np

from msclong.design.streamed.reading import Reading, SubjectRows
from msclong.errors import DataError, listing
from msclong.linear_hypothesis import label

Group = tuple[int, bytes]
"""Patients with the same coordinates, and the same levels of all that is listed, in each of their t rows."""


def groups_of(rows: SubjectRows) -> tuple[list[Group], np.ndarray]:
    """The groups of whole subjects, and the (n,) positions of the subjects' groups among them."""
    radix = rows.read.radix(rows.codes)
    # Numbers by their bits, so that equal ones alone are equal.
    coords = np.ascontiguousarray(rows.coords).view(np.int64).reshape(len(rows.coords), -1)
    seen = np.column_stack([radix, coords[rows.at]])
    starts = np.flatnonzero(rows.new)
    groups: list[Group] = []
    which = np.empty(len(starts), dtype=np.intp)
    for t in np.unique(rows.lengths).tolist():
        members = np.flatnonzero(rows.lengths == t)
        shape = seen[starts[members][:, None] + np.arange(t)].reshape(len(members), -1)
        different, place = np.unique(shape, axis=0, return_inverse=True)
        which[members] = len(groups) + place.reshape(-1)
        groups += [(t, row.tobytes()) for row in different]
    return groups, which


def counted(rows: SubjectRows) -> Counter[Group]:
    """The number of subjects of each group."""
    groups, which = groups_of(rows)
    return Counter(dict(zip(groups, np.bincount(which, minlength=len(groups)).tolist(), strict=True)))


def without(rows: SubjectRows, left_out: Collection[Group]) -> SubjectRows:
    """The rows of the subjects whose groups are not in `left_out`."""
    groups, which = groups_of(rows)
    kept = np.array([group not in left_out for group in groups], dtype=bool)
    return rows.taken(np.flatnonzero(np.repeat(kept[which], rows.lengths)))


def refuse_small(read: Reading, small: Counter[Group], minimum_count: int) -> None:
    """Raise DataError that lists groups of fewer than `minimum_count` patients; it is for the eyes of their site."""
    lines = [f"{_patients(n)} with {_described(read, group)}" for group, n in small.most_common()]
    raise DataError(
        f"{len(small)} groups have fewer than minimum_count={minimum_count} patients, of whom sums would tell: "
        f"{listing(lines, 12)}. Leave these {small.total()} patients out (leave_out=True; where they dropped out, this "
        "may bias), or drop or merge factors or levels. Groups are patients seen at the same visits, with the same "
        "levels of everything that the schema lists."
    )


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
