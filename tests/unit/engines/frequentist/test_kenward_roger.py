"""Kenward-Roger and Satterthwaite against their printed formulas with N x N matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from dense import dense_covariance
from msclong.covariance.registry import known_structures
from msclong.linear_hypothesis import LinearHypothesis

# The dense formulas invert N x N matrices: a few digits go to rounding.
DENSE = 1e-7


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 14
    visit = np.tile(np.arange(3), n)
    arm = np.repeat(np.where(np.arange(n) % 2, "active", "control"), 3)
    y = visit * (1 + (arm == "active")) + np.repeat(rng.normal(size=n), 3) + rng.normal(size=3 * n)
    y[(rng.random(3 * n) < 0.15) & (visit > 0)] = np.nan
    return pd.DataFrame({"id": np.repeat(np.arange(n), 3), "visit": visit, "arm": arm, "y": y})


def dense_kenward_roger(fit, L):
    """Kenward and Roger (1997), equations 2 to 6 and section 3, as printed, without the second derivatives."""
    design, theta = fit.design, fit.covariance.theta
    V, dV = dense_covariance(design, theta)
    X = design.fixed.X
    inverse = np.linalg.inv(V)
    phi = np.linalg.inv(X.T @ inverse @ X)
    projection = inverse - inverse @ X @ phi @ X.T @ inverse
    k = theta.size
    expected = np.array([[np.trace(projection @ D @ projection @ E) / 2 for E in dV] for D in dV])
    W = np.linalg.inv(expected)
    P = [-X.T @ inverse @ D @ inverse @ X for D in dV]
    bracket = sum(
        W[i, j] * (X.T @ inverse @ dV[i] @ inverse @ dV[j] @ inverse @ X - P[i] @ phi @ P[j])
        for i in range(k)
        for j in range(k)
    )
    adjusted = phi + 2 * phi @ bracket @ phi
    theta_matrix = L.T @ np.linalg.inv(L @ phi @ L.T) @ L
    one = [np.trace(theta_matrix @ phi @ P[i] @ phi) for i in range(k)]
    A1 = sum(W[i, j] * one[i] * one[j] for i in range(k) for j in range(k))
    A2 = sum(
        W[i, j] * np.trace(theta_matrix @ phi @ P[i] @ phi @ theta_matrix @ phi @ P[j] @ phi)
        for i in range(k)
        for j in range(k)
    )
    q = L.shape[0]
    B = (A1 + 6 * A2) / (2 * q)
    g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
    c1, c2, c3 = (value / (3 * q + 2 * (1 - g)) for value in (g, q - g, q + 2 - g))
    mean = 1 / (1 - A2 / q)
    variance = 2 / q * (1 + c1 * B) / ((1 - c2 * B) ** 2 * (1 - c3 * B))
    rho = variance / (2 * mean**2)
    m = 4 + (q + 2) / (q * rho - 1)
    scale = m / (mean * (m - 2))
    value = L @ fit.estimate.beta
    wald = value @ np.linalg.inv(L @ adjusted @ L.T) @ value / q
    return adjusted, scale * wald, m


VISIT_STRUCTURES = [f"{keyword}(visit | id)" for keyword in known_structures()]


@pytest.mark.parametrize("structure", [*VISIT_STRUCTURES, "(1 + visit | id)", "(1 | id) + ar1(visit | id)"])
def test_against_the_printed_formulas(trial, structure):
    spec = ml.ModelSpec(f"y ~ arm * C(visit) + {structure}", visit="visit")
    fit = ml.fit(spec, trial, engine=ml.Frequentist(information="expected"))
    names = fit.estimate.names
    for rows in ([1], [2, 3], [3, 4, 5]):
        L = np.eye(len(names))[rows]
        adjusted, statistic, df = dense_kenward_roger(fit, L)
        np.testing.assert_allclose(fit.vcov, adjusted, rtol=DENSE, atol=1e-9)
        ours = fit.test(LinearHypothesis(L, pd.Index([names[i] for i in rows]))).iloc[0]
        assert ours["statistic"] == pytest.approx(statistic, rel=DENSE)
        assert ours["den_df"] == pytest.approx(df, rel=DENSE)
        assert ours["num_df"] == len(rows)


def test_redundant_rows_of_a_joint_test_count_once(trial):
    fit = ml.fit("y ~ arm * C(visit) + us(visit | id)", trial)
    L = np.eye(6)[[3, 4]]
    plain = fit.test(LinearHypothesis(L, pd.Index(["a", "b"])))
    doubled = fit.test(LinearHypothesis(np.vstack([L, L.sum(axis=0)]), pd.Index(["a", "b", "a + b"])))
    np.testing.assert_allclose(doubled, plain, rtol=1e-9)


def test_a_joint_test_does_not_depend_on_the_coding(trial):
    """Kenward-Roger's F is invariant under L -> A L."""
    fit = ml.fit("y ~ arm * C(visit) + us(visit | id)", trial)
    L = np.eye(6)[[3, 4]]
    mixed = np.array([[2.0, 1.0], [0.5, -3.0]]) @ L
    ours = fit.test(LinearHypothesis(L, pd.Index(["a", "b"])))
    np.testing.assert_allclose(fit.test(LinearHypothesis(mixed, pd.Index(["a", "b"]))), ours, rtol=1e-8)


def test_residual_and_asymptotic_df(trial):
    formula = "y ~ arm * C(visit) + cs(visit | id)"
    residual = ml.fit(formula, trial, engine=ml.Frequentist(ddf="residual"))
    asymptotic = ml.fit(formula, trial, engine=ml.Frequentist(ddf="asymptotic"))
    n = int(trial["y"].notna().sum())
    assert (residual.coefficients()["df"] == n - 6).all()
    assert np.isinf(asymptotic.coefficients()["df"]).all()
    np.testing.assert_array_equal(residual.vcov, asymptotic.vcov)
    wald = asymptotic.test("arm:C(visit)").iloc[0]
    assert np.isinf(wald["den_df"])
    assert 0 < wald["p_value"] < residual.test("arm:C(visit)").iloc[0]["p_value"] < 1


@pytest.mark.parametrize("visits", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("more", [1, 2, 3, 4, 10])
def test_no_change_over_time_is_hotellings_test(visits, more):
    """Complete single arm, unstructured: exact at every n, also at n = T + 1, where the F has 2 denominator df."""
    n = visits + more
    y = np.random.default_rng(visits * n).normal(size=(n, visits)) + np.arange(visits)
    table = pd.DataFrame(
        {"id": np.repeat(np.arange(n), visits), "v": np.tile(np.arange(visits), n), "y": y.ravel()}
    )
    ours = ml.fit("y ~ C(v) + us(v | id)", table).test("C(v)").iloc[0]
    change = y[:, 1:] - y[:, :1]
    q, mean = visits - 1, change.mean(axis=0)
    t2 = n * mean @ np.linalg.solve(np.atleast_2d(np.cov(change, rowvar=False)), mean)
    assert ours["den_df"] == pytest.approx(n - q, rel=1e-6)
    assert ours["statistic"] == pytest.approx(t2 * (n - q) / (q * (n - 1)), rel=1e-6)


def test_two_arms_with_the_fewest_subjects():
    rng = np.random.default_rng(3)
    y = rng.normal(size=(6, 4))
    table = pd.DataFrame({"id": np.repeat(np.arange(6), 4), "v": np.tile(np.arange(4), 6), "y": y.ravel()})
    table["arm"] = np.where(table["id"] < 3, "a", "b")
    ours = ml.fit("y ~ arm * C(v) + us(v | id)", table).test("arm:C(v)").iloc[0]
    change = y[:, 1:] - y[:, :1]
    difference = change[:3].mean(axis=0) - change[3:].mean(axis=0)
    pooled = (np.cov(change[:3], rowvar=False) + np.cov(change[3:], rowvar=False)) / 2
    t2 = difference @ np.linalg.solve(pooled * 2 / 3, difference)
    assert ours["den_df"] == pytest.approx(2, rel=1e-6)
    assert ours["statistic"] == pytest.approx(t2 * 2 / (3 * 4), rel=1e-6)


@pytest.mark.parametrize(("visits", "n", "rho"), [(8, 9, 0.99), (8, 9, 0.9999), (6, 8, 0.99999)])
def test_hotellings_test_of_visits_that_hardly_differ(visits, n, rho):
    """At 2 or 3 denominator df the scale of F is 0 / 0 or near: the information must keep its digits."""
    for seed in range(6):
        covariance = rho ** np.abs(np.subtract.outer(range(visits), range(visits)))
        y = np.random.default_rng(seed).normal(size=(n, visits)) @ np.linalg.cholesky(covariance).T
        table = pd.DataFrame(
            {"id": np.repeat(range(n), visits), "v": np.tile(range(visits), n), "y": y.ravel()}
        )
        ours = ml.fit("y ~ C(v) + us(v | id)", table).test("C(v)").iloc[0]
        change = y[:, 1:] - y[:, :1]
        q, mean = visits - 1, change.mean(axis=0)
        t2 = n * mean @ np.linalg.solve(np.cov(change, rowvar=False), mean)
        assert ours["den_df"] == pytest.approx(n - q, rel=1e-4)
        assert ours["statistic"] == pytest.approx(t2 * (n - q) / (q * (n - 1)), rel=1e-4)
