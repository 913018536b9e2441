"""Probabilities of boxes against scipy's multivariate normal and integrals in one dimension; draws within."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import log_ndtr
from scipy.stats import qmc

from msclong.likelihood.normal_boxes import separated

# 4096 quasi-random points; of random ones, in standard errors.
QUASI, MCSE = 2e-3, 4.0
POINTS = 4096
R = np.array([[1.0, 0.6, 0.3], [0.6, 2.0, -0.4], [0.3, -0.4, 0.8]])


def log_probability(lower, upper, V, points=POINTS):
    m = len(V)
    u = qmc.Sobol(m - 1, seed=3).random(points).T.clip(1e-12, 1 - 1e-12) if m > 1 else np.empty((0, 1))
    root = np.linalg.cholesky(V)[..., None]
    weights, _ = separated(np.array(lower, float)[:, None], np.array(upper, float)[:, None], root, u)
    return np.logaddexp.reduce(weights) - np.log(len(weights))


@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ([-np.inf] * 3, [0.3, -0.5, 1.0]),
        ([0.5, -1.0, 0.2], [np.inf] * 3),
        ([-1.0, 0.1, -0.3], [0.2, 0.4, 2.0]),
        ([-np.inf, 0.4, -0.1], [-0.5, np.inf, 0.1]),
    ],
)
def test_as_scipys(m, lower, upper):
    lower, upper, V = lower[:m], upper[:m], R[:m, :m]
    theirs = stats.multivariate_normal.cdf(upper, np.zeros(m), V, lower_limit=lower, abseps=1e-9, releps=1e-9)
    assert log_probability(lower, upper, V) == pytest.approx(np.log(theirs), abs=QUASI)


@pytest.mark.parametrize("limit", [-8.0, -1.0, 6.0])
def test_compound_symmetry_by_an_integral_in_one_dimension(limit):
    """Given their common part five variables are independent; far out, below as above."""
    m, rho = 5, 0.4

    def log_integrand(x):
        return m * log_ndtr((limit - np.sqrt(rho) * x) / np.sqrt(1 - rho)) - x**2 / 2

    top = max(log_integrand(x) for x in np.linspace(-10, 5, 301))
    found = integrate.quad(lambda x: np.exp(log_integrand(x) - top), -14, 8, points=[-5, 0])[0]
    exact = top + np.log(found) - np.log(2 * np.pi) / 2
    V = rho + (1 - rho) * np.eye(m)
    assert log_probability([-np.inf] * m, [limit] * m, V) == pytest.approx(exact, abs=10 * QUASI)
    assert log_probability([-limit] * m, [np.inf] * m, V) == pytest.approx(exact, abs=10 * QUASI)


def test_far_from_everything_nothing_overflows():
    for lower, upper in (([1e3, 1e3], [np.inf, np.inf]), ([-np.inf, 1e4], [-1e4, 1e4 + 1e-6])):
        value = log_probability(lower, upper, R[:2, :2])
        assert np.isfinite(value)
        assert value < -1e5


def test_no_box_narrow_enough_loses_its_density():
    """A box of width d about a point has d^2 times the density there."""
    at, d = np.array([0.7, -1.2]), 1e-7
    expected = stats.multivariate_normal.logpdf(at, np.zeros(2), R[:2, :2]) + 2 * np.log(d)
    assert log_probability(at - d / 2, at + d / 2, R[:2, :2]) == pytest.approx(expected, abs=1e-5)


def test_weighted_draws_are_of_the_truncated_distribution():
    """Against rejection: means and covariances."""
    rng = np.random.default_rng(1)
    lower, upper = np.array([-np.inf, -0.5, 0.3]), np.array([0.2, 1.0, np.inf])
    L = np.linalg.cholesky(R)
    z = rng.standard_normal((400_000, 3)) @ L.T
    z = z[((z > lower) & (z < upper)).all(axis=1)]
    log_weight, w = separated(lower[:, None], upper[:, None], L[..., None], rng.random((3, 20_000)))
    weight = np.exp(log_weight) / np.exp(log_weight).sum()
    x = L @ w
    assert ((x > lower[:, None] - 1e-9) & (x < upper[:, None] + 1e-9)).all()
    error = MCSE * z.std(axis=0) * np.sqrt(1 / len(z) + (weight**2).sum())
    assert (np.abs(x @ weight - z.mean(axis=0)) < error).all()


def test_nothing_jumps_where_a_lower_limit_passes_the_mean():
    """A mode is looked for with the same points: their weights must be smooth in all limits."""
    u = np.array([[0.1, 0.3, 0.35, 0.9]])
    root = np.array([[1.0, 0.0], [0.7, 0.7]])[..., None]
    before, after = (
        separated(np.array([[limit], [0.0]]), np.array([[limit + 1], [1.0]]), root, u)[0]
        for limit in (-1e-9, 1e-9)
    )
    np.testing.assert_allclose(before, after, atol=1e-8)
