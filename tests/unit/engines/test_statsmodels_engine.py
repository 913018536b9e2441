"""The second opinion: statsmodels agrees where it can express the model, and says where it cannot."""

from __future__ import annotations

import numpy as np
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


def test_a_singular_matrix_at_which_it_stops_is_told(monkeypatch):
    # Whether statsmodels stops so near a variance of zero hangs on its optimiser's last steps, hence on the machine.
    def stops(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr("statsmodels.regression.mixed_linear_model.MixedLM.fit", stops)
    with pytest.raises(
        ml.errors.ConvergenceError, match=r"Singular.*variance of a random effect is near zero; use ml.Freq"
    ):
        ml.fit("Reaction ~ Days + (1 | Subject)", ml.datasets.sleepstudy(), ml.StatsmodelsMixedLM())


def test_what_it_cannot_express():
    with pytest.raises(ml.errors.EngineError, match=r"Sigma unstructured.*Use ml.Frequentist\(\)"):
        ml.fit("change ~ week + us(week | PATIENT)", ml.datasets.hamd17(), engine=ml.StatsmodelsMixedLM())
    with pytest.raises(ml.errors.SpecError, match="takes 'reml' or 'ml'"):
        ml.StatsmodelsMixedLM(method="REML")
