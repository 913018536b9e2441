"""Kenward-Roger with second derivatives against its printed formula, for structures of every build."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from dense import dense_covariance

# Second derivatives by central differences: h^2 and rounding / h.
STEP = 1e-5
DENSE = 1e-6

ENGINE = ml.Frequentist(ddf="kenward-roger-second-order", information="expected")
STRUCTURES = [
    "csh(visit | id)",
    "toeph(visit | id)",
    "sp_exp(visit | id)",
    "sp_gau(visit | id)",
    "ar1h(visit | arm / id)",
    "(1 | id) + ar1(visit | id)",
    "(1 | site) + csh(visit | id)",
]


def trial(n: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(12)
    subject, visit = np.repeat(np.arange(n), 4), np.tile(np.arange(4), n)
    sd = 1 + 0.3 * np.arange(4)
    root = np.linalg.cholesky(0.3 + 0.7 * 0.5 ** np.abs(np.subtract.outer(range(4), range(4))))
    y = (sd * (rng.normal(size=(n, 4)) @ root.T)).ravel() + 2 * rng.normal(size=n // 3)[subject // 3]
    y[(rng.random(4 * n) < 0.15) & (visit > 0)] = np.nan
    arm = np.where(subject % 2, "active", "control")
    return pd.DataFrame({"id": subject, "visit": visit, "arm": arm, "site": subject // 3, "y": y})


def dense_second_order(fit: ml.Fit) -> np.ndarray:
    """Phi + 2 Phi [sum W_jk (Q_jk - P_j Phi P_k - R_jk / 4)] Phi with N x N matrices, W of the expected information."""
    design, theta = fit.design, fit.covariance.theta
    k = theta.size
    V, dV = dense_covariance(design, theta)
    steps = STEP * np.diag(np.abs(theta))
    second = [
        (dense_covariance(design, theta + h)[1] - dense_covariance(design, theta - h)[1]) / (2 * h.sum())
        for h in steps
    ]
    X, inverse = design.fixed.X, np.linalg.inv(V)
    MX = inverse @ X
    phi = np.linalg.inv(X.T @ MX)
    projection = inverse - MX @ phi @ MX.T
    moved = [projection @ D for D in dV]
    W = np.linalg.inv([[np.sum(a * b.T) / 2 for a in moved] for b in moved])
    P = [-MX.T @ D @ MX for D in dV]
    bracket = sum(
        W[i, j] * (MX.T @ dV[i] @ inverse @ dV[j] @ MX - P[i] @ phi @ P[j] - MX.T @ second[i][j] @ MX / 4)
        for i in range(k)
        for j in range(k)
    )
    return phi + 2 * phi @ bracket @ phi


@pytest.mark.parametrize("structure", STRUCTURES)
def test_against_the_printed_formula(structure):
    table = trial()
    fit = ml.fit(ml.ModelSpec(f"y ~ arm * C(visit) + {structure}", visit="visit"), table, engine=ENGINE)
    expected = dense_second_order(fit)
    np.testing.assert_allclose(fit.vcov, expected, rtol=DENSE, atol=DENSE * np.abs(expected).max())
    linear = ml.Frequentist(information="expected").fit(fit.design)
    assert np.abs(fit.vcov / linear.vcov - 1).max().max() > 1e-4


@pytest.mark.parametrize("structure", ["us(visit | id)", "toep(visit | id)", "(1 + visit | id)"])
def test_linear_structures_have_one_form(structure):
    fits = [
        ml.fit(f"y ~ arm * C(visit) + {structure}", trial(), engine=ml.Frequentist(ddf=ddf))
        for ddf in ("kenward-roger", "kenward-roger-second-order")
    ]
    np.testing.assert_array_equal(fits[0].vcov, fits[1].vcov)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_units_are_units_only(factor):
    engine = ml.Frequentist(ddf="kenward-roger-second-order")
    plain, other = (
        ml.fit("y ~ arm * C(visit) + adh(visit | id)", t, engine=engine).coefficients()
        for t in (trial(), trial().assign(y=lambda t: t["y"] * factor))
    )
    np.testing.assert_allclose(other["se"], plain["se"] * factor, rtol=1e-8)
    np.testing.assert_allclose(other["df"], plain["df"], rtol=1e-8)
