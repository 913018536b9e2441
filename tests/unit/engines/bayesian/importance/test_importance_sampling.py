"""Importance sampling of densities whose moments are known, and its gate."""

import numpy as np
import pytest
from scipy.stats import gamma, norm, t

from msclong.engines.bayesian.importance.importance_sampling import GOOD_KHAT, importance_sample
from msclong.engines.bayesian.importance.posterior_mode import find_mode
from msclong.engines.bayesian.importance.proposal import Mixture, SplitT, t_around
from msclong.errors import ConvergenceError

# Monte Carlo errors that the estimates may be off by.
ERRORS = 4.5
# Of normalising constants by quadrature on a grid.
QUADRATURE = 1e-3
# A mode needs no more digits: it is the centre of a proposal.
MODE = 0.05


def normal(mean, precision):
    return lambda u: -0.5 * np.einsum("si,ij,sj->s", u - mean, precision, u - mean)


def correlated(k, seed=1):
    A = np.random.default_rng(seed).normal(size=(k, k + 2))
    return A @ A.T / k


def sample(log_density, start, seed=1, draws=4000, **options):
    return importance_sample(
        log_density, np.asarray(start, float), draws=draws, rng=np.random.default_rng(seed), **options
    )


def agrees(found, values, expected):
    """Whether the weighted mean of values (S,) is `expected`, to Monte Carlo error."""
    mean = found.weights @ values
    error = np.sqrt(found.weights**2 @ (values - mean) ** 2)
    return abs(mean - expected) < ERRORS * error


@pytest.mark.parametrize("k", [1, 3, 10, 30])
def test_a_normal_distribution_far_from_the_start(k):
    precision = correlated(k)
    found = sample(normal(np.arange(k) * 5.0, precision), np.zeros(k))
    assert found.khat < GOOD_KHAT
    assert found.efficiency > 0.6
    covariance = np.linalg.inv(precision)
    for j in range(k):
        assert agrees(found, found.u[:, j], 5.0 * j)
        assert agrees(found, (found.u[:, j] - 5.0 * j) ** 2, covariance[j, j])


def test_skewed_margins():
    """u = log x, x ~ gamma: as the logarithm of a variance of few subjects."""
    shapes = np.array([1.0, 2.0, 20.0])
    found = sample(lambda u: (shapes * u - np.exp(u)).sum(axis=1), np.zeros(3))
    assert found.khat < GOOD_KHAT
    x = np.exp(found.u)
    for j, shape in enumerate(shapes):
        assert agrees(found, x[:, j], shape)
        assert agrees(found, (x[:, j] < gamma.ppf(0.05, shape)).astype(float), 0.05)


def test_a_standard_deviation_near_zero():
    """sd ~ |N(0, 1)| in log(sd): the density falls off exponentially to the left."""
    found = sample(lambda u: u[:, 0] - np.exp(2 * u[:, 0]) / 2 - u[:, 1] ** 2 / 2, np.zeros(2))
    assert found.khat < GOOD_KHAT
    sd = np.exp(found.u[:, 0])
    assert agrees(found, sd, np.sqrt(2 / np.pi))
    assert agrees(found, (sd < 0.05).astype(float), 2 * norm.cdf(0.05) - 1)


def test_heavy_tails_are_refitted():
    found = sample(lambda u: -1.5 * np.log1p((u**2).sum(axis=1) / 1), np.ones(2))  # a Cauchy distribution
    assert len(found.u) > 4000
    assert found.khat < 0.7
    assert any("refitted" in note and "k-hat" in note for note in found.notes)
    assert agrees(found, (np.abs(found.u[:, 0]) > 3).astype(float), 2 * t.sf(3, 1))


def test_a_target_without_moments_is_told_by_khat():
    found = sample(lambda u: -1.2 * np.log1p(np.log1p(np.abs(u)).sum(axis=1)), np.ones(3))
    assert found.khat > 0.7


def test_two_modes_that_are_started_from_have_their_masses():
    def log_density(u):
        return np.logaddexp(-0.5 * ((u + 10) ** 2).sum(1), np.log(3) - 0.5 * ((u - 10) ** 2).sum(1))

    found = sample(log_density, [[-8.0, -8.0], [8.0, 8.0], [8.5, 8.0]])
    assert agrees(found, (found.u[:, 0] > 0).astype(float), 0.75)


def test_a_start_where_the_density_is_zero():
    def log_density(u):
        return np.where(u[:, 0] > 0.5, -((u[:, 0] - 2.0) ** 2) * 10, -np.inf)

    found = sample(log_density, [0.0])
    assert agrees(found, found.u[:, 0], 2.0)
    with pytest.raises(ConvergenceError, match="zero wherever"):
        sample(lambda u: np.full(len(u), -np.inf), [0.0])
    with pytest.raises(ConvergenceError, match="mode was not found"):
        sample(lambda u: u[:, 0], [0.0])


def test_nan_counts_as_zero_density():
    with np.errstate(invalid="ignore"):
        found = sample(lambda u: 4 * np.log(u[:, 0]) - u[:, 0], [3.0])
    assert agrees(found, found.u[:, 0], 5.0)


def test_the_density_is_asked_for_a_bounded_number_of_rows():
    sizes = []

    def log_density(u):
        sizes.append(len(u))
        return -0.5 * (u**2).sum(axis=1)

    sample(log_density, np.zeros(12), at_once=100)
    assert max(sizes) <= 100


def test_the_same_generator_gives_the_same_draws():
    first, again, other = (sample(normal(0.0, np.eye(3)), np.zeros(3), seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.u, again.u)
    assert not np.array_equal(first.u, other.u)


def test_defensive_components_are_used():
    far = t_around(np.array([30.0]), np.eye(1), 5.0)
    found = sample(
        lambda u: np.logaddexp(-0.5 * u[:, 0] ** 2, -0.5 * (u[:, 0] - 30) ** 2), [0.0], defensive=[far]
    )
    assert agrees(found, (found.u[:, 0] > 15).astype(float), 0.5)


@pytest.mark.parametrize(
    "distribution",
    [
        SplitT(
            np.array([0.3, -0.5]), np.array([[1.0, 0.2], [0.0, 0.5]]), np.array([0.5, 2.0]), np.ones(2), 4.0
        ),
        Mixture(
            [0.3, 0.7], [t_around(np.zeros(2), np.eye(2), 5.0), t_around(np.ones(2), np.eye(2), 9.0, 2.0)]
        ),
    ],
    ids=["split-t", "mixture"],
)
def test_proposals_integrate_to_one_and_draw_what_they_say(distribution):
    grid = np.linspace(-60, 60, 1201) + 0.05  # cells end at the cuts below
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(distribution.log_density(points)) * (grid[1] - grid[0]) ** 2
    assert density.sum() == pytest.approx(1.0, rel=5 * QUADRATURE)
    draws = distribution.draw(40_000, np.random.default_rng(1))
    for j in range(2):
        for cut in (-1.0, 0.0, 0.6):
            expected = density[points[:, j] < cut].sum()
            assert (draws[:, j] < cut).mean() == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("start", [[0.0, 0.0], [-4.0, 9.0], [6.0, -3.0]])
def test_a_mode_across_a_curved_valley(start):
    """Rosenbrock's density: its Hessian is indefinite on the way."""
    found = find_mode(
        lambda u: -((1 - u[:, 0]) ** 2) - 10 * (u[:, 1] - u[:, 0] ** 2) ** 2,
        np.array(start),
        np.random.default_rng(1),
    )
    np.testing.assert_allclose(found.u, [1.0, 1.0], atol=MODE)
    np.testing.assert_allclose(found.precision, [[82, -40], [-40, 20]], rtol=MODE)


def test_a_climb_that_ends_nowhere_begins_again_nearby():
    """The start is an island: the density is zero next to it."""

    def density(u):
        x = u[:, 0]
        return np.where((x != 0) & (np.abs(x) < 0.2), -np.inf, -((x - 2) ** 2) / 2)

    found = find_mode(density, np.zeros(1), np.random.default_rng(1))
    assert found.u[0] == pytest.approx(2, abs=MODE)


def test_draws_of_density_zero_count_among_the_draws():
    """Half a normal distribution: its moments, and draws on the other side that are spent."""
    half = sample(lambda u: np.where(u[:, 0] > -0.1, -(u[:, 0] ** 2) / 2, -np.inf), [1.0])
    assert len(half.u) < 0.95 * half.drawn
    assert half.drawn % 4000 == 0
    assert half.efficiency == pytest.approx(half.ess / half.drawn)
    assert agrees(half, half.u[:, 0], norm.pdf(-0.1) / norm.sf(-0.1))


def test_a_density_that_is_zero_at_every_draw_is_refused():
    """A spike that the search for the mode finds, and no draw."""

    def density(u):
        return np.where(len(u) < 1000, -(u[:, 0] ** 2) / 2, -np.inf)

    with pytest.raises(ConvergenceError, match="zero at all 4000 draws"):
        sample(density, [1.0], at_once=1000)
