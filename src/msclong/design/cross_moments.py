"""Cross-moments by visit pattern: all that a Gaussian model needs of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from msclong.data.codes import SPREAD, coded, distinct
from msclong.design.factored_matrix import FactoredMatrix
from msclong.design.pattern_rows import pattern_rows, square_roots
from msclong.design.triangle import triangle
from msclong.errors import DesignError


@dataclass(frozen=True, eq=False)
class PatternBlock:
    """The patterns with t observations.

    coords : (P, t, d) coordinates of the P patterns (visit positions, or rows of Z).
    n : (P,) subjects of each pattern.
    rows : (R, t, q) stacked rows w = [x, y] such that the cross-moments of pattern P are
        C[s, t] = sum of w_s w_t' over its rows. These are its subjects' own rows where they are few, else a square
        root of C of at most t q rows (see `pattern_rows`): squares are never formed, so nothing is lost to rounding,
        and the cost of an iteration stops growing with subjects.
    pattern : (R,) pattern of each row, ascending.
    """

    coords: np.ndarray
    n: np.ndarray
    rows: np.ndarray
    pattern: np.ndarray

    @property
    def t(self) -> int:
        return self.coords.shape[1]

    @property
    def n_obs(self) -> int:
        return int(self.n.sum()) * self.t


@dataclass(frozen=True, eq=False)
class CrossMoments:
    """Sufficient statistics of all Gaussian models with within-subject covariance; they add over subjects.

    names : the q = p + 1 columns, the outcome last. blocks : by ascending number of observations t.
    `a + b` holds the subjects of both, who must be different people.
    """

    names: tuple[str, ...]
    blocks: tuple[PatternBlock, ...]

    @property
    def n_subjects(self) -> int:
        return int(sum(block.n.sum() for block in self.blocks))

    @property
    def n_obs(self) -> int:
        return sum(block.n_obs for block in self.blocks)

    @property
    def n_fixed(self) -> int:
        return len(self.names) - 1

    def __add__(self, other: CrossMoments) -> CrossMoments:
        return total_of([self, other])

    def matrix(self, block: int, pattern: int) -> np.ndarray:
        """C of one pattern, (t, q, t, q)."""
        part = self.blocks[block]
        rows = part.rows[part.pattern == pattern].reshape(-1, part.t * part.rows.shape[2])
        return (rows.T @ rows).reshape(part.t, part.rows.shape[2], part.t, part.rows.shape[2])

    def linear_map(self, transform: np.ndarray) -> CrossMoments:
        """The moments of w @ transform, for a (q, q) `transform`: recentred, rescaled, orthogonalised columns."""
        blocks = (replace(block, rows=block.rows @ transform) for block in self.blocks)
        return CrossMoments(self.names, tuple(blocks))

    def with_coordinates(self, transform: np.ndarray) -> CrossMoments:
        """The same moments where an observation's coordinates are coords @ transform, (d, d)."""
        blocks = (replace(block, coords=block.coords @ transform) for block in self.blocks)
        return CrossMoments(self.names, tuple(blocks))

    def total(self) -> np.ndarray:
        """Triangular R (q, q) with R'R = sum of w w' over every observation."""
        q = len(self.names)
        factor = triangle(np.concatenate([block.rows.reshape(-1, q) for block in self.blocks]))
        return np.vstack([factor, np.zeros((q - len(factor), q))])


def cross_moments(
    W: np.ndarray, subject: np.ndarray, coords: np.ndarray, names: tuple[str, ...]
) -> CrossMoments:
    """Cross-moments of the N observed rows.

    W : (N, q) rows [x, y]; subject : (N,) integer codes; coords : (N, d). Rows of one subject are taken in the
    order of their coordinates, so that equal sets of visits make equal patterns.
    """
    return factored_moments(FactoredMatrix.of(W[:, :-1]), W[:, -1], subject, coords, names)


def factored_moments(
    X: FactoredMatrix, y: np.ndarray, subject: np.ndarray, coords: np.ndarray, names: tuple[str, ...]
) -> CrossMoments:
    """Cross-moments of the N rows [x, y] whose X is factored: `cross_moments` without the N rows of X."""
    return placed_moments(X, y, subject, *places(coords), names)


def placed_moments(
    X: FactoredMatrix,
    y: np.ndarray,
    subject: np.ndarray,
    place: np.ndarray,
    coords: np.ndarray,
    names: tuple[str, ...],
) -> CrossMoments:
    """`factored_moments` of rows whose coordinates are coords[place], as `places` tells them."""
    n_places = len(coords)
    order = _order(subject * np.int64(n_places) + place)
    ordered = subject if order is None else subject[order]
    same = ordered[1:] == ordered[:-1]
    varying = X.varying(order, same)
    starts = np.flatnonzero(np.append(True, ~same))
    lengths = np.diff(starts, append=len(subject))
    blocks = []
    for t in np.flatnonzero(np.bincount(lengths)):
        index = np.arange(t)[:, None] + starts[lengths == t]
        if order is not None:
            index = order[index]
        pattern, n_patterns = distinct([(place[rows], n_places) for rows in index])
        one = np.empty(n_patterns, dtype=np.intp)
        one[pattern] = np.arange(len(pattern))
        rows, of = pattern_rows(X, y, index, pattern, varying)
        blocks.append(PatternBlock(coords[place[index[:, one].T]], np.bincount(pattern), rows, of))
    return CrossMoments(names, tuple(blocks))


def total_of(parts: Sequence[CrossMoments]) -> CrossMoments:
    """The sum of cross-moments of different subjects: chunks of a file, partitions, hospitals.

    Raises DesignError where they are of different columns.
    """
    if len({moments.names for moments in parts}) > 1:
        raise DesignError("Cross-moments of different columns cannot be added; build both from one spec.")
    blocks = [block for moments in parts for block in moments.blocks]
    sizes = sorted({block.t for block in blocks})
    return CrossMoments(parts[0].names, tuple(_merged([b for b in blocks if b.t == t]) for t in sizes))


def _merged(blocks: Sequence[PatternBlock]) -> PatternBlock:
    """Blocks of patterns with t observations as one, equal patterns merged."""
    if len(blocks) == 1:
        return blocks[0]
    coords = np.concatenate([block.coords for block in blocks])
    code, different = places(coords.reshape(len(coords), -1))
    starts = np.cumsum([0, *(len(block.n) for block in blocks)])
    pattern = np.concatenate(
        [code[block.pattern + start] for block, start in zip(blocks, starts, strict=False)]
    )
    rows, of = square_roots(np.concatenate([block.rows for block in blocks]), pattern)
    n = np.bincount(code, weights=np.concatenate([block.n for block in blocks])).astype(np.intp)
    return PatternBlock(different.reshape(-1, *coords.shape[1:]), n, rows, of)


def _order(key: np.ndarray) -> np.ndarray | None:
    """The stable order of the rows by key; None where they stand so."""
    if (key[1:] >= key[:-1]).all():
        return None
    # Keys that all differ and leave few gaps, as planned visits do, are put in their places rather than sorted.
    if (size := int(key.max()) + 1) <= SPREAD * len(key):
        row = np.full(size, -1)
        row[key] = np.arange(len(key))
        if len(order := row[row >= 0]) == len(key):
            return order
    return np.argsort(key, kind="stable")


def places(coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) places of rows of coordinates (N, d) among the K that differ, and these (K, d), in lexicographic order."""
    coords = coords + 0.0  # -0.0 and 0.0 are one coordinate
    parts = [(found.codes, len(found)) for found in (coded(pd.Series(column)) for column in coords.T)]
    place, n = distinct(parts or [(np.zeros(len(coords), dtype=np.intp), 1)])
    one = np.empty(n, dtype=np.intp)
    one[place] = np.arange(len(place))
    return place, coords[one]
