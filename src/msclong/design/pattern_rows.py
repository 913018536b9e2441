"""The rows of a pattern's subjects, or fewer rows with the same cross-moments; squares are never formed."""

from __future__ import annotations

import numpy as np

from msclong.data.codes import distinct, sorting
from msclong.design.factored_matrix import FactoredMatrix
from msclong.design.triangle import triangle

FEW = 16
"""Rows of a pattern of which there are no fewer to be had, or hardly."""

SAME = 64
"""Rows by which columns are first compared."""


def pattern_rows(
    X: FactoredMatrix, y: np.ndarray, index: np.ndarray, pattern: np.ndarray, varying: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows w = [x, y] with the cross-moments of the n subjects of some patterns of t observations.

    index : (t, n) rows of X and y. pattern : (n,) codes from zero. varying : (m,) which numbers of z vary within
    subjects. Returns the rows (R, t, q) and their patterns (R,), ascending.

    Of a pattern with few subjects the rows are these subjects' own. Where subjects whose observations fall into the
    same cells (see `FactoredMatrix`) outnumber the covariates z and outcomes y of a subject, w is a fixed linear map of
    the few numbers [z, y], and so are the rows of a triangular root of their squares: the mean of a group of alike
    subjects and what deviates from it, in the simplest case. What is left of y beside z knows nothing of the group, and
    is pooled. Where that does not help, and more than t q subjects have the pattern: a triangular root of their rows.
    """
    t = len(index)
    columns = _columns(X, t, varying)
    width = int(columns.max()) + 1
    n_patterns, n_cells = int(pattern.max()) + 1, len(X.table)
    group, n_groups = pattern, n_patterns
    if n_cells > 1:
        group, n_groups = distinct([(pattern, n_patterns), *((X.cell[rows], n_cells) for rows in index)])
    of_group = np.empty(n_groups, dtype=np.intp)
    of_group[group] = pattern
    in_group = np.bincount(group)
    compressed = t + np.bincount(of_group, weights=np.minimum(in_group, width))
    worth = 2 * compressed < np.bincount(of_group, weights=in_group)
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    if not worth.all():
        rest = sorting(pattern)
        rest = rest[~worth[pattern[rest]]]
        parts.append((_own(X, y, index[:, rest]), pattern[rest]))
    if worth.any():
        rest = sorting(group)
        rest = rest if worth.all() else rest[worth[pattern[rest]]]
        parts.append(_grouped(X, y, index[:, rest], group[rest], of_group, columns, varying))
    if len(parts) == 1:
        return square_roots(*parts[0])
    return square_roots(*(np.concatenate(both) for both in zip(*parts, strict=True)))


def square_roots(rows: np.ndarray, pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows (R, t, q) by ascending pattern, those of a pattern at most t q, with the same cross-moments."""
    if not (pattern[1:] >= pattern[:-1]).all():
        order = sorting(pattern)
        rows, pattern = rows[order], pattern[order]
    counts = np.bincount(pattern)
    if counts.max() <= min(FEW, rows.shape[1] * rows.shape[2]):
        return rows, pattern
    ends = np.cumsum(counts)
    roots = [square_root(rows[end - n : end]) for n, end in zip(counts, ends, strict=True)]
    return np.concatenate(roots), np.repeat(np.arange(len(roots)), [len(root) for root in roots])


def square_root(rows: np.ndarray) -> np.ndarray:
    """`rows` (n, t, q), or fewer with the same cross-moments: as many as columns differ.

    An intercept is one column at every visit, and so is a covariate that does not change; equal columns stay equal.
    """
    n, t, q = rows.shape
    if n <= min(FEW, t * q):
        return rows
    flat = rows.reshape(n, t * q)
    different, place = _different(flat)
    if n <= len(different):
        return rows
    return triangle(flat[:, different])[:, place].reshape(-1, t, q)


def _different(rows: np.ndarray) -> tuple[list[int], np.ndarray]:
    """One of each set of equal columns of rows (n, c), and the (c,) positions of all columns among these."""
    different: list[int] = []
    known: dict[bytes, list[int]] = {}
    place = np.empty(rows.shape[1], dtype=np.intp)
    for i, head in enumerate(np.ascontiguousarray(rows[:SAME].T) + 0.0):  # -0.0 is 0.0
        alike = known.setdefault(head.tobytes(), [])
        found = next((j for j in alike if np.array_equal(rows[SAME:, i], rows[SAME:, different[j]])), None)
        if found is None:
            found = len(different)
            different.append(i)
            alike.append(found)
        place[i] = found
    return different, place


def _columns(X: FactoredMatrix, t: int, varying: np.ndarray) -> np.ndarray:
    """Which number of a subject's [z, ...] is covariate k of its observation s, (t, m).

    A covariate that is the same in all observations of each subject is counted once.
    """
    columns = np.empty((t, len(varying)), dtype=np.intp)
    start = 0
    for k, varies in enumerate(varying):
        columns[:, k] = start + (np.arange(t) if varies else 0)
        # Without a constant part there is no need of the constant.
        start += t if varies else int(k > 0 or X.table[:, 0].any())
    return columns


def _own(X: FactoredMatrix, y: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(n, t, q) rows of the subjects themselves."""
    index = index.T
    rows = np.empty((*index.shape, X.n_columns + 1))
    rows[..., :-1] = X[index.ravel()].dense().reshape(*index.shape, -1)
    rows[..., -1] = y[index]
    return rows


def _grouped(
    X: FactoredMatrix,
    y: np.ndarray,
    index: np.ndarray,
    group: np.ndarray,
    of_group: np.ndarray,
    columns: np.ndarray,
    varying: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows with the cross-moments of subjects that stand group by group, and their patterns.

    of_group : the pattern of each group. columns : see `_columns`.
    """
    t, width = len(index), int(columns.max()) + 1
    numbers = np.ones((width + t, len(group)))
    for k in range(1, len(varying)):
        of = index if varying[k] else index[:1]
        numbers[columns[0, k] : columns[-1, k] + 1] = X.covariates[:, k - 1][of]
    numbers[width:] = y[index]
    starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    sizes = np.diff(starts, append=len(group))
    tops = np.zeros((len(starts), width, width + t))
    left: list[np.ndarray] = []
    for i, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        root = triangle(numbers[:, start : start + size].T)
        tops[i, : len(root)] = root[:width]
        left.append(root[width:, width:])
    coefficients = tops[:, :, columns].swapaxes(1, 2)  # (groups, t, width, m)
    found = np.empty((len(starts), width, t, X.n_columns + 1))
    found[..., :-1] = (coefficients @ X.table[X.cell[index[:, starts].T]]).swapaxes(1, 2)
    found[..., -1] = tops[..., width:]
    there = np.arange(width) < sizes[:, None]
    of = of_group[group[starts]]
    residual, of_residual = _pooled(np.concatenate(left), np.repeat(of, [len(part) for part in left]))
    outcomes = np.zeros((len(residual), t, X.n_columns + 1))
    outcomes[..., -1] = residual
    return (
        np.concatenate([found[there], outcomes]),
        np.concatenate([np.repeat(of, there.sum(axis=1)), of_residual]),
    )


def _pooled(rows: np.ndarray, pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows (R, t) of the outcomes alone, by ascending pattern: at most t for each."""
    found, of = square_roots(rows[:, :, None], pattern)
    return found[..., 0], of
