"""Patterns that are parts of one small grid, such as the planned visits, as one block: few large products for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.design.cross_moments import CrossMoments, PatternBlock

MOST_POINTS = 40
"""Points of a grid: products of pairs of its elements take MOST_POINTS^4 numbers."""

FEW = 4
"""Where there are more grids, those of no more patterns are not made: their patterns are better taken together."""

LOOKED_AT = 2000
"""Observations that tell whether patterns share a grid at all."""

PADDING = 8
"""Padding may cost so many times the arithmetic, which larger products make up for."""

CHUNK = 2**18
"""Numbers that are worked on at a time."""

PER_BLOCK = 1e6
"""Multiplications that take as long as Python needs for a block of its own."""


@dataclass(frozen=True, eq=False)
class GridBlock(PatternBlock):
    """Patterns of one grid of D points.

    coords : (1, D, d) of the grid. rows : (R, D, q), zero where a pattern has no observation. seen : (P, D) bool.
    """

    seen: np.ndarray

    @property
    def n_obs(self) -> int:
        return int(self.n @ self.seen.sum(axis=1))


def restricted(matrices: np.ndarray, block: PatternBlock, elsewhere: np.ndarray | float = 0.0) -> np.ndarray:
    """A matrix for each pattern (P, t, t), or for its grid (1, t, t), with `elsewhere` where it has no observation."""
    if not isinstance(block, GridBlock):
        return matrices
    return np.where(block.seen[:, :, None] & block.seen[:, None, :], matrices, elsewhere)


def sigma_of(structure: CovarianceStructure, theta: np.ndarray, block: PatternBlock) -> np.ndarray:
    """Sigma of each pattern (P, t, t); on a grid with the identity where it has no observation."""
    return restricted(structure.sigma(theta, block.coords), block, np.eye(block.t))


def at_rows(matrices: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """(..., R, t, t) from a matrix for each pattern (..., P, t, t); one for all (..., 1, t, t) as it stands."""
    if matrices.shape[-3] == 1 or _one_each(pattern, matrices.shape[-3]):
        return matrices
    return np.take(matrices, pattern, axis=-3)


def by_pattern(values: np.ndarray, block: PatternBlock) -> np.ndarray:
    """Sums over the rows (R, ...) of each pattern, (P, ...)."""
    n_patterns = len(block.n)
    if _one_each(block.pattern, n_patterns):
        return values
    return np.add.reduceat(values, np.searchsorted(block.pattern, np.arange(n_patterns)))


def _one_each(pattern: np.ndarray, n_patterns: int) -> bool:
    """Whether each pattern has one row."""
    return len(pattern) == n_patterns and bool((pattern == np.arange(n_patterns)).all())


def arranged(structure: CovarianceStructure, moments: CrossMoments) -> CrossMoments:
    """The same moments in the blocks in which the likelihood of this structure costs least."""
    return in_chunks(structure, on_grids(moments))


def on_grids(moments: CrossMoments) -> CrossMoments:
    """The same moments with patterns gathered by grid, where that costs less than a block for each length.

    Equal coordinates are one point, and several observations of a pattern at one as many points. Patterns that share
    points share a grid: those of one group of subjects, where covariances differ by group. Times that are all
    different, and grids that are large for what is observed of them, stay as they are.
    """
    if any(isinstance(block, GridBlock) for block in moments.blocks) or not _share_points(moments.blocks):
        return moments
    points, places = _points(moments.blocks)
    blocks: list[PatternBlock] = []
    left = [np.ones(len(block.n), dtype=bool) for block in moments.blocks]
    label = _joined(len(points), places)
    grids, n_patterns = np.unique(
        np.concatenate([label[place[:, 0]] for place in places]), return_counts=True
    )
    for this in grids if len(grids) <= FEW else grids[n_patterns > FEW]:
        own = label == this
        chosen = [np.flatnonzero(own[place[:, 0]]) for place in places]
        if not _pays(moments.blocks, chosen, int(own.sum())):
            continue
        blocks.append(_gathered(moments.blocks, places, chosen, own, points))
        for rest, members in zip(left, chosen, strict=True):
            rest[members] = False
    plain = (part_of(block, np.flatnonzero(rest)) for block, rest in zip(moments.blocks, left, strict=True))
    return CrossMoments(moments.names, (*(block for block in plain if len(block.n)), *blocks))


def _share_points(blocks: Sequence[PatternBlock]) -> bool:
    """Whether a few patterns have few points between them: those of times that are all different have many."""
    looked: list[np.ndarray] = []
    for block in blocks:
        missing = LOOKED_AT - sum(map(len, looked))
        looked.append(block.coords[: missing // block.t + 1].reshape(-1, block.coords.shape[2]))
        if missing <= 0:
            break
    rows = np.concatenate(looked)
    return len(rows) < LOOKED_AT or len(np.unique(_as_bytes(rows))) <= LOOKED_AT // 5


def _points(blocks: Sequence[PatternBlock]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The points (D, d) of all patterns, and of each block's patterns the points that they have, (P, t)."""
    d = blocks[0].coords.shape[2]
    keyed = []
    for block in blocks:
        same = (block.coords[:, 1:] == block.coords[:, :-1]).all(axis=2)
        turn = np.zeros(block.coords.shape[:2])  # which of several observations at these coordinates
        for i in range(1, block.t):
            turn[:, i] = np.where(same[:, i - 1], turn[:, i - 1] + 1, 0)
        keyed.append(np.concatenate([block.coords, turn[:, :, None]], axis=2).reshape(-1, d + 1))
    rows = np.concatenate(keyed)
    _, first, place = np.unique(_as_bytes(rows), return_index=True, return_inverse=True)
    order = np.lexsort(rows[first].T[::-1])
    place = np.argsort(order)[place.reshape(-1)]
    ends = np.cumsum([len(part) for part in keyed])[:-1]
    places = [p.reshape(-1, b.t) for p, b in zip(np.split(place, ends), blocks, strict=True)]
    return rows[first][order][:, :d], places


def _as_bytes(rows: np.ndarray) -> np.ndarray:
    """(N, d) as N items that compare as wholes; where d is 0, N equal ones."""
    if rows.shape[1] == 0:
        return np.zeros(len(rows))
    rows = np.ascontiguousarray(rows + 0.0)
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).reshape(-1)


def _joined(n_points: int, places: Sequence[np.ndarray]) -> np.ndarray:
    """Labels (n_points,), equal for points that patterns join."""
    label = np.arange(n_points)
    while True:
        before = label.copy()
        for place in places:
            least = label[place].min(axis=1)
            np.minimum.at(label, place, least[:, None])
        if np.array_equal(label, before):
            return label


def _pays(blocks: Sequence[PatternBlock], chosen: Sequence[np.ndarray], D: int) -> bool:
    cost = sum(len(members) * block.t**3 for block, members in zip(blocks, chosen, strict=True))
    n_patterns, n_blocks = sum(map(len, chosen)), sum(len(members) > 0 for members in chosen)
    return D <= MOST_POINTS and n_patterns * D**3 <= PADDING * cost + PER_BLOCK * (n_blocks - 1)


def _gathered(
    blocks: Sequence[PatternBlock],
    places: Sequence[np.ndarray],
    chosen: Sequence[np.ndarray],
    own: np.ndarray,
    points: np.ndarray,
) -> GridBlock:
    """The chosen patterns of each block on the grid of the points `own`."""
    position = np.cumsum(own) - 1
    D, before = int(own.sum()), 0
    n, seen, rows, pattern = [], [], [], []
    for block, place, members in zip(blocks, places, chosen, strict=True):
        part = part_of(block, members)
        where = position[place[members]]
        here = np.zeros((len(members), D), dtype=bool)
        np.put_along_axis(here, where, True, axis=1)
        spread = np.zeros((len(part.rows), D, part.rows.shape[2]))
        spread[np.arange(len(part.rows))[:, None], where[part.pattern]] = part.rows
        n.append(part.n)
        seen.append(here)
        rows.append(spread)
        pattern.append(part.pattern + before)
        before += len(members)
    return GridBlock(
        points[own][None], np.concatenate(n), np.concatenate(rows), np.concatenate(pattern), np.vstack(seen)
    )


def in_chunks(structure: CovarianceStructure, moments: CrossMoments) -> CrossMoments:
    """The same moments in blocks whose derivatives fit a processor's cache; large arrays cost more than their sums."""
    blocks: list[PatternBlock] = []
    for block in moments.blocks:
        k, (t, q) = structure.n_parameters, block.rows.shape[1:]
        if structure.is_chain or (
            isinstance(block, GridBlock) and k > t
        ):  # no such arrays, or large products
            blocks.append(block)
            continue
        size = k * t * (t * len(block.n) + q * len(block.rows))
        pieces = min(len(block.n), size // CHUNK + 1)
        blocks += [part_of(block, members) for members in np.array_split(np.arange(len(block.n)), pieces)]
    return CrossMoments(moments.names, tuple(blocks))


def part_of(block: PatternBlock, members: np.ndarray) -> PatternBlock:
    """The block with these of its patterns, ascending."""
    if len(members) == len(block.n):
        return block
    new = np.full(len(block.n), -1)
    new[members] = np.arange(len(members))
    kept = new[block.pattern] >= 0
    part = replace(block, n=block.n[members], rows=block.rows[kept], pattern=new[block.pattern[kept]])
    if isinstance(part, GridBlock):
        return replace(part, seen=part.seen[members])
    return replace(part, coords=block.coords[members])


def without_grids(moments: CrossMoments) -> CrossMoments:
    """The same moments with each pattern on its own observations, a block for each length."""
    blocks: list[PatternBlock] = []
    for block in moments.blocks:
        if not isinstance(block, GridBlock):
            blocks.append(block)
            continue
        lengths = block.seen.sum(axis=1)
        for t in np.unique(lengths):
            part = part_of(block, np.flatnonzero(lengths == t))
            assert isinstance(part, GridBlock)
            where = np.nonzero(part.seen)[1].reshape(-1, t)
            rows = np.take_along_axis(part.rows, where[part.pattern][:, :, None], axis=1)
            blocks.append(PatternBlock(part.coords[0][where], part.n, rows, part.pattern))
    return CrossMoments(moments.names, tuple(blocks))
