"""Priors of covariance parameters: every structure stays positive definite, and LKJ is LKJ."""

import numpy as np
import pytest
from scipy.linalg import toeplitz

import msclong as ml
from msclong.covariance.additive import Additive
from msclong.covariance.antedependence import Antedependence, HeterogeneousAntedependence
from msclong.covariance.autoregressive import Autoregressive, HeterogeneousAutoregressive
from msclong.covariance.by_group import ByGroup
from msclong.covariance.compound_symmetry import CompoundSymmetry, HeterogeneousCompoundSymmetry
from msclong.covariance.diagonal import Diagonal, HomogeneousDiagonal
from msclong.covariance.independent import Independent
from msclong.covariance.partial_autocorrelations import autocorrelations
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.scaled import Scaled
from msclong.covariance.spatial import SpatialExponential, SpatialGaussian
from msclong.covariance.toeplitz import HeterogeneousToeplitz, Toeplitz
from msclong.covariance.unstructured import Unstructured
from msclong.covariance.within_groups import WithinGroups
from msclong.covariance.working import Working
from msclong.engines.bayesian.priors.covariance_priors import covariance_prior
from msclong.engines.bayesian.priors.covariance_variables import HalfT
from msclong.engines.bayesian.priors.partial_correlations import covariance_from_partials
from msclong.errors import EngineError
from user_structures import ExponentialWithNugget, HeterogeneousBanded

VISITS = (0, 1, 2, 4)
POSITIONS = np.arange(4.0)[None, :, None]
TIMES = np.column_stack([np.ones(4), np.arange(4.0)])[None]


class CholeskyBased(Unstructured):
    """Shares Unstructured's working coordinates, but is no Unstructured."""

    keyword = "cholesky_based"


class ToeplitzBased(Toeplitz):
    keyword = "toeplitz_based"


class HeterogeneousToeplitzBased(HeterogeneousToeplitz):
    keyword = "heterogeneous_toeplitz_based"


STRUCTURES = {
    "us": (Unstructured(VISITS), POSITIONS),
    "cs": (CompoundSymmetry(VISITS), POSITIONS),
    "csh": (HeterogeneousCompoundSymmetry(VISITS), POSITIONS),
    "toep": (Toeplitz(VISITS), POSITIONS),
    "ad": (Antedependence(VISITS), POSITIONS),
    "adh": (HeterogeneousAntedependence(VISITS), POSITIONS),
    "sp_exp": (SpatialExponential(), POSITIONS),
    "sp_gau": (SpatialGaussian(), 3 * POSITIONS),
    "diag": (Diagonal(VISITS), POSITIONS),
    "homdiag": (HomogeneousDiagonal(VISITS), POSITIONS),
    "ar1": (Autoregressive(VISITS), POSITIONS),
    "ar1h": (HeterogeneousAutoregressive(VISITS), POSITIONS),
    "toeph": (HeterogeneousToeplitz(VISITS), POSITIONS),
    "slope": (Additive((RandomEffects(("Intercept", "time")), Independent())), TIMES),
    "uncorrelated": (
        Additive((RandomEffects(("Intercept",)), RandomEffects(("time",)), Independent())),
        TIMES,
    ),
    "user's banded": (HeterogeneousBanded(VISITS), POSITIONS),
    "user's nugget": (ExponentialWithNugget(), TIMES[:, :, 1:]),
    "user's Toeplitz": (ToeplitzBased(VISITS), POSITIONS),
    "user's heterogeneous Toeplitz": (HeterogeneousToeplitzBased(VISITS), POSITIONS),
    "user's Cholesky": (CholeskyBased(VISITS), POSITIONS),
}


def prior_of(name, s=2.0, **fields):
    structure, coords = STRUCTURES[name]
    return covariance_prior(structure, ml.Priors(**fields), s, coords[0])


def random_values(prior, rng):
    """Values of each variable, drawn from its prior."""
    return {variable.name: variable.draw(1, rng)[0] for variable in prior.variables}


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_values_of_the_variables_come_back_from_theta(name):
    prior, rng = prior_of(name), np.random.default_rng(4)
    values = [random_values(prior, rng) for _ in range(5)]
    found = prior.values(np.stack([prior.theta(v, np) for v in values]))
    for variable in prior.variables:
        expected = np.stack([v[variable.name] for v in values])
        np.testing.assert_allclose(found[variable.name], expected, rtol=1e-7)


@pytest.mark.parametrize("name", STRUCTURES)
def test_theta_has_the_structures_length_and_sigma_its_sds(name):
    structure, coords = STRUCTURES[name]
    prior = prior_of(name)
    values = random_values(prior, np.random.default_rng(1))
    theta = prior.theta(values, np)
    assert theta.shape == (structure.n_parameters,)
    sigma = structure.sigma(theta, coords)[0]
    if coords is POSITIONS:
        sds = np.concatenate([values[v.name] for v in prior.variables if isinstance(v, HalfT)])
        np.testing.assert_allclose(np.sqrt(np.diag(sigma)), np.broadcast_to(sds, 4), rtol=1e-12)


@pytest.mark.parametrize("name", [n for n in STRUCTURES if n != "user's banded"])
def test_every_draw_of_the_prior_is_positive_definite(name):
    structure, coords = STRUCTURES[name]
    prior, rng = prior_of(name, correlation_eta=1.0), np.random.default_rng(2)
    for _ in range(300):
        sigma = structure.sigma(prior.theta(random_values(prior, rng), np), coords)[0]
        sd = np.sqrt(np.diag(sigma))
        assert np.linalg.eigvalsh(sigma / np.outer(sd, sd))[0] > 0


@pytest.mark.parametrize("eta", [1.0, 2.0, 5.0])
def test_partial_correlations_make_an_lkj_correlation_matrix(eta):
    """Under LKJ(eta), (r + 1) / 2 of every pair is Beta(b, b), b = eta + (T - 2) / 2: variance of r is 1 / (2b + 1).

    Its fourth moment is 3 / ((2b + 1)(2b + 3)). Lewandowski, Kurowicka and Joe (2009), section 3.
    """
    T, draws, rng = 4, 20_000, np.random.default_rng(3)
    structure = Unstructured(VISITS)
    prior = covariance_prior(structure, ml.Priors(correlation_eta=eta), 1.0, POSITIONS[0])
    partial = prior.variables[1]
    z = partial.natural(rng.beta(partial.shape, partial.shape, size=(draws, 6)))
    vech = np.array([covariance_from_partials(np.ones(T), row, T, np) for row in z])
    i, j = np.tril_indices(T)
    r = vech[:, i != j]
    b = eta + (T - 2) / 2
    second, fourth = 1 / (2 * b + 1), 3 / ((2 * b + 1) * (2 * b + 3))
    error = np.sqrt((fourth - second**2) / draws)  # Monte Carlo SD of a mean square
    assert np.abs((r**2).mean(axis=0) - second).max() < 4.5 * error
    assert np.abs((r**4).mean(axis=0) - fourth).max() < 4.5 * np.sqrt(fourth / draws)
    np.testing.assert_allclose(vech[:, i == j], 1, rtol=1e-12)


def test_first_column_of_partials_is_the_first_row_of_correlations():
    z = np.array([0.3, -0.5, 0.4])
    vech = covariance_from_partials(np.ones(3), z, 3, np)
    assert vech[[1, 3]] == pytest.approx([0.3, -0.5])
    partial = (vech[4] - vech[1] * vech[3]) / np.sqrt((1 - vech[1] ** 2) * (1 - vech[3] ** 2))
    assert partial == pytest.approx(0.4)


def test_autocorrelations_of_a_first_order_process_are_powers():
    assert autocorrelations([0.6, 0.0, 0.0]) == pytest.approx([0.6, 0.36, 0.216])


def test_autocorrelations_have_the_partials_they_came_from():
    partial = [0.5, -0.7, 0.2, 0.9]
    r = toeplitz([1.0, *autocorrelations(partial)])
    for lag, expected in enumerate(partial, start=1):
        # The partial autocorrelation is the last coefficient of the regression on the lags before.
        assert np.linalg.solve(r[:lag, :lag], r[0, 1 : lag + 1])[-1] == pytest.approx(expected)


def test_the_compound_symmetric_correlation_covers_what_is_positive_definite():
    correlation = prior_of("cs").variables[1]
    assert correlation.natural(np.array([0.0, 1.0])) == pytest.approx([-1 / 3, 1.0])


def test_the_heterogeneous_compound_symmetric_correlation_too():
    correlation = prior_of("csh").variables[1]
    assert correlation.natural(np.array([0.0, 1.0])) == pytest.approx([-1 / 3, 1.0])


def test_the_range_is_on_the_scale_of_the_times():
    for unit in (1.0, 1e6):
        prior = covariance_prior(SpatialExponential(), ml.Priors(), 2.0, 5 + unit * POSITIONS[0])
        assert prior.variables[1].median == pytest.approx((1.5 * unit,))
        # What the docstring of RANGE_LOG_SD says of a third of the span.
        quantiles = np.exp(np.log(0.5) + prior.variables[1].sd * np.array([-0.6745, 0, 0.6745, 1.96]))
        np.testing.assert_allclose(np.exp(-(1 / 3) / quantiles), [0.16, 0.51, 0.78, 0.965], atol=0.005)


def test_the_sd_of_a_random_slope_is_per_sd_of_its_covariate():
    intercept, slope = prior_of("slope", s=2.0).variables[0].scale
    assert (intercept, slope) == pytest.approx((2.0, 2.0 / np.std([0, 1, 2, 3])))


def test_working_coordinates_of_another_kind_are_refused():
    class Strange(Autoregressive):
        @property
        def working(self):
            class Own(Working):
                roles = from_theta = to_theta = jacobian = curvature = None

            return Own()

    with pytest.raises(EngineError, match=r"no prior for working coordinates of type Own.*COVARIANCE_PRIORS"):
        covariance_prior(Strange(VISITS), ml.Priors(), 1.0, POSITIONS[0])


def test_a_covariance_by_group_has_the_same_prior_in_each():
    grouped = ByGroup((Scaled(Unstructured(VISITS)), Scaled(Unstructured(VISITS))), ("active", "control"))
    nested = Additive((RandomEffects(("Intercept | site",)), WithinGroups(grouped)))
    group, subject, position = np.repeat([1, 0], 4), np.repeat([7, 8], 4), np.tile(np.arange(4), 2)
    coords = np.column_stack([np.ones(8), subject, group, position, 1 - group, position]).astype(float)
    prior = covariance_prior(nested, ml.Priors(), 2.0, coords)
    described = [row for variable in prior.variables for row in variable.described()]
    assert ("correlation matrix | control", "LKJ(2)") in described
    assert ("sd(4) | active", "half-Student-t(3, 0, 2)") in described
    rng = np.random.default_rng(5)
    for _ in range(50):
        values = random_values(prior, rng)
        sigma = nested.sigma(prior.theta(values, np), coords[None])[0]
        site = values[prior.variables[0].name][0] ** 2
        np.testing.assert_allclose(sigma[:4, 4:], site, rtol=1e-9)
        assert np.linalg.eigvalsh(sigma)[0] > 0
        sds = np.concatenate([values[v.name] for v in prior.variables[1:] if isinstance(v, HalfT)])
        np.testing.assert_allclose(np.diag(sigma), site + sds**2, rtol=1e-9)
