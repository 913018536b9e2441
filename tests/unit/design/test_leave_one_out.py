"""Moments without a unit equal those built from the other units' rows."""

from __future__ import annotations

import numpy as np
import pytest

from msclong.design.cross_moments import cross_moments
from msclong.design.leave_one_out import leave_one_out

EXACT = 1e-12
"""Sums of the same squares in another order, relative to their size."""


@pytest.mark.parametrize("n", [3, 7, 40])
def test_without_each_unit(n):
    """40 subjects of q t = 9 numbers are held as a triangle, 3 and 7 as their own rows."""
    rng = np.random.default_rng(n)
    unit = rng.permutation(np.repeat(np.arange(n), 3))
    coords = np.zeros((3 * n, 1))
    for code in range(n):
        coords[unit == code, 0] = [0, 1, 2 if code % 5 else 3]  # two patterns, the second in every fifth
    keep = ~((unit == n - 1) & (coords[:, 0] == 1))  # and one of a subject alone
    W, unit, coords = rng.normal(size=(3 * n, 3))[keep], unit[keep], coords[keep]
    seen = []
    for left_out, found in leave_one_out(W, unit, coords, ("a", "b", "y")):
        rest = unit != left_out
        expected = cross_moments(W[rest], unit[rest], coords[rest], ("a", "b", "y"))
        assert found.n_obs == expected.n_obs
        assert len(found.blocks) == len(expected.blocks)
        for i, (one, other) in enumerate(zip(found.blocks, expected.blocks, strict=True)):
            np.testing.assert_array_equal(one.coords, other.coords)
            np.testing.assert_array_equal(one.n, other.n)
            for j in range(len(one.n)):
                np.testing.assert_allclose(found.matrix(i, j), expected.matrix(i, j), atol=EXACT * n)
        seen.append(left_out)
    assert sorted(seen) == list(range(n))
