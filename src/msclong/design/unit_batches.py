"""The rows of each independent unit, units of equal length in one batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from msclong.design.units import refuse_large_units


def unit_batches(unit: np.ndarray, coords: np.ndarray) -> Iterator[np.ndarray]:
    """Row numbers (P, t) of the P units with t rows, for each t that occurs.

    unit : (N,) integer codes; coords : (N, d). A unit's rows are taken in the order of their coordinates.
    Raises DesignError for units too large for one covariance matrix.
    """
    refuse_large_units(unit)
    order = np.lexsort((*coords.T[::-1], unit))
    starts = np.flatnonzero(np.diff(unit[order], prepend=-1))
    lengths = np.diff(np.r_[starts, len(order)])
    for t in np.unique(lengths):
        yield order[starts[lengths == t][:, None] + np.arange(t)]


def paired_batches(observed: np.ndarray, asked: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers (P, t) and (P, r) of the P units with t of the observed and r of the asked rows, for each (t, r).

    observed : (N,) and asked : (M,), the units' codes. Units without asked rows are left out.
    Raises DesignError for units too large for one covariance matrix.
    """
    found: dict[tuple[int, int], list[tuple[np.ndarray, np.ndarray]]] = {}
    codes = np.unique(asked)
    for seen, rows in zip(_rows_of(codes, observed), _rows_of(codes, asked), strict=True):
        found.setdefault((len(seen), len(rows)), []).append((seen, rows))
        refuse_large_units(codes, len(seen) + len(rows))
    for pairs in found.values():
        yield np.stack([seen for seen, _ in pairs]), np.stack([rows for _, rows in pairs])


def _rows_of(codes: np.ndarray, unit: np.ndarray) -> list[np.ndarray]:
    """The rows of each of some units, in their order."""
    order = np.argsort(unit, kind="stable")
    first, last = (np.searchsorted(unit[order], codes, side=side) for side in ("left", "right"))
    return [order[start:end] for start, end in zip(first, last, strict=True)]
