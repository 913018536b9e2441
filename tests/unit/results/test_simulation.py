"""Simulated outcomes have the mean and the covariance that were fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import msclong as ml
from dense import dense_covariance
from msclong.engines.bayesian.checking.convergence import convergence
from msclong.errors import SpecError
from msclong.results.posterior_draws import PosteriorDraws

N = 4000
"""Data sets simulated: standard errors are 1 / sqrt(N) = 1.6 % of an SD, and the tolerances about five of them."""


@pytest.mark.parametrize(
    "formula", ["y ~ arm * C(visit) + us(visit | id)", "y ~ arm * visit + (1 | site / id)"]
)
def test_moments_are_those_of_the_fit(sites, formula):
    fit = ml.fit(formula, sites)
    found = fit.simulate(N, seed=1)
    assert found.shape == (fit.n_obs, N)
    assert found.index.equals(fit.design.fixed.frame.index)
    V, _ = dense_covariance(fit.design, fit.covariance.theta)
    sd = np.sqrt(np.diag(V))
    standardised = (found.sub(fit.fitted(), axis="index")).to_numpy() / sd[:, None]
    assert np.abs(standardised.mean(axis=1)).max() < 5 / np.sqrt(N)
    # 5.5 standard errors: the largest of 9,000 correlations.
    assert np.abs(standardised @ standardised.T / N - V / np.outer(sd, sd)).max() < 5.5 * np.sqrt(2 / N)


def test_the_seed_decides_and_data_sets_differ(sites):
    fit = ml.fit("y ~ arm * C(visit) + ar1(visit | id)", sites)
    first = fit.simulate(2, seed=3)
    assert first.equals(fit.simulate(2, seed=3))
    assert not first.equals(fit.simulate(2, seed=4))
    assert not np.isclose(first[0], first[1]).any()


def test_refitting_a_simulated_data_set_recovers_the_parameters_on_average(sites):
    fit = ml.fit("y ~ arm * visit + (1 | id)", sites, ml.Frequentist(ddf="satterthwaite"))
    simulated = fit.simulate(60, seed=5)
    refits = [
        ml.fit(fit.spec, fit.design.fixed.frame.assign(y=simulated[i]), fit.engine) for i in simulated.columns
    ]
    beta = np.array([one.estimate.beta for one in refits])
    z = (beta.mean(axis=0) - fit.estimate.beta) / (beta.std(axis=0, ddof=1) / np.sqrt(len(beta)))
    assert np.abs(z).max() < 4
    np.testing.assert_allclose(beta.std(axis=0, ddof=1), np.sqrt(np.diag(fit.vcov)), rtol=0.35)


def test_each_data_set_of_a_posterior_has_its_own_draw(sites):
    fit = ml.fit("y ~ arm * visit + (1 | id)", sites)
    p, draws = len(fit.estimate.names), 50
    beta = np.zeros((2, draws, p))
    beta[..., 0] = 1000 * np.arange(2 * draws).reshape(2, draws)  # each draw can be told by the level
    posterior = PosteriorDraws(
        fit.estimate.names, beta, convergence, np.broadcast_to(fit.covariance.theta, (2, draws, 2))
    )
    found = replace(fit, estimate=posterior).simulate(2 * draws, seed=1)
    assert sorted((found.mean() / 1000).round().astype(int)) == list(range(2 * draws))
    again = replace(fit, estimate=posterior).simulate(3 * draws, seed=1)  # more than there are draws
    assert again.shape == (fit.n_obs, 3 * draws)


@pytest.mark.parametrize("seed", ["x", -1, 1.5, True])
def test_a_seed_that_is_none_is_refused(sites, seed):
    fit = ml.fit("y ~ arm * visit + (1 | id)", sites)
    with pytest.raises(SpecError, match="seed must be None or an integer from 0 up; got"):
        fit.simulate(2, seed=seed)
    assert fit.simulate(1, seed=np.int64(3)).equals(fit.simulate(1, seed=3))


@pytest.mark.parametrize("n", [0, -1, 2.5, "3", True])
def test_a_number_that_is_none_is_refused(sites, n):
    fit = ml.fit("y ~ arm * visit + (1 | id)", sites)
    with pytest.raises(SpecError, match="must be 1 or more"):
        fit.simulate(n)
