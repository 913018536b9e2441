"""Predicted random effects: R lme4's, and Henderson's mixed-model equations solved as they stand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import SpecError
from parity import reference

R_THETA = 1e-7
"""R's theta was polished on numerical derivatives: right to about 1e-8."""
EXACT = 1e-8
"""The same quantities by another route, relative."""


def test_they_are_those_of_lme4():
    expected = reference.load("sleepstudy_after_fit")["ranef"]
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    found = fit.random_effects()["estimate"].loc["Subject"].unstack("effect")
    assert list(found.index) == expected["Subject"]
    np.testing.assert_allclose(found["Intercept"], expected["intercept"], atol=R_THETA * 40)
    np.testing.assert_allclose(found["Days"], expected["Days"], atol=R_THETA * 10)


def henderson(fit: ml.Fit, Z: np.ndarray, G: np.ndarray, s2: float) -> tuple[np.ndarray, np.ndarray]:
    """b_hat and the SD of b_hat - b from the inverse of the mixed-model equations."""
    X, p = fit.design.fixed.X, fit.design.fixed.X.shape[1]
    XZ = np.column_stack([X, Z])
    equations = XZ.T @ XZ / s2
    equations[p:, p:] += np.linalg.inv(G)
    inverse = np.linalg.inv(equations)
    return (inverse @ XZ.T @ fit.design.y / s2)[p:], np.sqrt(np.diag(inverse)[p:])


def indicators(values: pd.Series) -> tuple[np.ndarray, list[object]]:
    levels = list(dict.fromkeys(values))
    return np.column_stack([(values == level).to_numpy(float) for level in levels]), levels


def test_standard_errors_of_prediction_are_hendersons(sites):
    fit = ml.fit("y ~ arm * visit + (1 + visit | id)", sites, ml.Frequentist(ddf="satterthwaite"))
    who, levels = indicators(fit.design.fixed.frame["id"])
    times = fit.design.fixed.frame["visit"].to_numpy(float)
    Z = np.stack([who, who * times[:, None]], axis=2).reshape(len(who), -1)
    G = np.kron(np.eye(len(levels)), fit.covariance.random_effects)
    b, se = henderson(fit, Z, G, fit.covariance.residual_variance)
    found = fit.random_effects()
    assert list(found.index) == [
        ("id", level, effect) for level in levels for effect in ("Intercept", "visit")
    ]
    np.testing.assert_allclose(found["estimate"], b, atol=EXACT)
    np.testing.assert_allclose(found["se"], se, rtol=EXACT)


@pytest.mark.parametrize(
    "formula", ["y ~ arm * visit + (1 | site / id)", "y ~ arm * visit + (1 | visit) + (1 | id)"]
)
def test_nested_and_crossed_groupings(sites, formula):
    fit = ml.fit(formula, sites, ml.Frequentist(ddf="satterthwaite"))
    frame = fit.design.fixed.frame
    other = "site" if "site" in formula else "visit"
    Z1, _ = indicators(frame[other])
    Z2, _ = indicators(frame["id"])
    g = np.diag(fit.covariance.random_effects)
    G = np.diag(np.repeat(g, [Z1.shape[1], Z2.shape[1]]))
    b, se = henderson(fit, np.column_stack([Z1, Z2]), G, fit.covariance.residual_variance)
    found = fit.random_effects()
    assert list(found.index.unique("grouping")) == [other, "site:id" if other == "site" else "id"]
    assert found.index.unique("effect").tolist() == ["Intercept"]
    np.testing.assert_allclose(found["estimate"], b, atol=EXACT)
    np.testing.assert_allclose(found["se"], se, rtol=EXACT)


def test_without_random_effects_there_are_none(sites):
    fit = ml.fit("y ~ arm * C(visit) + ar1(visit | id)", sites)
    with pytest.raises(SpecError, match="has no random effects"):
        fit.random_effects()
