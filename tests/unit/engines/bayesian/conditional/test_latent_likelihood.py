"""Marginal likelihoods under any covariance of the linear predictors, against exact ones, quadrature and a grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import msclong as ml
from msclong.api import long_data
from msclong.design.design import Design, build_design
from msclong.engines.bayesian.conditional import marginal_likelihood
from msclong.engines.bayesian.conditional.conditional_fit import importance_posterior
from msclong.engines.bayesian.conditional.latent_likelihood import latent_log_likelihood
from msclong.engines.bayesian.conditional.marginal_likelihood import (
    marginal_log_likelihood,
    sampled_likelihood,
)
from msclong.engines.bayesian.conditional.subject_rows import subject_rows
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.errors import EngineError

# Normal integrands: rounding, and differences for derivatives.
EXACT = 1e-6
# 256 quasi-random points.
SAMPLED = 0.02
# Sets of points, whose estimates differ by at least this share, and errors of their mean.
REPLICATES, UNEVEN, MCSE = 2000, 1e-3, 4.0
# Of some 1,500 effective draws, in SDs and as a share.
MEANS, SDS = 0.12, 0.1


def data(family: str, n: int = 12, t: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    subject, time = np.repeat(np.arange(n), t), np.tile(np.arange(t), n)
    eta = 0.5 + 0.2 * time + rng.normal(0, 0.7, n)[subject]
    y = rng.poisson(np.exp(eta)).astype(float) if family == "poisson" else eta + rng.normal(0, 0.5, n * t)
    if family == "hurdle_gamma":
        y = np.where(rng.random(n * t) < 0.3, 0.0, np.exp(y))
    table = pd.DataFrame({"id": subject, "time": time, "y": y, "c": "none"})
    return table.drop(index=[1, 5, 6, 7]).sample(frac=1, random_state=2)


def design_of(formula: str, family: str, **fields: object) -> Design:
    spec = ml.ModelSpec(formula, family=family, **fields)
    return build_design(spec, long_data(spec, data(family)))


def test_normal_outcomes_are_exact():
    design = design_of("y ~ time + (1 + time | id)", "gaussian", censored="c")
    theta = np.array([[1.0, 0.5, 1.5], [0.2, 0.0, 0.4]])
    beta, sd = np.array([[0.4, 0.1], [0.3, 0.3]]), np.array([[0.5], [0.7]])
    found = sampled_likelihood(design).log_likelihood((beta,), {"residual sd": sd}, theta)
    for s in range(2):
        for i in range(design.n_subjects):
            own = design.subject == i
            V = design.structure.sigma(theta[s], design.coords[own][None])[0] + sd[s] ** 2 * np.eye(own.sum())
            mean = design.fixed.X[own] @ beta[s]
            assert found[s, i] == pytest.approx(
                stats.multivariate_normal.logpdf(design.y[own], mean, V), abs=EXACT
            )


@pytest.mark.parametrize(
    ("family", "zero", "phi", "theta"),
    [
        ("poisson", None, {}, [0.6]),
        ("hurdle_gamma", [-1.0, 0.1], {"coefficient of variation": np.array([[0.5]])}, [0.6, 0.2, 0.5]),
    ],
)
def test_random_intercepts_as_by_quadrature(family, zero, phi, theta):
    design = design_of("y ~ time + (1 | id)", family)
    rows = subject_rows(design)
    beta, theta = np.array([[0.4, 0.1]]), np.array([theta])
    zero = None if zero is None else np.array([zero])
    coefficients = [beta] if zero is None else [beta, zero]
    eta = tuple(c @ design.fixed.X[rows.order].T for c in coefficients)
    found = latent_log_likelihood(rows, design.structure, eta, phi, theta)
    np.testing.assert_allclose(found, marginal_log_likelihood(design, beta, zero, phi, theta), atol=SAMPLED)


def test_counts_under_an_unstructured_covariance_against_a_grid():
    design = design_of("y ~ time + us(time | id)", "poisson")
    theta, beta = np.array([[1.0, 0.5, 1.2, 0.3, 0.6, 0.9]]), np.array([[0.4, 0.1]])
    found = marginal_log_likelihood(design, beta, None, {}, theta)[0]
    line = np.linspace(-6, 6, 61)
    for i in range(design.n_subjects):
        own = np.flatnonzero(design.subject == i)
        V = design.structure.sigma(theta[0], design.coords[own][None])[0]
        v = np.stack(np.meshgrid(*[line] * len(own)), axis=-1).reshape(-1, len(own))
        eta = design.fixed.X[own] @ beta[0] + v @ np.linalg.cholesky(V).T
        joint = stats.poisson.logpmf(design.y[own], np.exp(eta)).sum(axis=1) + stats.norm.logpdf(v).sum(
            axis=1
        )
        theirs = np.logaddexp.reduce(joint) + len(own) * np.log(line[1] - line[0])
        assert found[i] == pytest.approx(theirs, abs=SAMPLED)


def test_subjects_that_are_tied_together_have_no_likelihood_of_their_own():
    table = data("poisson").assign(site=lambda d: d["id"] % 3)
    spec = ml.ModelSpec("y ~ time + (1 | site / id)", family="poisson")
    design = build_design(spec, long_data(spec, table))
    with pytest.raises(EngineError, match="tie subjects together"):
        marginal_log_likelihood(design, np.zeros((1, 2)), None, {}, np.ones((1, 2)))


def test_random_points_are_unbiased_for_the_product_of_subjects():
    """Many sets of few points, all subjects together, against quadrature."""
    design = design_of("y ~ time + (1 | id)", "poisson")
    beta, theta = np.array([[0.4, 0.2]]), np.array([[0.8]])
    exact = marginal_log_likelihood(design, beta, None, {}, theta).sum()
    likelihood = replace(sampled_likelihood(design), rng=np.random.default_rng(2))
    many = np.repeat(beta, REPLICATES, axis=0), np.repeat(theta, REPLICATES, axis=0)
    found = likelihood.log_likelihood((many[0],), {}, many[1], n_nodes=4)
    ratio = np.exp(found.sum(axis=1) - exact)
    assert ratio.std() > UNEVEN
    assert ratio.mean() == pytest.approx(1, abs=MCSE * ratio.std() / np.sqrt(REPLICATES))


def test_posterior_by_random_points_agrees_with_quadrature(monkeypatch):
    design = design_of("y ~ time + (1 | id)", "poisson")
    priors = conditional_priors(design)

    def moments() -> np.ndarray:
        sample = importance_posterior(design, priors, 2000, np.random.default_rng(1))
        weights, parameters = sample.weighted.weights, sample.posterior.parameters(sample.weighted.u)
        x = np.column_stack([parameters.coefficients[0], np.log(parameters.theta)])
        return np.array([weights @ x, np.sqrt(weights @ (x - weights @ x) ** 2)])

    mean, sd = moments()
    monkeypatch.setattr(marginal_likelihood, "not_served", lambda design: "for the test")
    sampled_mean, sampled_sd = moments()
    assert (sampled_mean - mean) / sd == pytest.approx(0, abs=MEANS)
    assert sampled_sd == pytest.approx(sd, rel=SDS)
