"""The collapsed likelihood: the frequentist one, a dense integral, and its derivative, all without a sampler."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.gaussian.coefficients import draw_coefficients
from msclong.engines.bayesian.gaussian.collapsed import collapse, collapsed_log_likelihood
from msclong.engines.bayesian.gaussian.collapsed_batch import collapsed_batch
from msclong.errors import EngineError
from msclong.likelihood.gls import generalised_least_squares
from msclong.likelihood.residual_scatter import residual_scatter
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
    _, derivative, _ = value_at(design, theta, moments)
    slopes = design.structure.first(theta, moments.coords)
    exact = np.einsum("pab,kpab->k", derivative, slopes)
    step = 1e-6
    for j, unit in enumerate(np.eye(len(theta))):
        up, down = (value_at(design, theta + sign * step * unit, moments)[0] for sign in (1, -1))
        assert exact[j] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-6)


def test_its_derivative_in_the_prior_is_that_of_central_differences():
    standardised = standardise(DESIGNS["us"].moments).moments
    q, rng = standardised.n_fixed + 1, np.random.default_rng(6)
    theta = theta_values(DESIGNS["us"], standardised, 1)[0]
    at, towards = rng.normal(size=(q, q)), rng.normal(size=(q, q))

    def value(step):
        return value_at(DESIGNS["us"], theta, collapse(standardised, at + step * towards))

    prior_of = [collapse(standardised, at + step * towards).prior for step in (-1e-6, 1e-6)]
    exact = value(0.0)[2] @ (prior_of[1] - prior_of[0])
    assert exact == pytest.approx(value(1e-6)[0] - value(-1e-6)[0], rel=1e-6)


@pytest.mark.parametrize("broken", [-1.0, np.nan])
def test_outside_the_positive_definite_matrices_it_is_minus_infinity(broken):
    design = DESIGNS["us"]
    moments = collapse(design.moments, np.zeros((8, 9)))
    sigma = np.broadcast_to(broken * np.eye(4), (len(moments.size), 4, 4))
    value, *derivatives = collapsed_log_likelihood(
        sigma, moments.size, moments.n, moments.products, moments.prior
    )
    assert value == -np.inf
    assert all(np.isfinite(one).all() for one in derivatives)


def test_too_many_patterns_are_refused(monkeypatch):
    monkeypatch.setattr("msclong.engines.bayesian.gaussian.collapsed.MOST_PRODUCTS", 100)
    with pytest.raises(EngineError, match=r"distinct patterns.*Frequentist"):
        collapse(DESIGNS["us"].moments, np.zeros((8, 9)))


@pytest.mark.parametrize("name", DESIGNS)
def test_the_batch_is_the_likelihood_at_each_theta(name):
    design = DESIGNS[name]
    standardised = standardise(design.moments).moments
    p = standardised.n_fixed
    moments = collapse(standardised, 0.1 * np.eye(p, p + 1))
    theta = theta_values(design, standardised)
    found = collapsed_batch(design.structure, np.stack(theta, axis=1), moments)
    expected = [value_at(design, one, moments)[0] for one in theta]
    np.testing.assert_allclose(found.log_likelihood, [expected], rtol=1e-12)


@pytest.mark.parametrize("name", DESIGNS)
def test_beta_given_theta_is_that_of_generalised_least_squares(name):
    design = DESIGNS[name]
    standardised = standardise(design.moments).moments
    p = standardised.n_fixed
    flat = collapse(standardised, np.zeros((p, p + 1)))
    theta = theta_values(design, standardised)
    means, roots = collapsed_batch(design.structure, np.stack(theta, axis=1), flat).coefficients()
    for one, mean, root in zip(theta, means[0], roots[0], strict=True):
        gls = generalised_least_squares(design.structure, one, standardised)
        np.testing.assert_allclose(mean, gls.beta, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(root @ root.T, gls.phi, rtol=1e-8, atol=1e-12)


def test_where_sigma_is_not_positive_definite_the_batch_is_minus_infinity():
    design = DESIGNS["us"]
    moments = collapse(design.moments, np.eye(8, 9))
    good = np.eye(4)[np.tril_indices(4)]
    found = collapsed_batch(design.structure, np.stack([good, -good, good * np.nan, good], axis=1), moments)
    assert np.isneginf(found.log_likelihood[0, 1:3]).all()
    assert found.log_likelihood[0, 0] == found.log_likelihood[0, 3]


def test_several_priors_are_weighed_by_what_they_say_of_the_data():
    """Two normal priors of beta: shares given theta and draws, from dense marginal likelihoods."""
    design = DESIGNS["us"]
    p = design.moments.n_fixed
    theta = theta_values(design, design.moments, 1)[0]
    locations, sds, weights = (np.zeros(p), np.full(p, 2.0)), (1.0, 5.0), np.array([0.3, 0.7])
    rows = [np.column_stack([np.eye(p), b]) / sd for b, sd in zip(locations, sds, strict=True)]
    lower = np.tril_indices(p + 1)
    squares = np.stack([(r.T @ r)[lower] for r in rows])
    log_weights = np.log(weights) - p * np.log(sds)
    moments = collapse(design.moments, rows[0])
    X, y = design.fixed.X, design.y
    position = design.coords[:, 0].astype(int)
    V = design.structure.grid(theta)[np.ix_(position, position)] * (design.subject[:, None] == design.subject)
    dense = [
        np.log(w) + multivariate_normal(X @ b, V + sd**2 * X @ X.T).logpdf(y)
        for w, b, sd in zip(weights, locations, sds, strict=True)
    ]
    found = collapsed_batch(design.structure, theta[:, None], moments, squares)
    expected = np.exp(dense - np.logaddexp.reduce(dense))
    np.testing.assert_allclose(found.shares(log_weights)[0], expected, rtol=1e-8)
    means, roots = found.coefficients()
    draws = 20_000
    tiled = np.tile(theta, (draws, 1))
    beta = draw_coefficients(design.structure, tiled, moments, np.random.default_rng(1), log_weights, squares)
    mean = expected @ means[:, 0]
    variance = expected @ ((roots[:, 0] ** 2).sum(axis=2) + (means[:, 0] - mean) ** 2)
    assert (np.abs(beta.mean(axis=0) - mean) < 5 * np.sqrt(variance / draws)).all()
    np.testing.assert_allclose(beta.var(axis=0), variance, rtol=5 * np.sqrt(2 / draws))


def test_draws_of_beta_have_the_conditional_mean_and_covariance(monkeypatch):
    monkeypatch.setattr("msclong.engines.bayesian.gaussian.collapsed_batch.CHUNK", 50_000)  # several batches
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
    theta = np.stack(theta_values(design, standardised.moments), axis=1)
    means, _ = collapsed_batch(design.structure, theta, flat).coefficients()
    np.testing.assert_allclose(means, 0, atol=1e-12)  # the residual of ordinary least squares is left over
