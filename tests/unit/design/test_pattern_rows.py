"""Square roots of the rows of a pattern."""

from __future__ import annotations

import numpy as np
import pytest

from msclong.design.pattern_rows import FEW, square_root

ROUNDING = 1e-12
"""Relative to n products of numbers about one."""


@pytest.mark.parametrize("n", [1, FEW, FEW + 1, 40, 5000])
def test_a_root_has_the_inner_products_of_the_rows(n: int) -> None:
    """Of 8 columns 4 differ, and so that many rows are enough."""
    rng = np.random.default_rng(n)
    x, z = rng.normal(size=(2, n))
    rows = np.column_stack([np.ones(n), x, np.zeros(n), x, np.ones(n), x, -0.0 * z, z]).reshape(n, 2, 4)
    root = square_root(rows)
    assert len(root) == (n if n <= 8 else 4)
    left, right = (each.reshape(-1, 8) for each in (root, rows))
    np.testing.assert_allclose(left.T @ left, right.T @ right, rtol=ROUNDING, atol=ROUNDING * n)
    np.testing.assert_array_equal(left[:, 1], left[:, 3])


def test_columns_that_are_alike_at_first_only() -> None:
    rows = np.ones((500, 1, 2))
    rows[-1, 0, 1] = 2.0
    root = square_root(rows)[:, 0]
    np.testing.assert_allclose(root.T @ root, rows[:, 0].T @ rows[:, 0], rtol=ROUNDING)
