"""Cross-moments by visit pattern: all that a Gaussian model needs of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from msclong.errors import DesignError


@dataclass(frozen=True, eq=False)
class PatternBlock:
    """The patterns with t observations.

    coords : (P, t, d) coordinates of the P patterns (visit positions, or rows of Z).
    n : (P,) subjects of each pattern.
    rows : (R, t, q) stacked rows w = [x, y] such that the cross-moments of pattern P are
        C[s, t] = sum of w_s w_t' over its rows. These are its subjects' own rows where they are few, and
        a triangular square root of C where subjects outnumber t q: squares are never formed, so nothing is lost
        to rounding, and the cost of an iteration stops growing with subjects.
    pattern : (R,) pattern of each row, ascending.
    """

    coords: np.ndarray
    n: np.ndarray
    rows: np.ndarray
    pattern: np.ndarray

    @property
    def t(self) -> int:
        return self.coords.shape[1]


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
        return int(sum(block.n.sum() * block.t for block in self.blocks))

    @property
    def n_fixed(self) -> int:
        return len(self.names) - 1

    def __add__(self, other: CrossMoments) -> CrossMoments:
        if self.names != other.names:
            raise DesignError("Cross-moments of different columns cannot be added; build both from one spec.")
        groups = [group for moments in (self, other) for group in moments._groups()]
        return CrossMoments(self.names, _blocks(groups))

    def matrix(self, block: int, pattern: int) -> np.ndarray:
        """C of one pattern, (t, q, t, q)."""
        part = self.blocks[block]
        rows = part.rows[part.pattern == pattern].reshape(-1, part.t * part.rows.shape[2])
        return (rows.T @ rows).reshape(part.t, part.rows.shape[2], part.t, part.rows.shape[2])

    def linear_map(self, transform: np.ndarray) -> CrossMoments:
        """The moments of w @ transform, for a (q, q) `transform`: recentred, rescaled, orthogonalised columns."""
        blocks = (PatternBlock(b.coords, b.n, b.rows @ transform, b.pattern) for b in self.blocks)
        return CrossMoments(self.names, tuple(blocks))

    def with_coordinates(self, transform: np.ndarray) -> CrossMoments:
        """The same moments where an observation's coordinates are coords @ transform, (d, d)."""
        blocks = (PatternBlock(b.coords @ transform, b.n, b.rows, b.pattern) for b in self.blocks)
        return CrossMoments(self.names, tuple(blocks))

    def total(self) -> np.ndarray:
        """Triangular R (q, q) with R'R = sum of w w' over every observation."""
        q = len(self.names)
        return _triangle(np.concatenate([block.rows.reshape(-1, q) for block in self.blocks]))

    def _groups(self) -> list[tuple[np.ndarray, int, np.ndarray]]:
        return [
            (block.coords[i], int(block.n[i]), block.rows[block.pattern == i])
            for block in self.blocks
            for i in range(len(block.n))
        ]


def cross_moments(
    W: np.ndarray, subject: np.ndarray, coords: np.ndarray, names: tuple[str, ...]
) -> CrossMoments:
    """Cross-moments of the N observed rows.

    W : (N, q) rows [x, y]; subject : (N,) integer codes; coords : (N, d). Rows of one subject are taken in the
    order of their coordinates, so that equal sets of visits make equal patterns.
    """
    coords = coords + 0.0  # -0.0 and 0.0 are one coordinate
    order = np.lexsort((*coords.T[::-1], subject))
    W, subject, coords = W[order], subject[order], coords[order]
    starts = np.flatnonzero(np.r_[True, subject[1:] != subject[:-1]])
    lengths = np.diff(np.r_[starts, len(subject)])
    groups: list[tuple[np.ndarray, int, np.ndarray]] = []
    for t in np.unique(lengths):
        index = starts[lengths == t][:, None] + np.arange(t)
        shape = coords[index]
        keys, member = np.unique(shape.reshape(len(index), -1), axis=0, return_inverse=True)
        member = member.reshape(-1)
        rows = W[index]
        by_pattern = np.argsort(member, kind="stable")
        ends = np.cumsum(np.bincount(member, minlength=len(keys)))
        for i, chosen in enumerate(np.split(by_pattern, ends[:-1])):
            groups.append((keys[i].reshape(t, coords.shape[1]), len(chosen), rows[chosen]))
    return CrossMoments(names, _blocks(groups))


def _blocks(groups: Sequence[tuple[np.ndarray, int, np.ndarray]]) -> tuple[PatternBlock, ...]:
    """Patterns (coords, n, rows) gathered by number of observations, equal patterns merged."""
    merged: dict[tuple[int, bytes], tuple[np.ndarray, int, list[np.ndarray]]] = {}
    for coords, n, rows in groups:
        key = (coords.shape[0], np.ascontiguousarray(coords).tobytes())
        known = merged.get(key, (coords, 0, []))
        merged[key] = (coords, known[1] + n, [*known[2], rows])
    blocks = []
    for t in sorted({key[0] for key in merged}):
        chosen = [value for key, value in sorted(merged.items()) if key[0] == t]
        roots = [square_root(np.concatenate(parts)) for _, _, parts in chosen]
        blocks.append(
            PatternBlock(
                coords=np.stack([coords for coords, _, _ in chosen]),
                n=np.array([n for _, n, _ in chosen]),
                rows=np.concatenate(roots),
                pattern=np.repeat(np.arange(len(chosen)), [len(root) for root in roots]),
            )
        )
    return tuple(blocks)


def square_root(rows: np.ndarray) -> np.ndarray:
    """`rows` (n, t, q), or as few rows with the same cross-moments where n exceeds t q."""
    n, t, q = rows.shape
    return rows if n <= t * q else _triangle(rows.reshape(n, t * q)).reshape(t * q, t, q)


def _triangle(rows: np.ndarray) -> np.ndarray:
    """R of the QR decomposition, padded with zero rows to a square where rows are few."""
    factor = np.linalg.qr(rows, mode="r")
    return np.vstack([factor, np.zeros((rows.shape[1] - factor.shape[0], rows.shape[1]))])
