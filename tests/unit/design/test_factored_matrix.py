"""A model matrix in few numbers."""

import numpy as np
import pytest

from msclong.design.factored_matrix import FactoredMatrix, _roots

ROUNDING = 1e-12
"""Relative: sums of a few products."""

RNG = np.random.default_rng(1)
FACTORED = FactoredMatrix(
    table=RNG.normal(size=(3, 4, 5)), cell=RNG.integers(0, 3, 200), covariates=RNG.normal(5, 1, (200, 3))
)
Z = np.column_stack([np.ones(200), FACTORED.covariates])
X = np.einsum("nm,nmp->np", Z, FACTORED.table[FACTORED.cell])


def test_rows_are_covariates_times_the_table_of_their_cell():
    np.testing.assert_allclose(FACTORED.dense(), X, rtol=ROUNDING)


def test_some_rows_and_combined_columns():
    reduction = RNG.normal(size=(5, 2))
    np.testing.assert_allclose((FACTORED[10:30] @ reduction).dense(), X[10:30] @ reduction, rtol=1e-10)


def test_any_matrix_is_one_cell():
    assert FactoredMatrix.of(X).dense() is X


@pytest.mark.parametrize(
    "factored", [FACTORED, FACTORED[:7], FACTORED[FACTORED.cell > 0], FactoredMatrix.of(X)]
)
def test_the_triangle_has_the_inner_products(factored):
    R, full = factored.triangle(), factored.dense()
    np.testing.assert_allclose(R.T @ R, full.T @ full, rtol=1e-10)


def test_the_triangle_of_a_covariate_far_from_zero_loses_nothing():
    """Its squares would: the SD of the covariate is 1e-9 of its mean."""
    covariate = 1e9 + RNG.normal(size=500)
    cell = RNG.integers(0, 2, 500)
    table = np.zeros((2, 2, 3))
    table[:, 0, 0], table[1, 0, 1], table[:, 1, 2] = 1, 1, 1
    R = FactoredMatrix(table, cell, covariate[:, None]).triangle()
    ones = np.column_stack([np.ones(500), cell])
    left = covariate - ones @ np.linalg.lstsq(ones, covariate, rcond=None)[0]
    assert abs(R[2, 2]) == pytest.approx(np.linalg.norm(left), rel=1e-6)


def test_the_triangle_of_many_rows_far_from_zero_loses_nothing():
    """A sum of 30,000 timestamps has too few digits for what lies between them."""
    cell = np.arange(30_000) % 3
    near = RNG.integers(-64, 64, len(cell)) / 2**12  # so that the covariate itself is not rounded
    roots = _roots(np.column_stack([2.0**30 + near, 1e9 + cell / 7]), cell, 3)
    left = [np.linalg.norm(near[cell == k] - near[cell == k].mean()) for k in range(3)]
    np.testing.assert_allclose(roots[:, 1, 1], left, rtol=ROUNDING)
    assert not roots[:, 2, 2].any()


@pytest.mark.parametrize("combined", [False, True])
def test_the_largest_values_of_the_columns(combined):
    """Also where a column is made of several covariates."""
    table = np.zeros((3, 3, 4))
    table[:, 0, 0], table[:, 1, 1], table[1, 2, 2], table[2, 0, 3] = 1, [1, 5, -9], 7, -2
    factored = FactoredMatrix(table, FACTORED.cell, FACTORED.covariates[:, :2] - 5)
    if combined:
        factored @= np.array([[1.0, 2], [1, 0], [0, 0], [0, 3]])
    for some in (factored, factored[factored.cell != 1]):
        np.testing.assert_array_equal(some.largest(), np.abs(some.dense()).max(axis=0))
