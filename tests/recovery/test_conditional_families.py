"""Conditional models by the No-U-Turn sampler: the truth is recovered, with missing visits; one shape compiles once,
also of fewer subjects."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import msclong as ml

pytestmark = pytest.mark.slow

# Posterior SDs between the truth and a posterior mean; of 40 parameters in all, none is expected beyond 4 (0.2 %).
FAR = 4.0
SUBJECTS, VISITS = 150, 4


def trial(seed):
    """Subjects in two arms at four visits, and which rows are seen: a sixth is missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(SUBJECTS), VISITS), "t": np.tile(np.arange(VISITS), SUBJECTS)}
    )
    frame["arm"] = (frame["id"] % 2).astype(float)
    frame["eta"] = 0.2 - 0.3 * frame["t"] + 0.5 * frame["arm"]
    return rng, frame, frame[rng.random(len(frame)) > 1 / 6].index


def effects(rng, covariance):
    return rng.standard_normal((SUBJECTS, len(covariance))) @ np.linalg.cholesky(covariance).T


def poisson(seed):
    rng, frame, seen = trial(seed)
    lag = np.abs(np.subtract.outer(np.arange(VISITS), np.arange(VISITS)))
    b = effects(rng, 0.8 * 0.7**lag)
    frame["exposure"] = rng.uniform(0, 1, len(frame))
    frame["y"] = rng.poisson(np.exp(frame["eta"] + frame["exposure"] + b[frame["id"], frame["t"]])).astype(
        float
    )
    spec = ml.ModelSpec("y ~ t + arm + ar1(t | id)", family="poisson", offset="exposure")
    return spec, frame.loc[seen], {"beta": [0.2, -0.3, 0.5], "theta": [0.8, 0.7]}


def cumulative_probit(seed):
    rng, frame, seen = trial(seed)
    b = effects(rng, np.array([[1.2]]))[frame["id"], 0]
    frame["y"] = np.digitize(frame["eta"] + b + rng.normal(size=len(frame)), [-1.0, 0.5, 2.0]).astype(float)
    spec = ml.ModelSpec("y ~ t + arm + (1 | id)", family="cumulative_probit")
    # The cutpoints take up the constant.
    return spec, frame.loc[seen], {"beta": [-0.3, 0.5], "theta": [1.2], "cutpoint": [-1.2, 0.3, 1.8]}


def hurdle_gamma(seed):
    rng, frame, seen = trial(seed)
    G = np.array([[0.5, -0.3], [-0.3, 0.8]])
    b = effects(rng, G)[frame["id"]]
    zero = expit(-1 + 0.4 * frame["arm"] + b[:, 1])
    mean = np.exp(frame["eta"] + b[:, 0])
    frame["y"] = np.where(rng.random(len(frame)) < zero, 0.0, rng.gamma(4, mean / 4))
    spec = ml.ModelSpec("y ~ t + arm + (1 | id)", family="hurdle_gamma", hurdle="arm")
    truth = {
        "beta": [0.2, -0.3, 0.5],
        "zero": [-1, 0.4],
        "theta": [0.5, -0.3, 0.8],
        "coefficient of variation": [0.5],
    }
    return spec, frame.loc[seen], truth


@pytest.mark.parametrize("simulated", [poisson, cumulative_probit, hurdle_gamma])
def test_truth_is_recovered_and_the_model_compiled_once(simulated, monkeypatch):
    from msclong.engines.bayesian.nuts import compiled

    compilations = []
    once = compiled.nutpie.compile_pymc_model
    monkeypatch.setattr(
        compiled.nutpie, "compile_pymc_model", lambda *args, **kw: compilations.append(1) or once(*args, **kw)
    )
    for seed, subjects in ((1, SUBJECTS), (2, SUBJECTS - 10)):
        spec, frame, truth = simulated(seed)
        frame = frame[frame["id"] < subjects]
        fit = ml.fit(spec, frame, engine=ml.Bayesian(seed=seed, sampler="nuts", target_accept=0.9))
        assert fit.outcome.converged
        estimate = fit.estimate
        draws = {
            "beta": estimate.flat,
            "theta": estimate.flat_theta,
            "zero": estimate.flat_zero,
            **estimate.flat_phi,
        }
        for name, values in truth.items():
            distance = (draws[name].mean(axis=0) - values) / draws[name].std(axis=0)
            assert np.abs(distance).max() < FAR, name
    assert len(compilations) == 1
