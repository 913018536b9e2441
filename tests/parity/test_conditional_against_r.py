"""Random intercepts under binary, count and ordinal outcomes, against lme4::glmer and ordinal::clmm.

Their likelihoods are sums over quadrature nodes too: with few nodes R's own figures change (toenail's log-likelihood
by 0.018 between 25 and 100 nodes), so that reference figures are those of many.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import Design, build_design
from msclong.engines.bayesian.conditional.conditional_fit import importance_posterior
from msclong.engines.bayesian.conditional.marginal_likelihood import (
    marginal_likelihood,
    marginal_log_likelihood,
)
from msclong.engines.bayesian.importance.posterior_mode import find_mode
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from parity.reference import load, patsy_name

# Log-likelihoods at R's estimates.
LOGLIK = 1e-5
# With the nodes that are taken unasked, a subject.
LOGLIK_BY_DEFAULT = 2e-4
# Our mode of the likelihood gains less than this over theirs, and lies this near, in SEs.
GAIN, NEAR = 2e-3, 0.05
# Posterior means of coefficients under wide priors, in SEs: the posterior is skewed, the mode is not its mean.
SKEWED = 0.5
# Posterior SDs over SEs.
SPREAD = 0.2

REFERENCE = load("conditional")
CASES = {
    "toenail": ("bernoulli", "toenail", "fit"),
    "epil": ("poisson", "epil", "fit"),
    "wine logit": ("cumulative_logit", "wine", "logit"),
    "wine probit": ("cumulative_probit", "wine", "probit"),
}
FACTORS = {
    "treatment": ["terbinafine"],
    "trt": ["progabide"],
    "temp": ["warm"],
    "contact": ["yes"],
}
WIDE = ml.Priors(coefficient_sd=1000.0, intercept_sd=1000.0, sd_scale=100.0)


def case(name: str) -> tuple[Design, dict, np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """The design, R's figures, and its estimates: beta (1, p), phi and theta (1, 1)."""
    family, data, fit = CASES[name]
    spec = ml.ModelSpec(REFERENCE[data]["formula"], family=family, priors=WIDE)
    design = build_design(spec, long_data(spec, pd.DataFrame(REFERENCE[data]["data"])))
    theirs = REFERENCE[data][fit]
    beta = {_name(key, design): value for key, value in theirs["beta"].items()}
    phi = {"cutpoint": np.array([theirs["cutpoints"]])} if "cutpoints" in theirs else {}
    return (
        design,
        theirs,
        np.array([[beta[n] for n in design.fixed.names]]),
        phi,
        np.array([[theirs["sd"] ** 2]]),
    )


def _name(r_name: str, design: Design) -> str:
    """patsy's name of R's coefficient, in patsy's order of an interaction's factors."""
    found = patsy_name(r_name, FACTORS)
    return found if found in design.fixed.names else ":".join(reversed(found.split(":")))


@pytest.mark.parametrize("name", CASES)
def test_log_likelihood(name):
    design, theirs, beta, phi, theta = case(name)
    ours = marginal_likelihood(design).integrals((beta,), phi, theta, n_nodes=41).log_likelihood
    assert ours.sum() == pytest.approx(theirs["loglik"], abs=LOGLIK)
    by_default = marginal_log_likelihood(design, beta, None, phi, theta)
    assert by_default.shape == (1, design.n_subjects)
    assert by_default.sum() == pytest.approx(theirs["loglik"], abs=LOGLIK_BY_DEFAULT * design.n_subjects)


@pytest.mark.parametrize("name", ["epil", "wine logit", "wine probit"])
def test_the_likelihood_has_its_mode_where_r_finds_it(name):
    design, theirs, beta, phi, theta = case(name)
    found = importance_posterior(design, conditional_priors(design), 200, np.random.default_rng(1))
    posterior = found.posterior

    def log_likelihood(u):
        p = posterior.parameters(u)
        return posterior.likelihood.integrals(p.coefficients, p.phi, p.theta, n_nodes=17).log_likelihood.sum(
            axis=1
        )

    mode = find_mode(log_likelihood, found.weighted.u.mean(axis=0), np.random.default_rng(1))
    assert -LOGLIK < theirs["loglik"] - mode.value < GAIN
    ours = posterior.parameters(mode.u[None])
    se = {_name(key, design): value for key, value in theirs["se"].items()}
    for j, coefficient in enumerate(design.fixed.names):
        assert ours.coefficients[0][0, j] == pytest.approx(beta[0, j], abs=NEAR * se[coefficient])
    for j, cutpoint in enumerate(theirs.get("cutpoints", ())):
        assert ours.phi["cutpoint"][0, j] == pytest.approx(cutpoint, abs=NEAR * se[f"{j + 1}|{j + 2}"])
    assert np.sqrt(ours.theta[0, 0]) == pytest.approx(theirs["sd"], rel=NEAR)


@pytest.mark.parametrize("name", ["epil", "wine logit"])
def test_posterior_under_wide_priors(name):
    """Nobody is told to expect the same figures: nearly flat priors, means against maxima."""
    design, theirs, beta, _, _ = case(name)
    fit = ml.fit(design.spec, design.data, engine=ml.Bayesian(seed=1, sampler="importance"))
    table = fit.coefficients()
    se = {_name(key, design): value for key, value in theirs["se"].items()}
    for j, coefficient in enumerate(design.fixed.names):
        assert abs(table["estimate"].iloc[j] - beta[0, j]) < SKEWED * se[coefficient]
        assert table["se"].iloc[j] == pytest.approx(se[coefficient], rel=SPREAD)
