"""The second opinion: statsmodels agrees where it can express the model, and says where it cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml

# MixedLM stops at its own gradient tolerance: estimates agree to 1e-5 of themselves, the likelihood to 1e-9.
LOGLIK = 1e-8
SE = 1e-4


@pytest.mark.parametrize(
    "formula", ["Reaction ~ Days + (1 | Subject)", "Reaction ~ Days + (1 + Days | Subject)"]
)
@pytest.mark.parametrize("method", ["reml", "ml"])
def test_two_programs_one_answer(formula, method):
    data = ml.datasets.sleepstudy()
    ours = ml.fit(formula, data, engine=ml.Frequentist(method=method, ddf="asymptotic"))
    theirs = ml.fit(formula, data, engine=ml.StatsmodelsMixedLM(method=method))
    assert theirs.loglik == pytest.approx(ours.loglik, rel=LOGLIK)
    assert ours.loglik >= theirs.loglik - 1e-9
    np.testing.assert_allclose(theirs.coefficients()["estimate"], ours.coefficients()["estimate"], rtol=1e-6)
    np.testing.assert_allclose(theirs.coefficients()["se"], ours.coefficients()["se"], rtol=SE)
    np.testing.assert_allclose(theirs.covariance.theta, ours.covariance.theta, rtol=5e-3)
    assert list(theirs.contrasts().columns) == list(ours.contrasts().columns)


def test_a_variance_of_zero_at_which_it_stops_is_told():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"id": np.repeat(np.arange(30), 4), "t": np.tile(np.arange(4), 30)})
    noise = rng.normal(size=(30, 4))
    table["y"] = (noise - noise.mean(axis=1, keepdims=True)).ravel()
    with pytest.raises(
        ml.errors.ConvergenceError, match=r"variance of a random effect is near zero; use ml.Freq"
    ):
        ml.fit("y ~ t + (1 | id)", table, ml.StatsmodelsMixedLM())


def test_what_it_cannot_express():
    with pytest.raises(ml.errors.EngineError, match=r"Sigma unstructured.*Use ml.Frequentist\(\)"):
        ml.fit("change ~ week + us(week | PATIENT)", ml.datasets.hamd17(), engine=ml.StatsmodelsMixedLM())
    with pytest.raises(ml.errors.SpecError, match="takes 'reml' or 'ml'"):
        ml.StatsmodelsMixedLM(method="REML")
