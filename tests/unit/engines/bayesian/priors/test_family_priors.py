"""Priors of the families' own parameters: densities, draws and tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from msclong.engines.bayesian.priors.family_priors import GammaDistributed, OrderedCutpoints, family_prior
from msclong.families.registry import family_of
from msclong.spec.prior import Priors

EXACT = 1e-10
# Central differences.
DERIVATIVE = 1e-6
# Means of 20,000 draws, in their SDs: five standard errors.
DRAWS, ERRORS = 20_000, 5.0


def test_gamma_density_has_the_jacobian_of_the_log():
    variable = GammaDistributed("df", ("df",), 2.0, 0.1)
    u = np.linspace(-3, 5, 7)[None]
    found = variable.log_density(u, variable.hyperparameters(1.0))
    theirs = stats.gamma.logpdf(np.exp(u[0]), 2.0, scale=10.0) + u[0]
    np.testing.assert_allclose(np.diff(found), np.diff(theirs), rtol=EXACT)
    assert variable.draw(DRAWS, np.random.default_rng(1)).mean() == pytest.approx(
        20.0, abs=ERRORS * np.sqrt(200 / DRAWS)
    )


@pytest.mark.parametrize(("latent", "cdf"), [("logistic", expit), ("normal", stats.norm.cdf)])
def test_cutpoints_make_the_probabilities_uniform_on_the_simplex(latent, cdf):
    """The density of u is the Jacobian of the probabilities in u, times a constant."""
    variable = OrderedCutpoints("cutpoint", ("1", "2", "3"), latent)

    def probabilities(u):
        return np.diff(cdf(variable.constrained(u[:, None])[:, 0]), prepend=0.0)

    found, theirs = [], []
    rng = np.random.default_rng(1)
    for u in rng.normal(0, 0.7, (5, 3)):
        moves = 1e-5 * np.eye(3)
        jacobian = np.array([(probabilities(u + h) - probabilities(u - h)) / 2e-5 for h in moves])
        theirs.append(np.linalg.slogdet(jacobian)[1])
        found.append(variable.log_density(u[:, None], np.zeros(3))[0])
    np.testing.assert_allclose(np.diff(found), np.diff(theirs), atol=DERIVATIVE * 10)
    draws = cdf(variable.draw(DRAWS, rng))
    np.testing.assert_allclose(draws.mean(axis=0), [0.25, 0.5, 0.75], atol=ERRORS * 0.25 / np.sqrt(DRAWS))


def test_unconstrained_cutpoints_come_back():
    variable = OrderedCutpoints("cutpoint", ("1", "2", "3"), "logistic")
    c = np.array([[-2.0], [0.1], [0.4]])
    np.testing.assert_allclose(variable.constrained(variable.unconstrained(c)), c, rtol=EXACT)


def test_scales_follow_the_outcome_and_other_parameters_do_not():
    family = family_of("student")
    prior = family_prior(family, family.sizes(np.zeros(3)), Priors(sd_scale=2.0), 7.0)
    scale, df = prior.variables
    assert scale.described() == [("residual scale", "half-Student-t(3, 0, 14)")]
    assert df.described() == [("degrees of freedom", "Gamma(2, 0.1)")]
    family = family_of("gamma")
    prior = family_prior(family, family.sizes(np.ones(3)), Priors(sd_scale=2.0), 7.0)
    assert prior.variables[0].described() == [("coefficient of variation", "half-Student-t(3, 0, 1)")]


def test_levels_have_scales_of_their_own_but_cutpoints_are_shared():
    family = family_of("ordered_beta")
    prior = family_prior(family, family.sizes(np.array([0.0, 0.5, 1.0])), Priors(), 1.0, ("v1", "v2"))
    assert [len(v.labels) for v in prior.variables] == [2, 2]
    family = family_of("gamma")
    (cv,) = family_prior(family, family.sizes(np.ones(2)), Priors(), 1.0, ("v1", "v2")).variables
    assert cv.labels == ("coefficient of variation | v1", "coefficient of variation | v2")


def test_cutpoints_are_counted_from_the_covariates_means():
    family = family_of("cumulative_probit")
    prior = family_prior(family, family.sizes(np.array([0, 1, 2])), Priors(), 1.0)
    found = prior.phi({"cutpoint": np.array([[-1.0, 1.0]])}, np.array([[3.0]]))
    np.testing.assert_allclose(found["cutpoint"], [[2.0, 4.0]])
    assert prior.variables[0].latent == "normal"
