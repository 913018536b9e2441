"""Under nearly flat priors, posterior means are the REML estimates.

Coefficients have Normal(0, (1000 s)^2) priors in units of their covariate's SD.

sleepstudy is balanced: the mean of beta given theta is the same for every theta, so that the posterior mean *is* the
estimate, under any prior of the covariance, and only the pull of the prior of beta remains.

In HAMD17 a third of the patients leave early, and what stands in for their last visits depends on the correlations:
there the covariance has Jeffreys' prior, under which REML is the centre of the posterior. Uniform correlations
(LKJ(1)) are not flat in that sense: they pull correlations towards zero by the order of 1 / n, which moves means at
week 8 by up to 0.16 SE and the arms' differences by less than 0.05 SE. A slow test holds that known difference.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import msclong as ml
from msclong.engines.bayesian.gaussian.collapsed import collapse
from msclong.engines.bayesian.gaussian.collapsed_batch import collapsed_batch
from msclong.likelihood.standardised import standardise
from msclong.results.fit import Fit

# The largest of 15 to 20 correlated differences: beyond 4 Monte Carlo errors once in some thousand runs.
MCSE = 4.0
# Posterior means are averages of means given theta, with hardly any Monte Carlo error. Of 60 coefficients and contrasts
# of HAMD17 the largest difference is 0.021 SE, at 160,000 draws (a site of few patients); sleepstudy's is the
# prior's pull, (SE / prior SD)^2. In SEs.
APART = {"sleepstudy": 1e-6, "hamd17": 0.04}
# The pull of uniform correlations, in SEs.
LKJ_PULL = 0.2
LKJ_PULL_BETWEEN_ARMS = 0.05

FIXED = "change ~ basval * week + TRT * week + POOLINV"


FLAT = {"coefficient_sd": 1000.0, "intercept_sd": 1000.0}
UNIFORM = ml.Priors(**FLAT, sd_scale=100.0, correlation_eta=1.0)

SPECS = {
    "sleepstudy": ml.ModelSpec("Reaction ~ Days + (1 + Days | Subject)", priors=UNIFORM),
    "hamd17": ml.ModelSpec(
        f"{FIXED} + us(week | PATIENT)",
        outcome_type="change",
        priors=ml.Priors(**FLAT, covariance="jeffreys"),
    ),
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
    assert ((ours["estimate"] - theirs["estimate"]).abs() < APART[name] * theirs["se"]).all()


def test_means_given_drawn_theta_agree_too():
    posterior, reml = both("hamd17")
    structure, L = posterior.design.structure, posterior.hypothesis().L
    standardised = standardise(posterior.design.moments)
    p = standardised.moments.n_fixed
    theta = posterior.estimate.theta.reshape(-1, structure.n_parameters)
    collapsed = collapse(standardised.moments, np.zeros((p, p + 1)))
    found = collapsed_batch(structure, theta.T / standardised.scale**2, collapsed)
    mean_of_beta = standardised.coefficients(found.coefficients()[0][0])
    expected = reml.contrasts()
    difference = np.abs((mean_of_beta @ L.T).mean(axis=0) - expected["estimate"])
    assert (difference < APART["hamd17"] * expected["se"]).all()


@pytest.mark.parametrize("name", SPECS)
def test_standard_deviations_are_close_to_standard_errors(name):
    """Not equal: theta is unknown, so the posterior of beta is wider. Kenward-Roger's SEs grow for the same reason."""
    posterior, reml = both(name)
    ratio = posterior.contrasts()["se"] / reml.contrasts()["se"]
    assert ((ratio > 0.97) & (ratio < 1.2)).all()


@pytest.mark.parametrize("name", SPECS)
def test_importance_sampling_served(name):
    posterior, _ = both(name)
    assert posterior.outcome.converged, str(posterior.outcome)
    assert posterior.outcome.diagnostics["sampler"] == "importance"


@pytest.mark.slow
def test_uniform_correlations_pull_where_patients_drop_out():
    posterior = ml.fit(
        SPECS["hamd17"].replace(priors=UNIFORM), ml.datasets.hamd17(), engine=ml.Bayesian(seed=1)
    )
    ours, theirs = posterior.contrasts(), both("hamd17")[1].contrasts()
    noise = MCSE * ours["mcse"] / theirs["se"]
    away = (ours["estimate"] - theirs["estimate"]).abs() / theirs["se"]
    assert (away < LKJ_PULL + noise).all()
    assert (away.loc["2 - 1"] < LKJ_PULL_BETWEEN_ARMS + noise.loc["2 - 1"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("structure", ["cs", "ar1", "ar1h", "toeph"])
def test_every_structure_agrees_on_the_trial(structure):
    spec = ml.ModelSpec(f"{FIXED} + {structure}(week | PATIENT)", outcome_type="change", priors=UNIFORM)
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
    spec = ml.ModelSpec("Reaction ~ time + (1 + time | Subject)", priors=UNIFORM)
    posterior = ml.fit(spec, table, engine=ml.Bayesian(seed=1))
    ours, theirs = posterior.coefficients(), ml.fit(spec, table).coefficients()
    assert posterior.outcome.converged, str(posterior.outcome)
    allowed = MCSE * ours["mcse"] + 0.02 * theirs["se"]
    assert ((ours["estimate"] - theirs["estimate"]).abs() < allowed).all()
