"""Densities in unconstrained coordinates: against scipy, finite differences and numerical integration."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, halfnorm, lognorm, norm, t

import msclong as ml
from msclong.api import long_data
from msclong.covariance.working import unvech
from msclong.design.design import build_design
from msclong.engines.bayesian.importance.covariance_coordinates import coordinates_at
from msclong.engines.bayesian.importance.matrix_coordinates import MatrixCoordinates, factor_of_variables
from msclong.engines.bayesian.priors.covariance_variables import (
    Gaussian,
    HalfNormal,
    HalfT,
    LogNormal,
    LogNormalSd,
    StretchedBeta,
)
from msclong.engines.bayesian.priors.model_priors import model_priors
from msclong.engines.bayesian.priors.partial_correlations import partials_from_covariance
from msclong.likelihood.standardised import standardise

# Densities are of the same formulas, in another order.
ROUNDING = 1e-9
# Central differences with a step of 1e-5.
DIFFERENCES = 1e-6
# A grid of 60 to 200 points an axis over heavy tails.
QUADRATURE = 0.005

UNIT = 3.0
U = np.random.default_rng(1).normal(0, 0.7, (2, 50))

VARIABLES = {
    "half-t": (
        HalfT("sd", ("a", "b"), (3.0, 1.5), 3.0, (1.0, 1.0)),
        lambda x, i: t.logpdf(x, 3, 0, (1.0, 0.5)[i]),
    ),
    "half-normal": (
        HalfNormal("sd", ("a", "b"), (3.0, 1.5), (1.0, 1.0)),
        lambda x, i: halfnorm.logpdf(x, 0, (1.0, 0.5)[i]),
    ),
    "log-normal": (
        LogNormal("range", ("a", "b"), (2.0, 4.0), 1.5),
        lambda x, i: lognorm.logpdf(x, 1.5, 0, (2, 4)[i]),
    ),
    "log-normal sd": (
        LogNormalSd("sd", ("a", "b"), (3.0, 6.0), 0.5, (1.0, 1.0)),
        lambda x, i: lognorm.logpdf(x, 0.5, 0, (1, 2)[i]),
    ),
    "normal": (Gaussian("c", ("a", "b"), (9.0, 18.0)), lambda x, i: norm.logpdf(x, 0, (1, 2)[i])),
    "correlation": (
        StretchedBeta("r", ("a", "b"), (1.0, 2.5)),
        lambda x, i: beta.logpdf((x + 1) / 2, *2 * [(1.0, 2.5)[i]]),
    ),
    "correlation from -1/3": (
        StretchedBeta("r", ("a", "b"), (1.0, 1.0), -1 / 3),
        lambda x, i: beta.logpdf((x + 1 / 3) / (4 / 3), 1.0, 1.0),
    ),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_densities_are_those_of_scipy_times_the_jacobian(name):
    variable, log_density = VARIABLES[name]
    natural = variable.constrained(U)
    np.testing.assert_allclose(variable.unconstrained(natural), U, rtol=ROUNDING, atol=ROUNDING)
    slope = (variable.constrained(U + 1e-6) - variable.constrained(U - 1e-6)) / 2e-6
    expected = sum(log_density(natural[i], i) + np.log(slope[i]) for i in range(2))
    found = variable.log_density(U, variable.hyperparameters(UNIT))
    np.testing.assert_allclose(np.diff(found), np.diff(expected), atol=10 * DIFFERENCES)


def test_far_out_the_half_t_does_not_overflow():
    variable = VARIABLES["half-t"][0]
    assert np.isfinite(variable.log_density(np.array([[500.0, -500.0]] * 2), np.ones(2))).all()


def random_coordinates(m, cholesky, seed=1):
    rng = np.random.default_rng(seed)
    root = np.tril(rng.normal(0, 0.5, (m, m)), -1) + np.diag(rng.uniform(0.5, 2, m))
    return MatrixCoordinates(root, cholesky), rng.normal(0, 0.4, (m * (m + 1) // 2, 5))


@pytest.mark.parametrize("m", [2, 3, 5])
def test_sds_and_partial_correlations_are_those_of_the_matrix(m):
    matrix, u = random_coordinates(m, False)
    L = matrix.factor(u)
    sigma = np.einsum("iks,jks->sij", L, L)
    sd, partial = partials_from_covariance(sigma[:, *np.tril_indices(m)], m)
    v, _ = matrix.variables(u)
    np.testing.assert_allclose(np.exp(v[:m]), sd.T, rtol=ROUNDING)
    np.testing.assert_allclose(np.tanh(v[m:] / 2), partial.T, rtol=1e-7)
    for s in range(5):
        np.testing.assert_allclose(factor_of_variables(v[:, s], m, False), L[..., s], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("cholesky", [False, True])
@pytest.mark.parametrize("m", [2, 3, 5])
def test_the_volume_is_that_of_finite_differences(m, cholesky):
    """log |dv / du| up to one constant: the same at every u."""
    matrix, u = random_coordinates(m, cholesky)
    k, step = len(u), 1e-5
    constants = []
    for s in range(u.shape[1]):
        moves = step * np.eye(k)
        at = u[:, [s]]
        jacobian = (matrix.variables(at + moves)[0] - matrix.variables(at - moves)[0]) / (2 * step)
        constants.append(matrix.variables(at)[1][0] - np.linalg.slogdet(jacobian)[1])
    np.testing.assert_allclose(constants, constants[0], atol=DIFFERENCES * 10)


def test_cholesky_elements_are_those_of_the_factor():
    matrix, u = random_coordinates(4, True)
    v, _ = matrix.variables(u)
    for s in range(5):
        np.testing.assert_allclose(
            factor_of_variables(v[:, s], 4, True), matrix.factor(u)[..., s], rtol=ROUNDING
        )


def coordinates(formula, table, **priors):
    spec = ml.ModelSpec(formula, outcome_type="change", priors=ml.Priors(**priors))
    design = build_design(spec, long_data(spec, table))
    prior = model_priors(design).covariance
    standardised = standardise(design.moments)
    theta = design.structure.working.to_theta(np.linspace(-0.3, 0.5, design.structure.n_parameters))
    return *coordinates_at(prior, standardised.scale, theta), theta


@pytest.mark.parametrize(
    "term",
    [
        "us(week | PATIENT)",
        "us(week | TRT / PATIENT)",
        "(1 + week | PATIENT)",
        "(1 | PATIENT) + ar1h(week | PATIENT)",
        "toeph(week | PATIENT)",
        "cs(week | PATIENT)",
    ],
)
def test_coordinates_are_of_the_theta_that_they_start_from(term):
    table = ml.datasets.hamd17().assign(week=lambda x: x["week"].astype(float))
    found, u, theta = coordinates(f"change ~ C(week) + {term}", table)
    np.testing.assert_allclose(found.theta(u[:, None])[:, 0], theta, rtol=1e-8, atol=1e-9)
    moved = u + 0.1
    around, there = found.centred(moved)
    np.testing.assert_allclose(
        around.theta(there[:, None]), found.theta(moved[:, None]), rtol=1e-8, atol=1e-9
    )


def test_jeffreys_density_in_these_coordinates():
    """log p(u) = -(T + 1) / 2 log |Sigma| + log |dSigma / du|, and Bartlett: flat in what is not the scale."""
    found, u, _ = coordinates(
        "change ~ week + us(week | PATIENT)", ml.datasets.hamd17(), covariance="jeffreys"
    )
    rng = np.random.default_rng(1)
    constants = []
    for _ in range(4):
        at = u[:, None] + rng.normal(0, 0.3, (15, 1))
        moves = 1e-5 * np.eye(15)
        jacobian = (found.theta(at + moves) - found.theta(at - moves)) / 2e-5
        sigma = unvech(found.theta(at)[:, 0], 5)
        expected = -3 * np.linalg.slogdet(sigma)[1] + np.linalg.slogdet(jacobian)[1]
        constants.append(expected - found.log_prior(at)[0])
    np.testing.assert_allclose(constants, constants[0], atol=1e-5)


def test_the_prior_of_a_matrix_integrates_to_what_its_variables_do():
    """T = 2: expectations of smooth functions of sd_1, sd_2 and the correlation, by quadrature in these coordinates."""
    sds = HalfT("sd", ("a", "b"), (1.0, 2.0), 3.0, (1.0, 1.0))
    partial = StretchedBeta("partial", ("r",), (2.0,))
    matrix = MatrixCoordinates(np.array([[0.8, 0.0], [0.5, 1.1]]), False)
    logs = np.linspace(-12, 12, 61)
    scaled = np.linspace(-12, 12, 201)  # of arcsinh(b): the correlation's tails are heavy in b
    l1, l2, x = (axis.ravel() for axis in np.meshgrid(logs, logs, scaled, indexing="ij"))
    v, volume = matrix.variables(np.stack([l1, l2, np.sinh(x)]))
    p = np.cosh(x) * np.exp(
        sds.log_density(v[:2], np.array(sds.scale))
        + partial.log_density(v[2:], np.array(partial.shape))
        + volume
    )
    p /= p.sum()
    for i, scale in enumerate(sds.scale):
        expected = quad(lambda sd, scale=scale: 2 * t.pdf(sd, 3, 0, scale) * sd**2 / (1 + sd**2), 0, np.inf)[
            0
        ]
        square = np.exp(2 * v[i])
        assert p @ (square / (1 + square)) == pytest.approx(expected, rel=QUADRATURE)
    assert p @ np.tanh(v[2] / 2) ** 2 == pytest.approx(0.2, rel=QUADRATURE)
    assert p @ np.tanh(v[2] / 2) == pytest.approx(0.0, abs=QUADRATURE)
