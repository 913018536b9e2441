"""The likelihood from cross-moments against the textbook with N x N matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from dense import dense_covariance
from msclong.api import long_data
from msclong.design.cross_moments import cross_moments
from msclong.design.design import build_design
from msclong.engines.frequentist.engine import Frequentist
from msclong.likelihood.gls import generalised_least_squares
from msclong.likelihood.information import information
from msclong.likelihood.standardised import standardise

# Closed forms against closed forms: rounding only. Against central differences: their own error.
EXACT = 1e-9
NUMERIC = 1e-5

FORMULAS = {
    "us": "y ~ x * C(visit) + us(visit | id)",
    "cs": "y ~ x * C(visit) + cs(visit | id)",
    "ar1": "y ~ x * C(visit) + ar1(visit | id)",
    "ar1h": "y ~ x + visit + ar1h(visit | id)",
    "toeph": "y ~ x + visit + toeph(visit | id)",
    "slope": "y ~ x * visit + (1 + visit | id)",
    "irregular": "y ~ x * time + (1 + time | id)",
}


def trial(seed: int = 0, n: int = 40) -> pd.DataFrame:
    """Four visits, a covariate, a fifth of the outcomes missing, times that differ between patients."""
    rng = np.random.default_rng(seed)
    visit = np.tile(np.arange(4.0), n)
    x = np.repeat(rng.normal(size=n), 4)
    y = x + visit + np.repeat(rng.normal(size=n), 4) * (1 + 0.3 * visit) + rng.normal(size=4 * n)
    y[(rng.random(4 * n) < 0.2) & (visit > 0)] = np.nan
    time = visit + 0.2 * rng.random(4 * n)
    return pd.DataFrame({"id": np.repeat(np.arange(n), 4), "visit": visit, "time": time, "x": x, "y": y})


def problem(name: str):
    spec = ml.ModelSpec(FORMULAS[name])
    design = build_design(spec, long_data(spec, trial()))
    rng = np.random.default_rng(1)
    start = Frequentist(ddf="asymptotic").fit(design).covariance.theta
    # Away from the optimum, where no gradient vanishes.
    theta = start * (1 + 0.05 * rng.random(start.size))
    return design, theta


@pytest.mark.parametrize("name", FORMULAS)
def test_likelihood_gradient_and_expected_information(name):
    design, theta = problem(name)
    V, dV = dense_covariance(design, theta)
    X, y = design.fixed.X, design.y
    gls = generalised_least_squares(design.structure, theta, design.moments)
    inverse = np.linalg.inv(V)
    phi = np.linalg.inv(X.T @ inverse @ X)
    P = inverse - inverse @ X @ phi @ X.T @ inverse
    n, p = X.shape
    ml_value = n * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + y @ P @ y
    reml_value = ml_value - p * np.log(2 * np.pi) - np.linalg.slogdet(phi)[1]
    assert gls.minus2_ml == pytest.approx(ml_value, rel=EXACT)
    assert gls.minus2_reml == pytest.approx(reml_value, rel=EXACT)
    np.testing.assert_allclose(gls.beta, phi @ X.T @ inverse @ y, rtol=1e-7)
    np.testing.assert_allclose(gls.phi, phi, rtol=1e-7, atol=1e-12)

    for reml, projection in ((True, P), (False, inverse)):
        parts = information(design.structure, gls, reml)
        scale = np.abs(parts.expected).max()
        gradient = [np.trace(projection @ D) - y @ P @ D @ P @ y for D in dV]
        expected = [[np.trace(projection @ D @ projection @ E) / 2 for E in dV] for D in dV]
        np.testing.assert_allclose(parts.gradient, gradient, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(parts.expected, expected, rtol=1e-7, atol=1e-9 * scale)
    C = gls.C
    for Pj, D in zip(parts.P, dV, strict=True):
        slope = phi @ X.T @ inverse @ D @ inverse @ X @ phi
        np.testing.assert_allclose(C @ Pj @ C.T, slope, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", FORMULAS)
def test_observed_information_is_the_slope_of_the_gradient(name, reml):
    design, theta = problem(name)

    def gradient(t):
        gls = generalised_least_squares(design.structure, t, design.moments)
        return information(design.structure, gls, reml).gradient

    gls = generalised_least_squares(design.structure, theta, design.moments)
    observed = information(design.structure, gls, reml).observed
    steps = 1e-5 * np.diag(theta)
    numeric = np.stack([(gradient(theta + h) - gradient(theta - h)) / (2 * h.sum()) for h in steps]) / 2
    np.testing.assert_allclose(observed, numeric, rtol=NUMERIC, atol=NUMERIC * np.abs(numeric).max())


@pytest.mark.parametrize("name", ["us", "irregular"])
@pytest.mark.parametrize("reml", [True, False])
def test_standardising_changes_the_units_only(name, reml):
    design, theta = problem(name)
    plain = generalised_least_squares(design.structure, theta, design.moments)
    unit = standardise(design.moments)
    scaled_theta = design.structure.scale(theta, 1 / unit.scale)
    scaled = generalised_least_squares(design.structure, scaled_theta, unit.moments)
    back = scaled.minus2(reml) - 2 * unit.log_likelihood_shift(reml)
    assert back == pytest.approx(plain.minus2(reml), rel=EXACT)
    np.testing.assert_allclose(unit.coefficients(scaled.beta), plain.beta, rtol=1e-8)


def test_sigma_that_is_not_positive_definite_gives_no_likelihood():
    design, _ = problem("cs")
    assert generalised_least_squares(design.structure, np.array([2.0, -1.0]), design.moments) is None
    assert generalised_least_squares(design.structure, np.array([np.nan, 1.0]), design.moments) is None


def test_moments_add_over_subjects_and_compress_many_into_few():
    rng = np.random.default_rng(7)
    n = 500
    W = rng.normal(size=(3 * n, 3))
    subject, visit = np.repeat(np.arange(n), 3), np.tile(np.arange(3.0), n)[:, None]
    keep = (rng.random(3 * n) < 0.9) | (visit[:, 0] == 0)
    whole = cross_moments(W[keep], subject[keep], visit[keep], ("a", "b", "y"))
    parts = []
    for half in (subject < n // 3, subject >= n // 3):
        chosen = keep & half
        parts.append(cross_moments(W[chosen], subject[chosen], visit[chosen], ("a", "b", "y")))
    total = parts[0] + parts[1]
    assert (total.n_subjects, total.n_obs) == (whole.n_subjects, whole.n_obs) == (n, int(keep.sum()))
    for mine, theirs in zip(total.blocks, whole.blocks, strict=True):
        np.testing.assert_array_equal(mine.coords, theirs.coords)
        np.testing.assert_array_equal(mine.n, theirs.n)
        assert len(mine.rows) <= mine.t * 3 * len(mine.n)
    for b, block in enumerate(whole.blocks):
        for i in range(len(block.n)):
            np.testing.assert_allclose(total.matrix(b, i), whole.matrix(b, i), rtol=1e-9, atol=1e-9)
    complete = np.flatnonzero(np.bincount(subject[keep]) == 3)
    rows = W[keep][np.isin(subject[keep], complete)].reshape(len(complete), 9)
    C = (rows.T @ rows).reshape(3, 3, 3, 3)
    np.testing.assert_allclose(whole.matrix(len(whole.blocks) - 1, 0), C, rtol=1e-9, atol=1e-9)
    with pytest.raises(ml.errors.DesignError, match="different columns"):
        whole + cross_moments(W, subject, visit, ("a", "c", "y"))
