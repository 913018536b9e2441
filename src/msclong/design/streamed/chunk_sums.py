"""The sums of the rows of whole subjects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from msclong.data.codes import Codes, distinct
from msclong.design.cross_moments import placed_moments
from msclong.design.factored_matrix import FactoredMatrix
from msclong.design.streamed.reading import SubjectRows
from msclong.design.streamed.tally import MOST_NAMED, Tally

AT_ONCE = 20_000_000
"""Numbers of [X, y] that are formed at a time."""


def tally_of(rows: SubjectRows) -> Tally:
    """Their tally."""
    read = rows.read
    if len(rows.y) * len(read.names) > AT_ONCE and len(rows.lengths) > 1:
        middle = int(np.flatnonzero(rows.new)[len(rows.lengths) // 2])
        first = tally_of(rows.taken(np.arange(middle)))
        first.add(tally_of(replace(rows.taken(np.arange(middle, len(rows.y))), never=[])))
        return first.merged()
    result = Tally.empty(read.names, len(read.keys), len(read.averaged))
    result.never, result.never_named = len(rows.never), tuple(rows.never[:MOST_NAMED])
    if not len(rows.y):
        return result
    result.n_subjects, result.n_obs, result.longest = len(rows.lengths), len(rows.y), int(rows.lengths.max())
    same = ~rows.new[1:]
    result.varying = np.array(
        [bool(((column[1:] != column[:-1]) & same).any()) for column in (*rows.codes, *rows.numbers)],
        dtype=bool,
    )
    X = read.X(rows)
    _add_columns(result, X, same)
    result.lowest = rows.numbers.min(axis=1)
    result.moments = placed_moments(X, rows.y, rows.who, rows.at, rows.coords, read.names)
    _add_cells(result, rows)
    return result


def _add_columns(result: Tally, X: FactoredMatrix, same: np.ndarray) -> None:
    """Whether each column of X changes within subjects, and its value where it has one only."""
    before, after = X.cell[:-1][same], X.cell[1:][same]
    pair = _distinct([(before, len(X.table)), (after, len(X.table))])[0]
    before, after = before[pair], after[pair]
    for j in range(X.n_columns):
        if X.table[:, 1:, j].any():
            x = X.column(j)
            result.changing[j] = ((x[1:] != x[:-1]) & same).any()
        else:
            x = X.table[:, 0, j]
            result.changing[j] = (x[before] != x[after]).any()
        result.constant[j] = x[0] if (x == x[0]).all() else np.nan


def _add_cells(result: Tally, rows: SubjectRows) -> None:
    t = np.repeat(rows.lengths, rows.lengths)
    first, which = _distinct([(rows.cell, int(rows.cell.max()) + 1), (t, result.longest + 1)])
    n = len(first)
    result.cells = np.column_stack([*(column[first] for column in rows.codes), t[first]]).astype(np.int64)
    powers = [x**k for k in (1, 2) for x in rows.numbers]
    sums = [np.bincount(which, minlength=n), *(np.bincount(which, x, n) for x in powers)]
    result.sums = np.column_stack(sums).astype(float)


def _distinct(parts: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    """A row of each combination of codes, and the (N,) combinations of all rows."""
    code, n = distinct(parts)
    return Codes(code, pd.RangeIndex(n)).first_rows(), code
