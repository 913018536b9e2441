"""Patterns by the longest that they begin: sums over patterns are those of every pattern by itself."""

import numpy as np
import pytest

from msclong.engines.bayesian.gaussian.nested_patterns import nested

ROUNDING = 1e-12

W = 6
"""Columns of the products."""

PATTERNS = {
    "dropout": [(0,), (0, 1), (0, 1, 2), (0, 1, 2, 3)],
    "dropout that skips a visit": [(0,), (0, 1, 2), (0, 1, 2, 3)],
    "gaps": [(0, 1, 2, 3), (0, 2), (0, 2, 3), (1,), (1, 2, 3), (0, 1, 3)],
    "one twice": [(0, 1), (0, 1), (0, 1, 2), (2,)],
    "one": [(0, 1, 2)],
    "all apart": [(0, 1), (1, 2), (2, 3)],
}
LONGEST = {
    "dropout": 1,
    "dropout that skips a visit": 1,
    "gaps": 4,
    "one twice": 2,
    "one": 1,
    "all apart": 3,
}


@pytest.mark.parametrize("name", PATTERNS)
def test_sums_over_patterns(name):
    rng = np.random.default_rng(1)
    patterns = PATTERNS[name]
    size = np.array([len(p) for p in patterns])
    n = rng.integers(1, 9, len(patterns)).astype(float)
    coords = np.zeros((len(patterns), size.max(), 1))
    for row, pattern in zip(coords, patterns, strict=True):
        row[: len(pattern), 0], row[len(pattern) :, 0] = pattern, pattern[0]
    products = rng.normal(size=((size * (size + 1) // 2).sum(), W))
    found = nested(coords, size, n, products)
    assert len(found.coords) == len(found.size) == LONGEST[name]

    grids = rng.normal(size=(3, 4, 6))
    grids = grids @ grids.swapaxes(1, 2)
    grams, log_dets = [], []
    for grid in grids:
        gram, log_det, row = np.zeros(W), 0.0, 0
        for pattern, count in zip(patterns, n, strict=True):
            sigma = grid[np.ix_(pattern, pattern)]
            pairs = np.tril_indices(len(pattern))
            gram += np.linalg.inv(sigma)[pairs] @ products[row : row + len(pairs[0])]
            log_det += count * np.linalg.slogdet(sigma)[1] / 2
            row += len(pairs[0])
        grams.append(gram)
        log_dets.append(log_det)

    T = size.max()
    factors = np.zeros((T, T, len(found.size), len(grids)))
    for s, grid in enumerate(grids):
        for r, (where, t) in enumerate(zip(found.coords[:, :, 0].astype(int), found.size, strict=True)):
            factors[:, :, r, s] = np.eye(T)
            factors[:t, :t, r, s] = np.linalg.cholesky(grid[np.ix_(where[:t], where[:t])])
    inverses = np.linalg.inv(factors.transpose(2, 3, 0, 1)).transpose(2, 3, 0, 1)
    np.testing.assert_allclose(found.gram(inverses), np.transpose(grams), rtol=ROUNDING)
    logs = np.log(np.einsum("ii...->i...", factors))
    np.testing.assert_allclose(np.tensordot(found.n, logs), log_dets, rtol=ROUNDING)
