"""Rows that a fitted design has not seen: for prediction."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from msclong.errors import DataError, listing


@dataclass(frozen=True, eq=False)
class NewRows:
    """M rows: X (M, p), coords (M, d), and unit (M,), the design's code of their independent unit.

    Units that the design does not know have codes from its largest one up.
    """

    X: np.ndarray
    coords: np.ndarray
    unit: np.ndarray


def units_of_new_rows(
    unit: np.ndarray,
    known: Sequence[Sequence[Hashable]],
    new: Sequence[Sequence[Hashable]],
    labels: Sequence[Hashable],
) -> np.ndarray:
    """(M,) unit codes of new rows, from the level of each grouping on the N known and the M new rows.

    labels : the M row labels, for messages.

    Raises DataError for a row whose levels belong to two known units, which would no longer be independent.
    """
    result = np.full(len(new[0]), -1)
    for old, fresh in zip(known, new, strict=True):
        home = dict(zip(old, unit, strict=True))
        found = np.array([home.get(level, -1) for level in fresh], dtype=result.dtype)
        clash = (result >= 0) & (found >= 0) & (result != found)
        if clash.any():
            raise DataError(
                f"Rows {listing(np.array(labels, dtype=object)[clash])} combine groups that the fit holds to be "
                "independent of each other; check their subjects and groups."
            )
        result = np.where(result >= 0, result, found)
    next_code = int(unit.max()) + 1
    fresh_codes: dict[Hashable, int] = {}
    # New groups belong together through their widest grouping, the one with the fewest levels.
    widest = min(new, key=lambda levels: len(set(levels))) if new else []
    for row, level in enumerate(widest):
        if result[row] < 0:
            result[row] = fresh_codes.setdefault(level, next_code + len(fresh_codes))
    return result
