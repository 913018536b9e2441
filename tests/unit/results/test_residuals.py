"""Residuals: a hand example, what standardising must achieve, and R lme4's conditional ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from dense import dense_covariance
from msclong.errors import SpecError
from parity import reference

R_THETA = 1e-7
"""R's theta was polished on numerical derivatives: right to about 1e-8, residuals of size 100 to 1e-6."""
EXACT = 1e-9
"""The same arithmetic by dense matrices."""


@pytest.fixture
def pairs() -> ml.Fit:
    """Three subjects, two visits, one common mean: beta is the mean of y, and cs has theta in closed form."""
    table = pd.DataFrame(
        {"id": [1, 1, 2, 2, 3, 3], "visit": [0, 1] * 3, "y": [1.0, 2.0, 5.0, 4.0, 9.0, 9.0]},
        index=list("abcdef"),
    )
    return ml.fit("y ~ 1 + cs(visit | id)", table)


def test_raw_residuals_are_what_the_fixed_effects_leave(pairs):
    assert pairs.residuals().to_dict() == pytest.approx(
        dict(zip("abcdef", [-4, -3, 0, -1, 4, 4], strict=True))
    )
    assert pairs.fitted().tolist() == pytest.approx([5.0] * 6)


def test_hand_example_of_pearson_and_scaled_residuals(pairs):
    covariance, residual = pairs.covariance.theta
    variance = covariance + residual
    raw = pairs.residuals().to_numpy().reshape(3, 2)
    assert pairs.residuals("pearson").to_numpy() == pytest.approx(raw.reshape(-1) / np.sqrt(variance))
    # The Cholesky factor of [[v, c], [c, v]] is [[sqrt v, 0], [c / sqrt v, sqrt(v - c^2 / v)]].
    first = raw[:, 0] / np.sqrt(variance)
    second = (raw[:, 1] - covariance / variance * raw[:, 0]) / np.sqrt(variance - covariance**2 / variance)
    assert pairs.residuals("scaled").to_numpy() == pytest.approx(np.column_stack([first, second]).reshape(-1))


def test_scaled_residuals_of_simulated_data_are_uncorrelated_with_variance_one():
    rng = np.random.default_rng(7)
    n, sigma = 4000, np.array([[4.0, 3.0, 1.0], [3.0, 9.0, 4.0], [1.0, 4.0, 6.0]])
    y = rng.multivariate_normal([1.0, 2.0, 4.0], sigma, size=n)
    table = pd.DataFrame(
        {"id": np.repeat(np.arange(n), 3), "visit": np.tile([1, 2, 3], n), "y": y.reshape(-1)}
    )
    kept = table.drop(
        table.index[(table["visit"] == 2) & (table["id"] % 5 == 0)]
    )  # some miss the second visit
    fit = ml.fit("y ~ C(visit) + us(visit | id)", kept)
    scaled = fit.residuals("scaled").to_frame("r").join(kept).pivot(index="id", columns="visit", values="r")
    # Standard error of a correlation of 4000 (3200 for visit 2) pairs: 0.018.
    assert np.abs(scaled.cov().to_numpy() - np.eye(3)).max() < 0.06
    pearson = fit.residuals("pearson").to_frame("r").join(kept).pivot(index="id", columns="visit", values="r")
    assert pearson.var().to_numpy() == pytest.approx(np.ones(3), abs=0.06)
    assert pearson.corr().loc[1, 2] > 0.4


def test_the_order_of_rows_does_not_matter():
    table = ml.datasets.hamd17()
    spec = "change ~ TRT * week + ar1h(week | PATIENT)"
    shuffled = table.sample(frac=1, random_state=3)
    expected = ml.fit(spec, table).residuals("scaled")
    found = ml.fit(spec, shuffled).residuals("scaled")
    assert found.index.equals(shuffled.index)
    assert found.loc[expected.index].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)


def test_random_effects_have_scaled_residuals_too():
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    assert fit.residuals("scaled").var() == pytest.approx(1, abs=0.1)


def test_an_unknown_kind_is_refused(pairs):
    with pytest.raises(
        SpecError, match="'raw', 'pearson', 'scaled', 'conditional', 'quantile'; got 'deviance'"
    ):
        pairs.residuals("deviance")


def test_conditional_residuals_are_those_of_lme4():
    expected = reference.load("sleepstudy_after_fit")
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    found = fit.residuals("conditional")
    assert fit.loglik == pytest.approx(expected["logLik"], abs=1e-9)
    np.testing.assert_allclose(found, expected["residuals"], atol=R_THETA * np.abs(found).max())


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ arm * C(visit) + (1 | site / id)",
        "y ~ arm * C(visit) + (1 + visit || id)",
        "y ~ arm * C(visit) + (1 | id) + diag(visit | id)",
    ],
)
def test_conditional_residuals_of_any_composition_leave_y_minus_random_effects(sites, formula):
    fit = ml.fit(formula, sites)
    G = np.diag(fit.covariance.random_effects)
    V, _ = dense_covariance(fit.design, fit.covariance.theta)
    frame, theta = fit.design.fixed.frame, fit.covariance.parameters["estimate"]
    # R is what is left of V when the random effects, written out by hand, are taken away.
    same = {name: np.equal.outer(frame[name].to_numpy(), frame[name].to_numpy()) for name in ("site", "id")}
    if "site" in formula:
        Zb = G[0] * same["site"] + G[1] * same["id"]
    elif "||" in formula:
        Zb = same["id"] * (G[0] + G[1] * np.outer(frame["visit"], frame["visit"]))
    else:
        Zb = G[0] * same["id"]
    assert np.abs((V - Zb) - np.diag(np.diag(V - Zb))).max() < EXACT * theta.abs().max()
    r = fit.residuals().to_numpy()
    np.testing.assert_allclose(fit.residuals("conditional"), r - Zb @ np.linalg.solve(V, r), atol=EXACT)


def test_conditional_residuals_need_random_effects(pairs):
    with pytest.raises(SpecError, match="has none; use kind='scaled'"):
        pairs.residuals("conditional")
