"""Leaving out all subjects at once is leaving out each with all its checks."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.errors import ConvergenceError, EngineError
from msclong.sensitivity import left_out as module
from msclong.sensitivity.left_out import left_out
from trials_with_dropout import BY_ARM, SATURATED, saturated, trial

SAME = 1e-7
"""Relative: both stop at a Newton decrement far below rounding of the likelihood."""


@pytest.mark.parametrize(
    ("formula", "method"),
    [
        (SATURATED, "reml"),
        (SATURATED, "ml"),
        (BY_ARM, "reml"),
        ("y ~ (x + arm) * visit + ar1h(visit | id)", "ml"),
        ("y ~ x + arm * visit + (1 | id)", "reml"),
    ],
)
def test_all_at_once_is_one_by_one(formula, method):
    spec = ml.ModelSpec(formula, arm="arm", visit="visit")
    fit = ml.fit(spec, trial(n=60), ml.Frequentist(method=method, ddf="satterthwaite"))
    found = module._all_at_once(fit, fit.engine.method == "reml")
    assert found is not None
    expected = ml.influence(fit)
    np.testing.assert_allclose(found.beta, expected.coefficients, rtol=SAME, atol=SAME)
    np.testing.assert_allclose(found.theta, expected.theta, rtol=SAME, atol=SAME)


def test_few_subjects_are_left_out_one_by_one():
    fit = saturated(n=24, seed=5)
    assert module._all_at_once(fit, fit.engine.method == "reml") is None
    np.testing.assert_allclose(left_out(fit).beta, ml.influence(fit).coefficients, rtol=SAME, atol=SAME)


def test_one_fit_is_left_out_once():
    fit = saturated()
    assert left_out(fit) is left_out(fit)


def test_a_subject_without_whom_there_is_no_model_is_named():
    data = trial(n=40)
    data["centre"] = np.where(data["id"] == "p005", "alone", "rest")
    fit = ml.fit("y ~ centre + arm * visit + cs(visit | id)", data)
    with pytest.raises(ConvergenceError, match="p005"):
        ml.sensitivity.reference_based(fit)


def test_a_posterior_is_imputed_from_its_draws():
    fit = ml.fit("y ~ arm * visit + cs(visit | id)", trial(), ml.Bayesian(seed=1))
    with pytest.raises(EngineError, match="MultipleImputation"):
        ml.sensitivity.reference_based(fit)
