"""A covariance structure that a user adds in his own file, through the public registry, fitted by both engines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml


class DecayPlusNugget(ml.TimeStructure):
    """Covariance that decays with the time between two observations, plus measurement error of each."""

    keyword = "decay_nugget"
    description = "exponential decay plus nugget"
    parameters = {"variance": "variance", "range": "range", "nugget": "variance"}

    def kernel(self, theta, distance):
        return theta[0] * np.e ** (-distance / theta[1]) + theta[2] * np.eye(distance.shape[-1])

    def kernel_first(self, theta, distance):
        decay = np.exp(-distance / theta[1])
        same = np.broadcast_to(np.eye(distance.shape[-1]), distance.shape)
        return np.stack([decay, theta[0] * decay * distance / theta[1] ** 2, same])

    def kernel_second(self, theta, distance):
        slope = np.exp(-distance / theta[1]) * distance / theta[1] ** 2
        bend = theta[0] * slope * (distance / theta[1] - 2) / theta[1]
        zero = 0 * slope
        return np.stack([[zero, slope, zero], [slope, bend, zero], [zero, zero, zero]])


TRUE = {"variance": 4.0, "range": 3.0, "nugget": 1.0}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    ml.register_structure(DecayPlusNugget)
    time = np.array([0.0, 1, 2, 4, 8, 12])
    Sigma = DecayPlusNugget().kernel(np.array([*TRUE.values()]), np.abs(time[:, None] - time)[None])[0]
    y = 10 + 0.3 * time + np.random.default_rng(2).normal(size=(80, 6)) @ np.linalg.cholesky(Sigma).T
    return pd.DataFrame({"id": np.repeat(np.arange(80), 6), "time": np.tile(time, 80), "y": y.ravel()})


def test_both_engines_fit_it(table):
    formula = "y ~ time + decay_nugget(time | id)"
    fit = ml.fit(formula, table)
    for name, value in TRUE.items():
        row = fit.covariance.parameters.loc[name]
        assert abs(row["estimate"] - value) < 3.5 * row["se"]
    assert fit.loglik > ml.fit("y ~ time + sp_exp(time | id)", table).loglik + 2
    posterior = ml.fit(formula, table, engine=ml.Bayesian(seed=1))
    ours, theirs = posterior.coefficients().loc["time"], fit.coefficients().loc["time"]
    assert ours["estimate"] == pytest.approx(theirs["estimate"], abs=0.3 * theirs["se"])
    assert ours["se"] == pytest.approx(theirs["se"], rel=0.15)
    assert list(posterior.covariance.parameters.index) == list(TRUE)
    assert posterior.priors.loc["range", "prior"].startswith("log-normal(log ")


@pytest.mark.parametrize("ddf", ["kenward-roger", "kenward-roger-second-order", "satterthwaite"])
def test_its_derivatives_serve_every_method(table, ddf):
    engine = ml.Frequentist(ddf=ddf)
    row = ml.fit("y ~ time + decay_nugget(time | id)", table, engine=engine).coefficients().loc["time"]
    assert 20 < row["df"] < len(table)
    assert row["se"] > 0
