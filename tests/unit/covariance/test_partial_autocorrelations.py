"""Partial autocorrelations: every working point is a positive definite Toeplitz matrix, and every such is reached."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import toeplitz

from msclong.covariance.partial_autocorrelations import (
    Autocovariances,
    PartialAutocorrelations,
    autocorrelations,
    partial_autocorrelations,
)

ROUNDING = 1e-9
STEP = 1e-5


def test_the_two_recursions_are_inverse():
    rng = np.random.default_rng(1)
    for _ in range(50):
        partial = rng.uniform(-0.95, 0.95, 6)
        rho = np.array(autocorrelations(list(partial)))
        np.testing.assert_allclose(partial_autocorrelations(rho), partial, atol=ROUNDING)


def test_every_working_point_is_positive_definite():
    rng = np.random.default_rng(2)
    for _ in range(300):
        gamma = Autocovariances(4).to_theta(1.5 * rng.normal(size=5))
        assert np.linalg.eigvalsh(toeplitz(gamma / gamma[0]))[0] > 0


@pytest.mark.parametrize("working", [PartialAutocorrelations(5), Autocovariances(4)])
def test_derivatives_are_those_of_central_differences(working):
    rng = np.random.default_rng(3)
    w, gradient = rng.normal(size=5), rng.normal(size=5)
    units = STEP * np.eye(5)
    slopes = [(working.to_theta(w + h) - working.to_theta(w - h)) / (2 * STEP) for h in units]
    np.testing.assert_allclose(working.jacobian(w), np.transpose(slopes), rtol=1e-6, atol=1e-8)
    bends = [gradient @ (working.jacobian(w + h) - working.jacobian(w - h)) / (2 * STEP) for h in units]
    np.testing.assert_allclose(working.curvature(w, gradient), bends, rtol=1e-6, atol=1e-8)
