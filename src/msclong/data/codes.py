"""Columns as integer codes: what checks and designs count with, in place of the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

SPREAD = 4
"""Integers whose range is at most this many times the number of rows are counted in place, without a hash table."""

HEAD = 4096
"""Rows that are looked at first, for in most tables they show every level of a factor."""


@dataclass(frozen=True, eq=False)
class Codes:
    """(N,) positions in `levels`, -1 where a value is missing; every one of the K levels has a row."""

    codes: np.ndarray
    levels: pd.Index

    def __len__(self) -> int:
        return len(self.levels)

    def first_rows(self) -> np.ndarray:
        """(K,) the row in which each level appears first."""
        first = np.full(len(self) + 1, -1, dtype=np.intp)
        for head in (self.codes[:HEAD], self.codes):
            # Of an index that is repeated, the last assignment stands.
            first[head[::-1]] = np.arange(len(head))[::-1]
            if (first[:-1] >= 0).all():
                break
        return first[:-1]

    def of_levels(self, numbers: Sequence[float] | np.ndarray) -> np.ndarray:
        """(N,) each row's number, of `numbers` (K,) by level; NaN where the level is missing."""
        return np.append(np.asarray(numbers, dtype=float), np.nan)[self.codes]


def coded(column: pd.Series) -> Codes:
    """The codes of a column: levels in category order, ascending of numbers, else in order of appearance."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _used(np.asarray(column.array.codes), column.array.categories)
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else "O"
    numbers = _whole(column.to_numpy()) if kind in "iufb" and len(column) else None
    if numbers is not None:
        low, high = int(numbers.min()), int(numbers.max())
        if high - low < max(SPREAD * len(numbers), 1024) and high < 2**63 - 1:
            wide = numbers.astype(np.int64, copy=False)  # short integers would wrap round
            shifted = (wide - low if low else wide).astype(np.intp, copy=False)
            levels = pd.RangeIndex(low, high + 1)
            return _used(shifted, levels.astype({"b": bool, "f": float}.get(kind, int)))
    if kind == "f":
        column = column.astype(float)  # pandas has no index of short floats
    codes, found = pd.factorize(column)
    levels = pd.Index(found)
    if kind in "iuf":
        order = np.argsort(levels.to_numpy(), kind="stable")
        rank = np.empty(len(order) + 1, dtype=np.intp)
        rank[order], rank[-1] = np.arange(len(order)), -1
        codes, levels = rank[codes], levels[order]
    return Codes(codes, levels)


def by_appearance(found: Codes) -> np.ndarray:
    """(N,) the codes counted in order of appearance."""
    steps = np.diff(found.codes)
    if not len(steps) or (found.codes[0] == 0 and steps.min() >= 0 and steps.max() <= 1):
        return found.codes.astype(np.intp, copy=False)
    order = np.argsort(found.first_rows())
    if (order[1:] > order[:-1]).all():
        return found.codes.astype(np.intp, copy=False)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return rank[found.codes]


def distinct(parts: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, int]:
    """(N,) codes of the distinct combinations, in lexicographic order, and how many there are.

    parts : of each column the codes (N,), from zero, and a number above all of them.
    """
    codes, size = parts[0]
    for more, n_more in parts[1:]:
        if size * n_more >= 2**62:
            codes, size = _compressed(codes, size)
        codes, size = codes.astype(np.int64, copy=False) * n_more + more, size * n_more
    return _compressed(codes, size)


def distinct_values(columns: Sequence[pd.Series]) -> set[tuple[object, ...]]:
    """The combinations of values that rows without missing ones have."""
    found = [coded(column) for column in columns]
    code, size = distinct([(each.codes + 1, len(each) + 1) for each in found])
    first = Codes(code, pd.RangeIndex(size)).first_rows()
    levels = [each.levels.tolist() for each in found]
    rows = np.stack([each.codes[first] for each in found], axis=1)
    return {
        tuple(of[i] for of, i in zip(levels, row, strict=True))
        for row in rows[(rows >= 0).all(axis=1)].tolist()
    }


def sorting(codes: np.ndarray) -> np.ndarray:
    """The stable order of codes."""
    # NumPy sorts short integers by their digits.
    few = len(codes) and codes.max() < 2**15
    return np.argsort(codes.astype(np.int16) if few else codes, kind="stable")


def _compressed(codes: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Codes without gaps, in the same order."""
    if size <= max(SPREAD * len(codes), 1024):
        if (seen := _seen(codes, size)).all():
            return codes, size
        rank = np.cumsum(seen) - 1
        return rank[codes], int(rank[-1]) + 1
    found, levels = pd.factorize(codes)
    order = np.argsort(levels, kind="stable")
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return rank[found], len(order)


def _whole(numbers: np.ndarray) -> np.ndarray | None:
    """Numbers as integers where they are: positions of visits, weeks; None where one is not."""
    if numbers.dtype.kind != "f":
        return numbers
    for part in (numbers[:100], numbers):
        if not (float(part.min()) > -(2**53) and float(part.max()) < 2**53):
            return None
        whole = part.astype(np.int64)
        if not (whole == part).all():
            return None
    return whole


def _used(codes: np.ndarray, levels: pd.Index) -> Codes:
    """Codes into the levels that have rows."""
    if (seen := _seen(codes, len(levels))).all():
        return Codes(codes, levels)
    rank = np.append(np.cumsum(seen) - 1, -1)
    return Codes(rank[codes], levels[seen])


def _seen(codes: np.ndarray, size: int) -> np.ndarray:
    """(size,) whether any row has each code."""
    seen = np.zeros(size + 1, dtype=bool)
    for head in (codes[:HEAD], codes):
        seen[head] = True
        if seen[:-1].all():
            break
    return seen[:-1]
