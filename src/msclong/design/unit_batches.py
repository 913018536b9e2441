"""The rows of each independent unit, units of equal length in one batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def unit_batches(unit: np.ndarray, coords: np.ndarray) -> Iterator[np.ndarray]:
    """Row numbers (P, t) of the P units with t rows, for each t that occurs.

    unit : (N,) integer codes; coords : (N, d). A unit's rows are taken in the order of their coordinates.
    """
    order = np.lexsort((*coords.T[::-1], unit))
    starts = np.flatnonzero(np.diff(unit[order], prepend=-1))
    lengths = np.diff(np.r_[starts, len(order)])
    for t in np.unique(lengths):
        yield order[starts[lengths == t][:, None] + np.arange(t)]
