"""The prior of coefficients does not depend on where a covariate has its zero."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.design.fixed_effects import build_fixed_effects
from msclong.engines.bayesian.priors.centred_columns import centred

# Calendar years leave 1e-16 * 2000^2 of the digits of products with them.
DIGITS = 1e-6


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"id": np.repeat(np.arange(40), 5), "t": np.tile(np.arange(5.0), 40)})
    frame["arm"] = np.where(frame["id"] < 20, "a", "b")
    frame["age"] = np.repeat(rng.normal(50, 10, 40), 5)
    subject = np.repeat(rng.normal(size=40), 5)
    frame["y"] = 50 + 3 * subject + frame["t"] - (frame["arm"] == "b") * frame["t"] + rng.normal(size=200)
    frame["count"] = rng.poisson(np.exp(1 - 0.2 * (frame["arm"] == "b") * frame["t"])).astype(float)
    return frame


@pytest.mark.parametrize(
    "formula", ["arm * t", "0 + arm + arm:t", "arm * age * t", "arm * C(t) + age:arm + age"]
)
def test_coefficients_of_the_centred_model(table, formula):
    far = table.assign(t=table["t"] + 2018, age=table["age"] + 300)
    for frame in (table, far):
        fixed = build_fixed_effects(formula, frame)
        X, K = centred(fixed)
        beta = np.linspace(-1, 1, X.shape[1])
        np.testing.assert_allclose(X @ K @ beta, fixed.X @ beta, rtol=DIGITS, atol=DIGITS)
        middle = frame.assign(age=frame["age"] - frame["age"].mean())
        if "C(t)" not in formula:
            middle["t"] = frame["t"] - frame["t"].mean()
        np.testing.assert_allclose(X, build_fixed_effects(formula, middle).X, atol=1e-9)


@pytest.mark.parametrize(
    "formula", ["arm + t", "arm + t:arm:age", "arm * np.log(age)", "arm * C(t)", "arm * age + np.log(age)"]
)
def test_a_model_without_a_centred_equal_stays(table, formula):
    fixed = build_fixed_effects(formula, table)
    X, K = centred(fixed)
    np.testing.assert_array_equal(X, fixed.X)
    np.testing.assert_array_equal(K, np.eye(X.shape[1]))


def fitted(table, formula, **fields):
    spec = ml.ModelSpec(formula, **fields)
    return ml.fit(spec, table, engine=ml.Bayesian(seed=1, sampler="importance"))


def test_the_posterior_does_not_depend_on_the_origin_of_time(table):
    near = fitted(table, "y ~ arm * t + (1 | id)")
    far = fitted(table.assign(t=table["t"] + 2018), "y ~ arm * t + (1 | id)")
    columns = ["estimate", "se", "lower", "upper"]
    np.testing.assert_allclose(far.contrasts()[columns], near.contrasts()[columns], rtol=1e-4)
    assert "arm[T.b] at the covariates' means" in far.priors.index
    assert "t" in near.priors.index or "t at the covariates' means" in near.priors.index
    assert "arm[T.b]:t" in far.priors.index


def test_nor_does_that_of_a_count(table):
    near = fitted(table, "count ~ arm * t + (1 | id)", family="poisson")
    far = fitted(table.assign(t=table["t"] + 2018), "count ~ arm * t + (1 | id)", family="poisson")
    a, b = near.contrasts(effect="link"), far.contrasts(effect="link")
    np.testing.assert_allclose(a["estimate"], b["estimate"], atol=0.1 * a["se"].min())
    np.testing.assert_allclose(a["se"], b["se"], rtol=0.1)
