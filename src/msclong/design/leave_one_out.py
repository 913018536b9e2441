"""Cross-moments of all units but one, for each unit: subtraction without a difference of squares."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from msclong.design.cross_moments import CrossMoments, PatternBlock, cross_moments
from msclong.design.pattern_rows import square_root


def leave_one_out(
    W: np.ndarray, unit: np.ndarray, coords: np.ndarray, names: tuple[str, ...]
) -> Iterator[tuple[int, CrossMoments]]:
    """Code of the unit left out, and the moments of the others; the arguments are those of `cross_moments`.

    Only the unit's own pattern is built again, so that a unit costs what a pattern costs, not what the data do.
    """
    whole = cross_moments(W, unit, coords, names)
    order = np.lexsort((*(coords + 0.0).T[::-1], unit))
    starts = np.flatnonzero(np.diff(unit[order], prepend=-1))
    lengths = np.diff(np.r_[starts, len(order)])
    for position, block in enumerate(whole.blocks):
        rows = order[starts[lengths == block.t][:, None] + np.arange(block.t)]
        shape = (coords[rows] + 0.0).reshape(len(rows), -1)
        for i, pattern in enumerate(block.coords):
            members = rows[(shape == pattern.reshape(-1)).all(axis=1)]
            for member, others in zip(members, _others(W[members]), strict=True):
                blocks = list(whole.blocks)
                blocks[position] = _replaced(block, i, others)
                yield int(unit[member[0]]), CrossMoments(names, tuple(b for b in blocks if len(b.n)))


def _others(rows: np.ndarray) -> Iterator[np.ndarray]:
    """For each of n subjects of a pattern, rows with the cross-moments of the n - 1 others; `rows` is (n, t, q).

    Many subjects are taken in chunks: the triangle of all that are outside the chunk, and the rest of the chunk.
    """
    n, size = len(rows), rows.shape[1] * rows.shape[2]
    for chunk in np.array_split(np.arange(n), max(1, n // size)):
        outside = square_root(np.delete(rows, chunk, axis=0))
        for j in chunk:
            yield np.concatenate([outside, rows[chunk[chunk != j]]])


def _replaced(block: PatternBlock, i: int, rows: np.ndarray) -> PatternBlock:
    """The block with one subject less in pattern i, whose cross-moments are those of `rows`."""
    n = block.n - (np.arange(len(block.n)) == i)
    before, after = block.pattern < i, block.pattern > i
    pattern = np.concatenate([block.pattern[before], np.full(len(rows), i), block.pattern[after]])
    kept = n > 0
    return PatternBlock(
        coords=block.coords[kept],
        n=n[kept],
        rows=np.concatenate([block.rows[before], rows, block.rows[after]]),
        pattern=(np.cumsum(kept) - 1)[pattern],
    )
