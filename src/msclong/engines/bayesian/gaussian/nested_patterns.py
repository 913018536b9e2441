"""Patterns that begin alike share one factor: of dropout, that of those who stayed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Stretch:
    """Observations first, ..., last - 1 of some of the longest patterns: a stretch on which nobody leaves.

    patterns : (R,) which of the longest patterns. products : (R * last (last + 1) / 2, W), for each pair i >= j of the
    observations before `last`, and each of the patterns within it, the products of all who were observed that long.
    """

    first: int
    last: int
    patterns: np.ndarray
    products: np.ndarray


@dataclass(frozen=True, eq=False)
class NestedPatterns:
    """Patterns by the longest that they begin.

    A leading block of Sigma has the leading block of its Cholesky factor L, and of W = L^-1. Of a pattern with t
    observations M = W[:t]' W[:t], so that the sum over patterns of M C goes over the rows of W, each with
    the products of all patterns that have so many observations.

    coords : (R, T, d) of the R longest; size : (R,) their observations. n : (T, R) subjects with more than k.
    """

    coords: np.ndarray
    size: np.ndarray
    n: np.ndarray
    stretches: tuple[Stretch, ...]

    def gram(self, inverse: np.ndarray) -> np.ndarray:
        """Sum over patterns of M C, half-vectorised, (W, S), from the inverse factors (T, T, R, S)."""
        total = np.zeros(())
        for stretch in self.stretches:
            a, b = stretch.first, stretch.last
            every = len(stretch.patterns) == inverse.shape[2]
            W = inverse[a:b, :b] if every else inverse[a:b, :b, stretch.patterns]
            M = np.empty((b * (b + 1) // 2, *W.shape[2:]))
            row = 0
            for i in range(b):
                below = W[max(i - a, 0) :]
                np.einsum("k...,kj...->j...", below[:, i], below[:, : i + 1], out=M[row : row + i + 1])
                row += i + 1
            total = total + stretch.products.T @ M.reshape(len(stretch.products), -1)
        return total


def nested(coords: np.ndarray, size: np.ndarray, n: np.ndarray, products: np.ndarray) -> NestedPatterns:
    """From the arrays of `CollapsedMoments`."""
    ends = np.cumsum(size * (size + 1) // 2)
    begins: dict[tuple[int, bytes], int] = {}
    chains: list[list[int]] = []
    for pattern in np.argsort(-size, kind="stable"):
        rows = coords[pattern, : size[pattern]]
        chain = begins.get((len(rows), rows.tobytes()))
        if chain is None:
            begins |= {(t, rows[:t].tobytes()): len(chains) for t in range(1, len(rows) + 1)}
            chains.append([])
            chain = len(chains) - 1
        chains[chain].append(int(pattern))
    subjects = np.zeros((coords.shape[1], len(chains)))
    found: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = defaultdict(list)
    for c, members in enumerate(chains):
        lengths = [0, *np.unique(size[members])]
        pooled = np.zeros((lengths[-1] * (lengths[-1] + 1) // 2, products.shape[1]))
        for a, b in zip(lengths[-2::-1], lengths[:0:-1], strict=True):
            pairs = b * (b + 1) // 2
            pooled = pooled[:pairs].copy()
            for pattern in members:
                if size[pattern] == b:
                    pooled += products[ends[pattern] - pairs : ends[pattern]]
                    subjects[:b, c] += n[pattern]
            found[int(a), int(b)].append((c, pooled))
    longest = [members[0] for members in chains]
    return NestedPatterns(
        coords=coords[longest],
        size=size[longest],
        n=subjects,
        stretches=tuple(
            Stretch(
                first=a,
                last=b,
                patterns=np.array([c for c, _ in parts]),
                products=np.stack([part for _, part in parts], axis=1).reshape(-1, products.shape[1]),
            )
            for (a, b), parts in sorted(found.items())
        ),
    )
