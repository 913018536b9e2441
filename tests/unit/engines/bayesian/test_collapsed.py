"""The collapsed likelihood: the frequentist one, a dense integral, and its derivative, all without a sampler."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.coefficients import draw_coefficients, grams
from msclong.engines.bayesian.collapsed import collapse, collapsed_log_likelihood
from msclong.engines.frequentist.optimize import residual_scatter
from msclong.errors import EngineError
from msclong.likelihood.gls import generalised_least_squares
from msclong.likelihood.standardised import standardise

STRUCTURES = ["us", "cs", "ar1", "ar1h", "toeph"]


def trial():
    """24 patients at up to four visits, with gaps; a small design with every number of observations."""
    rng = np.random.default_rng(5)
    rows = [
        {"id": i, "arm": "AB"[i % 2], "visit": v, "y": 3 + v + b + rng.normal()}
        for i in range(24)
        for b in [rng.normal(0, 2)]
        for v in range(4)
        if rng.random() > 0.25
    ]
    return pd.DataFrame(rows)


def design_of(formula, table, **fields):
    spec = ml.ModelSpec(formula, **fields)
    return build_design(spec, long_data(spec, table))


def designs():
    for name in STRUCTURES:
        yield name, design_of(f"y ~ arm * C(visit) + {name}(visit | id)", trial())
    yield "slope", design_of("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    irregular = trial().assign(time=lambda t: t["visit"] + np.random.default_rng(1).uniform(0, 0.5, len(t)))
    yield "irregular", design_of("y ~ arm * time + (1 + time || id)", irregular, visit="time")


DESIGNS = dict(designs())


def theta_values(design, moments, count=3):
    """Positive definite values of theta around the moment estimate."""
    rng = np.random.default_rng(2)
    working = design.structure.working
    start = working.from_theta(design.structure.start(residual_scatter(moments)))
    found = []
    while len(found) < count:
        theta = working.to_theta(start + rng.normal(0, 0.15, start.shape))
        if generalised_least_squares(design.structure, theta, moments) is not None:
            found.append(theta)
    return found


def value_at(design, theta, moments):
    sigma = design.structure.sigma(theta, moments.coords)
    return collapsed_log_likelihood(sigma, moments.size, moments.n, moments.products, moments.prior)


@pytest.mark.parametrize("name", DESIGNS)
def test_without_a_prior_it_is_the_restricted_likelihood(name):
    design = DESIGNS[name]
    standardised = standardise(design.moments).moments
    p = standardised.n_fixed
    flat = collapse(standardised, np.zeros((p, p + 1)))
    constant = (standardised.n_obs - p) * np.log(2 * np.pi) / 2
    for theta in theta_values(design, standardised):
        expected = -generalised_least_squares(design.structure, theta, standardised).minus2_reml / 2
        assert value_at(design, theta, flat)[0] - constant == pytest.approx(expected, rel=1e-12)


def test_with_a_prior_it_is_the_integral_over_beta():
    """y ~ Normal(X b0, V + X B X') for every subject at once, written out as one dense matrix."""
    design = DESIGNS["us"]
    moments = design.moments
    p = moments.n_fixed
    rng = np.random.default_rng(3)
    b0, root = rng.normal(size=p), rng.normal(size=(p, p))
    B = root @ root.T + np.eye(p)
    precision_root = np.linalg.inv(np.linalg.cholesky(B))
    collapsed = collapse(moments, np.column_stack([precision_root, precision_root @ b0]))
    X, y = design.fixed.X, design.y
    values, dense = [], []
    for theta in theta_values(design, moments):
        grid = design.structure.grid(theta)
        position = design.coords[:, 0].astype(int)
        V = grid[np.ix_(position, position)] * (design.subject[:, None] == design.subject)
        dense.append(multivariate_normal(X @ b0, V + X @ B @ X.T).logpdf(y))
        values.append(value_at(design, theta, collapsed)[0])
    np.testing.assert_allclose(np.diff(values), np.diff(dense), rtol=1e-9)


@pytest.mark.parametrize("name", DESIGNS)
def test_its_derivative_is_that_of_central_differences(name):
    design = DESIGNS[name]
    standardised = standardise(design.moments).moments
    moments = collapse(standardised, 0.1 * np.eye(standardised.n_fixed, standardised.n_fixed + 1))
    theta = theta_values(design, standardised, 1)[0]
    _, derivative = value_at(design, theta, moments)
    slopes = design.structure.first(theta, moments.coords)
    exact = np.einsum("pab,kpab->k", derivative, slopes)
    step = 1e-6
    for j, unit in enumerate(np.eye(len(theta))):
        up, down = (value_at(design, theta + sign * step * unit, moments)[0] for sign in (1, -1))
        assert exact[j] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("broken", [-1.0, np.nan])
def test_outside_the_positive_definite_matrices_it_is_minus_infinity(broken):
    design = DESIGNS["us"]
    moments = collapse(design.moments, np.zeros((8, 9)))
    sigma = np.broadcast_to(broken * np.eye(4), (len(moments.size), 4, 4))
    value, derivative = collapsed_log_likelihood(
        sigma, moments.size, moments.n, moments.products, moments.prior
    )
    assert value == -np.inf
    assert np.isfinite(derivative).all()


def test_too_many_patterns_are_refused(monkeypatch):
    monkeypatch.setattr("msclong.engines.bayesian.collapsed.MOST_PRODUCTS", 100)
    with pytest.raises(EngineError, match=r"distinct patterns.*Frequentist"):
        collapse(DESIGNS["us"].moments, np.zeros((8, 9)))


@pytest.mark.parametrize("name", DESIGNS)
def test_grams_are_those_of_generalised_least_squares(name):
    design = DESIGNS[name]
    standardised = standardise(design.moments).moments
    p = standardised.n_fixed
    flat = collapse(standardised, np.zeros((p, p + 1)))
    theta = theta_values(design, standardised)
    found = grams(design.structure, np.stack(theta), flat)
    for one, gram in zip(theta, found, strict=True):
        gls = generalised_least_squares(design.structure, one, standardised)
        np.testing.assert_allclose(
            np.linalg.solve(gram[:p, :p], gram[:p, p]), gls.beta, rtol=1e-8, atol=1e-10
        )
        np.testing.assert_allclose(np.linalg.inv(gram[:p, :p]), gls.phi, rtol=1e-8, atol=1e-12)


def test_draws_of_beta_have_the_conditional_mean_and_covariance(monkeypatch):
    monkeypatch.setattr("msclong.engines.bayesian.coefficients.CHUNK", 50_000)  # several batches
    design = DESIGNS["us"]
    standardised = standardise(design.moments).moments
    p = standardised.n_fixed
    theta = theta_values(design, standardised, 1)[0]
    draws = 20_000
    flat = collapse(standardised, np.zeros((p, p + 1)))
    beta = draw_coefficients(design.structure, np.tile(theta, (draws, 1)), flat, np.random.default_rng(1))
    gls = generalised_least_squares(design.structure, theta, standardised)
    white = np.linalg.solve(gls.C, (beta - gls.beta).T)
    # Of standard normals: the mean's SD is 0.007, a covariance's 0.007; bounds at 5 SD.
    assert np.abs(white.mean(axis=1)).max() < 5 / np.sqrt(draws)
    assert np.abs(np.cov(white) - np.eye(p)).max() < 5 * np.sqrt(2 / draws)


def test_in_a_balanced_design_the_mean_of_beta_does_not_depend_on_theta():
    """So posterior mean and REML estimate of sleepstudy are equal, whatever the posterior of theta."""
    design = DESIGNS["slope"]
    standardised = standardise(design.moments)
    flat = collapse(standardised.moments, np.zeros((2, 3)))
    found = grams(design.structure, np.stack(theta_values(design, standardised.moments)), flat)
    means = np.linalg.solve(found[:, :2, :2], found[:, :2, 2:])
    np.testing.assert_allclose(means, 0, atol=1e-12)  # the residual of ordinary least squares is left over
