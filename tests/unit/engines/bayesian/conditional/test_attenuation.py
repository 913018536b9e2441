"""Coordinates in which coefficients do not grow with the latent variance: factors, and the density's Jacobian."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import msclong as ml
from msclong.api import long_data
from msclong.design.design import Design, build_design
from msclong.engines.bayesian.conditional.attenuation import Attenuation, attenuation
from msclong.engines.bayesian.conditional.marginal_likelihood import sampled_likelihood
from msclong.engines.bayesian.conditional.marginal_posterior import marginal_posterior
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors

# Rounding; the approximation to logistic-normal means, here off by 0.011 at most, where without it they are off by
# more than UNCORRECTED; central differences.
EXACT, APPROXIMATE, UNCORRECTED, DIFFERENCES = 1e-10, 0.015, 0.1, 1e-4


def design_of(formula: str, family: str) -> Design:
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"id": np.repeat(np.arange(12), 3), "time": np.tile(np.arange(3), 12)})
    table["y"] = rng.integers(0, 2 if family == "bernoulli" else 4, len(table)).astype(float)
    spec = ml.ModelSpec(formula, family=family)
    return build_design(spec, long_data(spec, table.drop(index=[1, 5])))


def of(design: Design) -> Attenuation:
    likelihood = sampled_likelihood(design)
    found = attenuation(likelihood.rows, likelihood.X, likelihood.structure)
    assert found is not None
    return found


def test_each_visit_has_the_factor_of_its_own_variance():
    design = design_of("y ~ 0 + C(time) + us(time | id)", "bernoulli")
    theta = np.array([[1.0, 0.5, 1.5, 0.3, 0.6, 0.9], [0.2, 0.0, 0.4, 0.0, 0.1, 4.0]])
    larger, mean = of(design).factors(theta)
    s = np.sqrt(1 + (16 * np.sqrt(3) / (15 * np.pi)) ** 2 * theta[:, [0, 2, 5]])
    np.testing.assert_allclose(larger, s[:, :, None] * np.eye(3), atol=EXACT)
    assert (s.min(axis=1) < mean).all()
    assert (mean < s.max(axis=1)).all()


def test_the_mean_over_subjects_stays_about_the_same():
    design = design_of("y ~ time + (1 | id)", "bernoulli")
    beta = np.array([0.4, 0.3])
    x, w = np.polynomial.hermite_e.hermegauss(60)
    for variance in (0.5, 2.0, 6.0):
        larger, _ = of(design).factors(np.array([[variance]]))
        eta = design.fixed.X @ larger[0] @ beta
        mean = expit(eta[:, None] + np.sqrt(variance) * x) @ w / w.sum()
        np.testing.assert_allclose(mean, expit(design.fixed.X @ beta), atol=APPROXIMATE)
    same = expit((design.fixed.X @ beta)[:, None] + np.sqrt(variance) * x) @ w / w.sum()
    assert np.abs(same - expit(design.fixed.X @ beta)).max() > UNCORRECTED


def test_many_places_share_the_factor_of_their_mean_variance():
    design = design_of("y ~ time + us(time | id)", "bernoulli")
    own = of(design)
    shared = replace(own, parts=own.parts.sum(axis=0)[None])
    theta = np.array([[1.0, 0.5, 1.5, 0.3, 0.6, 0.9]])
    larger, mean = shared.factors(theta)
    v = own.counts @ theta[0, [0, 2, 5]] / own.counts.sum()
    assert mean[0] ** 2 == pytest.approx(1 + own.per_variance * v, rel=EXACT)
    np.testing.assert_allclose(larger[0], mean[0] * np.eye(2), atol=EXACT)


def test_a_log_link_has_none():
    design = design_of("y ~ time + (1 | id)", "poisson")
    likelihood = sampled_likelihood(design)
    assert attenuation(likelihood.rows, likelihood.X, likelihood.structure) is None


@pytest.mark.parametrize(("family", "cuts"), [("bernoulli", 0), ("cumulative_logit", 3)])
def test_the_density_is_that_of_the_parameters_times_the_jacobian(family, cuts):
    """log p(u) with the factors minus without them, at the same parameters: log |d parameters / du| by differences."""
    design = design_of("y ~ time + us(time | id)", family)
    priors = conditional_priors(design)
    with_factors = marginal_posterior(design, priors, np.random.default_rng(1))
    without = replace(with_factors, attenuation=None)
    rng = np.random.default_rng(3)
    u = with_factors.start + 0.3 * rng.standard_normal(len(with_factors.start))
    p = design.fixed.X.shape[1]

    def moved(at: np.ndarray) -> np.ndarray:
        """The coordinates that mean without the factors what `at` means with them."""
        parameters = with_factors.parameters(at)
        gamma = np.linalg.solve(
            with_factors.back[0], (parameters.coefficients[0] - with_factors.origin[0]).T
        ).T
        if not cuts:
            return np.concatenate([gamma, at[:, p:]], axis=1)
        centre = parameters.coefficients[0] @ with_factors.means
        cut = parameters.phi["cutpoint"] - centre[:, None]
        own = np.concatenate([cut[:, :1], np.log(np.diff(cut, axis=1))], axis=1)
        return np.concatenate([gamma, own, at[:, p + cuts :]], axis=1)

    step = 1e-5
    sides = np.concatenate([u + step * np.eye(len(u)), u - step * np.eye(len(u))])
    there = moved(sides)
    volume = np.linalg.slogdet((there[: len(u)] - there[len(u) :]) / (2 * step))[1]
    difference = with_factors.log_density(u[None]) - without.log_density(moved(u[None]))
    assert difference[0] == pytest.approx(volume, abs=DIFFERENCES)
    assert abs(volume) > 100 * DIFFERENCES
