"""Sums over subjects: all that a Gaussian fit and its results need of rows that are not kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from msclong.design.cross_moments import CrossMoments, total_of
from msclong.errors import DataError, DesignError

MOST_CELLS = 300_000
"""Rows of the table of cells beyond which equal ones are merged at once."""

MOST_NUMBERS = 60_000_000
"""Numbers that cross-moments may have: half a gigabyte."""

MERGED = 1_000_000
"""Numbers of cross-moments below which there is no hurry to merge equal patterns."""

MOST_NAMED = 8
"""Subjects that a note names."""


@dataclass
class Tally:
    """The sums of some subjects; `add` adds those of others.

    moments : of [X, y]. cells : (m, K + 1), a level code of each of the K key columns, and the
    number of observations of the subject: rows that the model cannot tell apart but by measured covariates. sums : (m,
    1 + 2 J), their number, and the sums and sums of squares of the J measured covariates.
    varying : (K + J,) whether a key column or a measured covariate changes within a subject. changing : (p,) whether a
    column of X does. constant : (p,) the value of a column of X that has one only, else NaN.
    lowest : (J,) the least value of each measured covariate, which is some patient's own; NaN where it is not told.
    n_subjects, n_obs : with an observed outcome. longest : observations of a subject. never : subjects without any,
    and the names of some of them, which never leave the place where the table is.
    """

    moments: CrossMoments
    cells: np.ndarray
    sums: np.ndarray
    varying: np.ndarray
    changing: np.ndarray
    constant: np.ndarray
    lowest: np.ndarray
    n_subjects: int = 0
    n_obs: int = 0
    longest: int = 0
    never: int = 0
    never_named: tuple[str, ...] = ()
    _parts: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    _moments: list[CrossMoments] = field(default_factory=list)

    @classmethod
    def empty(cls, names: tuple[str, ...], n_keys: int, n_measured: int) -> Tally:
        return cls(
            moments=CrossMoments(names, ()),
            cells=np.zeros((0, n_keys + 1), dtype=np.int64),
            sums=np.zeros((0, 1 + 2 * n_measured)),
            varying=np.zeros(n_keys + n_measured, dtype=bool),
            changing=np.zeros(len(names) - 1, dtype=bool),
            constant=np.full(len(names) - 1, np.inf),
            lowest=np.full(n_measured, np.inf),
        )

    def add(self, other: Tally) -> None:
        """Add the subjects of another tally, who must be others. Raises DesignError for too many patterns."""
        self._parts.append((other.merged().cells, other.sums))
        if sum(len(cells) for cells, _ in self._parts) > MOST_CELLS:
            self.merged()
        self._moments.append(other.moments)
        before, waiting = _numbers(self.moments), sum(map(_numbers, self._moments))
        # Merged when they have grown fourfold, so that all merging costs little more than the last.
        if before + waiting > MOST_NUMBERS or waiting > max(MERGED, 3 * before):
            self.merged()
        if before + waiting > MOST_NUMBERS and _numbers(self.moments) > MOST_NUMBERS // 2:
            patterns = sum(len(block.n) for block in self.moments.blocks)
            raise DesignError(
                f"The subjects show {patterns:,} different sets of visits (or times, or weights), whose sums do not "
                "fit in memory. Where times are irregular, name planned visits, or round the times; or take a "
                "sample of the subjects and fit the table in memory."
            )
        self.varying |= other.varying
        self.changing |= other.changing
        mine, theirs = self.constant, other.constant
        # Infinite: no row was seen yet.
        self.constant = np.where(
            np.isinf(mine), theirs, np.where(np.isinf(theirs) | (mine == theirs), mine, np.nan)
        )
        self.lowest = np.minimum(self.lowest, other.lowest)
        self.n_subjects += other.n_subjects
        self.n_obs += other.n_obs
        self.longest = max(self.longest, other.longest)
        self.never += other.never
        self.never_named = (self.never_named + other.never_named)[:MOST_NAMED]

    def merged(self) -> Tally:
        """The same, every cell and every pattern once."""
        if self._parts:
            cells = np.concatenate([self.cells, *(part for part, _ in self._parts)])
            sums = np.concatenate([self.sums, *(part for _, part in self._parts)])
            self.cells, which = np.unique(cells, axis=0, return_inverse=True)
            self.sums = np.zeros((len(self.cells), sums.shape[1]))
            np.add.at(self.sums, which.reshape(-1), sums)
            self._parts = []
        if self._moments:
            self.moments = total_of([self.moments, *self._moments])
            self._moments = []
        return self


def _numbers(moments: CrossMoments) -> int:
    return sum(block.rows.size for block in moments.blocks)


def sum_of(parts: Iterable[Tally]) -> Tally:
    """The sum of several, of at least one."""
    result: Tally | None = None
    for part in parts:
        if result is None:
            result = part
        else:
            result.add(part)
    if result is None:
        raise DataError("The table has no rows. Check the filter that made it.")
    return result.merged()
