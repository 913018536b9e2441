"""Factors of many small matrices at once against LAPACK's, one by one."""

import numpy as np
import pytest

from msclong.engines.bayesian.importance.batched_cholesky import cholesky, inverse_of_lower

ROUNDING = 1e-10


@pytest.mark.parametrize("t", [1, 2, 5])
def test_factors_and_their_inverses(t):
    A = np.random.default_rng(1).normal(size=(3, 4, t, t + 2))
    matrices = A @ A.swapaxes(2, 3)
    factor = cholesky(matrices.transpose(2, 3, 0, 1))
    expected = np.linalg.cholesky(matrices).transpose(2, 3, 0, 1)
    np.testing.assert_allclose(factor, expected, rtol=ROUNDING, atol=ROUNDING)
    inverse = np.linalg.inv(np.linalg.cholesky(matrices)).transpose(2, 3, 0, 1)
    np.testing.assert_allclose(inverse_of_lower(factor), inverse, rtol=ROUNDING, atol=ROUNDING)


def test_one_that_is_not_positive_definite_spoils_no_other():
    matrices = np.stack([np.eye(3), np.diag([1.0, -1.0, 1.0]), np.ones((3, 3)), 4 * np.eye(3)], axis=-1)
    factor = cholesky(matrices)
    assert np.isnan(factor[-1, -1, 1:3]).all()
    np.testing.assert_array_equal(factor[..., [0, 3]], np.stack([np.eye(3), 2 * np.eye(3)], axis=-1))
