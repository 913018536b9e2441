"""The coordinates that categories with a deviation at each visit are sampled in: nothing is compiled."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pytensor.compile.mode import Mode
from scipy import stats

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.conditional.conditional_model import conditional_data, conditional_model
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors

INTERPRETED = Mode(linker="py", optimizer=None)

EXACT = 1e-9
"""Of log densities of some hundreds: sums of a hundred terms."""

DRAWS = 400_000
"""Of a normal variable and its category: shares of its variance are then good to 1 %."""


def data_of(formula, family, **fields):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"id": np.repeat(np.arange(10), 3), "t": np.tile(np.arange(3), 10)})
    frame["yes"] = rng.integers(0, 2, len(frame))
    frame["grade"] = np.arange(len(frame)) % 4
    frame["n"] = 4
    frame["one"] = 1
    spec = ml.ModelSpec(formula, family=family, **fields)
    design = build_design(spec, long_data(spec, frame.drop(index=[4, 11])))
    return conditional_data(design, conditional_priors(design))


def log_density(data):
    with conditional_model(data) as model:
        return model.compile_logp(jacobian=False, mode=INTERPRETED), model.value_vars


@pytest.mark.parametrize(
    ("formula", "family"),
    [("yes ~ t + ar1(t | id)", "bernoulli"), ("grade ~ t + us(t | id)", "cumulative_probit")],
)
def test_the_posterior_is_the_same_in_other_coordinates(formula, family):
    data = data_of(formula, family)
    plain = replace(data, coordinates=None)
    rng = np.random.default_rng(6)
    with_coordinates, variables = log_density(data)
    without, _ = log_density(plain)
    values = {v.name: rng.normal(0, 0.5, v.type.shape) for v in variables}
    # Both read one set of natural values of the covariance.
    prior = data.priors.covariance
    natural = {"sd": np.exp(values["sd_log__"])}
    (other,) = (v for v in prior.variables if v.name != "sd")
    natural[other.name] = other.natural(1 / (1 + np.exp(-values[f"{other.name}_logodds__"])))
    L = data.terms[0].factor(natural, prior.theta(natural, np), np)
    v = np.diag(L @ L.T)
    share = np.bincount(data.rows["position 0"][0].astype(int)) / 10
    c, numbers = data.coordinates.per_variance, data.coordinates.numbers
    s = share @ np.sqrt(1 + c * v) / share.sum()
    r = 1 / np.sqrt(1 + (share / (numbers[0] + numbers[1] * v)) @ L**2)
    (part,) = data.coefficients
    beta = s * (part.origin + part.back @ values["coefficients of X"])
    moved = dict(values)
    moved["coefficients of X"] = np.linalg.solve(part.back, beta - part.origin)
    moved["z"] = values["z"].copy()
    moved["z"][:10] *= r
    volume = len(beta) * np.log(s) + 10 * np.log(r).sum()
    if "cutpoint_ordered__" in values:
        u = values["cutpoint_ordered__"]
        moved["cutpoint_ordered__"] = np.r_[s * u[0], np.log(s) + u[1:]]
        volume += len(u) * np.log(s)
    assert float(with_coordinates(values)) == pytest.approx(float(without(moved)) + volume, rel=EXACT)
    assert abs(volume) > 1


def test_what_a_category_tells():
    """1 / i_0 and 1 / k of four grades, by simulation and by hand."""
    data = data_of("grade ~ t + ar1(t | id)", "cumulative_logit")
    numbers = data.coordinates.numbers
    frequency = np.bincount(data.rows["y"][0].astype(int)) / 28
    x = np.random.default_rng(7).standard_normal(DRAWS)
    category = np.digitize(x, stats.norm.ppf(np.cumsum(frequency)[:-1]))
    within = frequency @ [x[category == k].var() for k in range(4)]
    assert numbers[1] == pytest.approx(within / (1 - within), rel=0.02)
    edges = np.r_[0, np.cumsum(frequency)]
    score = 1 - edges[1:] - edges[:-1]  # of a logistic variable's place
    assert numbers[0] == pytest.approx(1 / (frequency @ score**2), rel=EXACT)


def test_one_category_tells_nothing():
    assert data_of("one ~ t + ar1(t | id)", "bernoulli").coordinates is None


@pytest.mark.parametrize(
    ("formula", "family", "fields"),
    [
        ("grade ~ t + (1 | id)", "cumulative_logit", {}),
        ("grade ~ t + ar1(t | id)", "poisson", {}),
        ("grade ~ t + ar1(t | id)", "binomial", {"trials": "n"}),
        ("yes ~ t + (1 | id) + ar1(t | id)", "bernoulli", {}),
    ],
)
def test_other_models_keep_theirs(formula, family, fields):
    assert data_of(formula, family, **fields).coordinates is None
