"""Under nearly flat priors, posterior means are the REML estimates to Monte Carlo error.

Priors: coefficients Normal(0, (1000 s)^2), standard deviations half-t(3, 0, 100 s),
correlations LKJ(1): uniform.

sleepstudy is balanced: the mean of beta given theta is the same for every theta, so that the posterior mean *is* the
estimate, and only Monte Carlo error remains.

In HAMD17 a third of the patients leave early, and what stands in for their last visits depends on the
correlations. Uniform ones (LKJ(1)) still pull them a little towards zero, by the order of 1 / n: means at week 8
move by up to 0.14 SE, the arms' differences by 0.03 SE. ALLOWANCE covers that. The exact check beside it gives the
same draws of theta the weights of Jeffreys' prior for Sigma, |Sigma|^(-(T + 1) / 2), the one under which REML is
the centre of the posterior, and takes the means of beta given theta: what is left is below 0.01 SE.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import msclong as ml
from msclong.covariance.working import unvech
from msclong.engines.bayesian.coefficients import grams
from msclong.engines.bayesian.collapsed import collapse
from msclong.likelihood.standardised import standardise
from msclong.results.fit import Fit

MCSE = 4.0
ALLOWANCE = {"sleepstudy": 0.0, "hamd17": 0.15}
"""In SEs."""

FIXED = "change ~ basval * week + TRT * week + POOLINV"


FLAT = ml.Priors(coefficient_sd=1000, intercept_sd=1000, sd_scale=100, correlation_eta=1)

SPECS = {
    "sleepstudy": ml.ModelSpec("Reaction ~ Days + (1 + Days | Subject)", priors=FLAT),
    "hamd17": ml.ModelSpec(f"{FIXED} + us(week | PATIENT)", outcome_type="change", priors=FLAT),
}


@cache
def both(name: str) -> tuple[Fit, Fit]:
    """The posterior and the REML fit of one trial."""
    table = getattr(ml.datasets, name)()
    return ml.fit(SPECS[name], table, engine=ml.Bayesian(seed=1)), ml.fit(SPECS[name], table)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("table", ["coefficients", "contrasts", "means"])
def test_means_agree(name, table):
    posterior, reml = both(name)
    ours, theirs = getattr(posterior, table)(), getattr(reml, table)()
    assert list(ours.index) == list(theirs.index)
    allowed = MCSE * ours["mcse"] + ALLOWANCE[name] * theirs["se"]
    assert ((ours["estimate"] - theirs["estimate"]).abs() < allowed).all()


def test_under_jeffreys_prior_the_posterior_mean_is_the_estimate():
    posterior, reml = both("hamd17")
    structure, L = posterior.design.structure, posterior.hypothesis().L
    standardised = standardise(posterior.design.moments)
    p = standardised.moments.n_fixed
    theta = posterior.estimate.theta.reshape(-1, structure.n_parameters)
    gram = grams(
        structure, theta / standardised.scale**2, collapse(standardised.moments, np.zeros((p, p + 1)))
    )
    mean_of_beta = standardised.coefficients(np.linalg.solve(gram[:, :p, :p], gram[:, :p, p:])[:, :, 0])
    sigma = np.array([unvech(row, structure.n_visits) for row in theta])
    log_sd = np.log(np.diagonal(sigma, axis1=1, axis2=2)).sum(axis=1) / 2
    log_det_correlation = np.linalg.slogdet(sigma)[1] - 2 * log_sd
    # Flat standard deviations and correlations have density prod sd^-T in Sigma's elements.
    log_weight = -log_sd - (structure.n_visits + 1) / 2 * log_det_correlation
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    assert 1 / np.sum(weight**2) > 1000
    estimate = weight @ (mean_of_beta @ L.T)
    expected = reml.contrasts()
    assert (np.abs(estimate - expected["estimate"]) < 0.01 * expected["se"]).all()


@pytest.mark.parametrize("name", SPECS)
def test_standard_deviations_are_close_to_standard_errors(name):
    """Not equal: theta is unknown, so the posterior of beta is wider. Kenward-Roger's SEs grow for the same reason."""
    posterior, reml = both(name)
    ratio = posterior.contrasts()["se"] / reml.contrasts()["se"]
    assert ((ratio > 0.97) & (ratio < 1.2)).all()


@pytest.mark.parametrize("name", SPECS)
def test_chains_converged(name):
    posterior, _ = both(name)
    assert posterior.outcome.converged, str(posterior.outcome)
    assert np.isfinite(posterior.contrasts()["rhat"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("structure", ["cs", "ar1", "ar1h", "toeph"])
def test_every_structure_agrees_on_the_trial(structure):
    spec = ml.ModelSpec(f"{FIXED} + {structure}(week | PATIENT)", outcome_type="change", priors=FLAT)
    posterior = ml.fit(spec, ml.datasets.hamd17(), engine=ml.Bayesian(seed=1))
    reml = ml.fit(spec, ml.datasets.hamd17())
    ours, theirs = posterior.contrasts(), reml.contrasts()
    assert posterior.outcome.converged, str(posterior.outcome)
    allowed = MCSE * ours["mcse"] + 0.05 * theirs["se"]
    assert ((ours["estimate"] - theirs["estimate"]).abs() < allowed).all()
    ratio = posterior.covariance.parameters["estimate"] / reml.covariance.parameters["estimate"]
    assert ((ratio > 0.9) & (ratio < 1.1)).all()


@pytest.mark.slow
def test_irregular_times_agree():
    """Every subject a pattern of its own."""
    rng = np.random.default_rng(1)
    table = ml.datasets.sleepstudy()
    table["time"] = table["Days"] + rng.uniform(0, 0.5, len(table))
    spec = ml.ModelSpec("Reaction ~ time + (1 + time | Subject)", priors=FLAT)
    posterior = ml.fit(spec, table, engine=ml.Bayesian(seed=1))
    ours, theirs = posterior.coefficients(), ml.fit(spec, table).coefficients()
    assert posterior.outcome.converged, str(posterior.outcome)
    allowed = MCSE * ours["mcse"] + 0.02 * theirs["se"]
    assert ((ours["estimate"] - theirs["estimate"]).abs() < allowed).all()
