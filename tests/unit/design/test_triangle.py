"""The triangle of long tables."""

import numpy as np
import pytest

from msclong.design.triangle import CHUNK, triangle

ROUNDING = 1e-12
"""Relative to the lengths of the columns: sums of some thousand squares."""

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("n", [3, CHUNK, 2 * CHUNK + 1, 7 * CHUNK + 5])
def test_a_triangle_of_chunks_is_that_of_the_whole(n):
    rows = RNG.normal(size=(n, 4))
    found, expected = triangle(rows), np.linalg.qr(rows, mode="r")
    assert found.shape == expected.shape
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=0, atol=ROUNDING * np.sqrt(n))
