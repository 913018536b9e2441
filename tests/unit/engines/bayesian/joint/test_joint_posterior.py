"""The joint posterior against dense matrices: log density given theta and tau, coefficients, and the pooled prior."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.design.joint_design import JointDesign
from msclong.engines.bayesian.joint.joint_fit import joint_model, joint_posterior
from msclong.engines.bayesian.joint.joint_priors import joint_priors
from msclong.engines.bayesian.joint.pooled_changes import HETEROGENEITY, MEAN_SD, pooled_changes
from msclong.engines.bayesian.priors.covariance_variables import StretchedBeta
from msclong.engines.bayesian.priors.prior_predictive import theta_draws
from several_outcomes import several_outcomes

EXACT = 1e-8
"""Both are direct linear algebra on 150 rows."""

STEP = 1e-5
DIFFERENCES = 1e-5
"""Central differences of that step of log densities around 100: rounding leaves 1e-9 / STEP at most."""

SHIFTED = 1e-6
"""Covariances of order one: weeks from 2018 leave 1e-16 * 2018^2 of their digits."""

SCALES = {"y0": 2.0, "y1": 3.0}


@pytest.fixture(scope="module")
def joint() -> JointDesign:
    trial = several_outcomes(n=12, visits=3)
    trial.loc[(trial["id"] < "s2") & (trial["week"] > 1), "y0"] = np.nan
    trial.loc[trial["id"] == "s5", "y1"] = np.nan
    formulas = {"y0": "y0 ~ C(week) + (1 + week | id)", "y1": "y1 ~ C(week) + (1 | id) + ar1(week | id)"}
    designs = {}
    for name, formula in formulas.items():
        visit = "week" if name == "y0" else None
        spec = ml.ModelSpec(formula, visit=visit, priors=ml.Priors(outcome_scale=SCALES[name]))
        designs[name] = build_design(spec, long_data(spec, trial))
    return JointDesign(designs, SCALES, correlated=True)


def test_the_prior_of_correlated_effects_does_not_depend_on_the_origin_of_time():
    found = []
    for origin in (0, 2018):
        trial = several_outcomes(n=6, visits=3)
        trial["week"] += origin
        designs = {}
        for name in SCALES:
            spec = ml.ModelSpec(
                f"{name} ~ week + (1 + week | id)", priors=ml.Priors(outcome_scale=SCALES[name])
            )
            designs[name] = build_design(spec, long_data(spec, trial))
        joint = JointDesign(designs, SCALES, correlated=True)
        prior = joint_priors(joint).covariance
        assert "sd(Intercept) at the covariates' means | y1" in prior.variables[0].labels
        theta = theta_draws(prior, 3, np.random.default_rng(1))
        found.append(np.stack([joint.structure.sigma(one, joint.coords[None]) for one in theta]))
    np.testing.assert_allclose(found[1], found[0], rtol=SHIFTED, atol=SHIFTED)


def dense(joint: JointDesign, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X, y and V of the stacked standardised rows, V element by element from theta."""
    rows = []
    for k, (name, design) in enumerate(joint.designs.items()):
        frame = design.fixed.frame
        for x, y, subject, week in zip(design.fixed.X, design.y, frame["id"], frame["week"], strict=True):
            full = np.zeros(6)
            full[3 * k : 3 * k + 3] = x
            z = np.array([1, week, 0]) if k == 0 else np.array([0, 0, 1])
            rows.append((full, y / SCALES[name], subject, week, k, z))
    G = np.zeros((3, 3))
    G[np.tril_indices(3)] = theta[:6]
    G = G + np.tril(G, -1).T
    variance0, variance1, rho = theta[6:]
    V = np.zeros((len(rows), len(rows)))
    for i, (_, _, a, s, k, z) in enumerate(rows):
        for j, (_, _, b, t, other, w) in enumerate(rows):
            if a == b:
                V[i, j] = z @ G @ w
                if k == other:
                    V[i, j] += variance0 * (s == t) if k == 0 else variance1 * rho ** abs(s - t)
    return np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), V


def default_prior(joint: JointDesign) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of beta, in standardised units: coefficients per SD of their column, the mean outcome."""
    mean, covariance = np.zeros(6), np.zeros((6, 6))
    for k, (name, design) in enumerate(joint.designs.items()):
        X = design.fixed.X
        K = np.eye(3)
        K[0] = X.mean(axis=0)
        sd = np.array([10.0, *(2.5 / X[:, 1:].std(axis=0))])
        back = np.linalg.inv(K)
        own = slice(3 * k, 3 * k + 3)
        mean[own] = back @ [design.y.mean() / SCALES[name], 0, 0]
        covariance[own, own] = back @ np.diag(sd**2) @ back.T
    return mean, covariance


def pooled_prior(joint: JointDesign, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """The same where -b_0t and b_1t have mean mu_t and SD tau: outcome 0 is better when lower."""
    K, location, covariance = np.zeros((6, 6)), np.zeros(6), np.zeros((6, 6))
    signs = (-1.0, 1.0)
    for k, (name, design) in enumerate(joint.designs.items()):
        K[k, 3 * k : 3 * k + 3] = design.fixed.X.mean(axis=0)
        location[k] = design.y.mean() / SCALES[name]
        covariance[k, k] = 10.0**2
        for t in range(2):
            K[2 + 2 * t + k, 3 * k + 1 + t] = signs[k]
    for t in range(2):
        block = slice(2 + 2 * t, 4 + 2 * t)
        covariance[block, block] = tau**2 * np.eye(2) + MEAN_SD**2
    back = np.linalg.inv(K)
    return back @ location, back @ covariance @ back.T


def given(X, y, V, mean, covariance):
    """log p(y | theta), and mean and covariance of beta given y."""
    marginal = V + X @ covariance @ X.T
    gain = covariance @ X.T @ np.linalg.inv(marginal)
    log_density = stats.multivariate_normal(X @ mean, marginal).logpdf(y)
    return log_density, mean + gain @ (y - X @ mean), covariance - gain @ X @ covariance


def check_against_dense(joint, posterior, u, prior_of, log_prior):
    shares, means, roots = posterior.coefficients(u)
    assert shares.shape == (len(u), 1)
    expected = []
    for i, theta in enumerate(posterior.theta(u)):
        value, mean, covariance = given(*dense(joint, theta), *prior_of(i))
        expected.append(value)
        np.testing.assert_allclose(means[i, 0], mean, rtol=EXACT)
        np.testing.assert_allclose(roots[i, 0] @ roots[i, 0].T, covariance, rtol=EXACT, atol=EXACT)
    found = posterior.log_density(u) - log_prior
    np.testing.assert_allclose(found - found[0], np.array(expected) - expected[0], rtol=EXACT, atol=1e-8)


def points(posterior, n=4):
    rng = np.random.default_rng(1)
    return posterior.start + 0.4 * rng.standard_normal((n, len(posterior.start)))


def test_correlated_effects_with_residuals_of_their_own(joint):
    posterior = joint_posterior(joint, None)
    u = points(posterior)
    check_against_dense(
        joint, posterior, u, lambda i: default_prior(joint), posterior.coordinates.log_prior(u.T)
    )


def test_pooled_changes_given_their_heterogeneity(joint):
    pooled = pooled_changes(joint, {"y0": -1.0, "y1": 1.0}, HETEROGENEITY)
    posterior = joint_posterior(joint, pooled)
    u = points(posterior)
    tau = HETEROGENEITY.scale * np.exp(u[:, -1])
    # Density of log tau: that of tau times tau.
    log_prior = stats.t(3, scale=HETEROGENEITY.scale).logpdf(tau) + u[:, -1]
    log_prior = log_prior + posterior.coordinates.log_prior(u[:, :-1].T)
    check_against_dense(joint, posterior, u, lambda i: pooled_prior(joint, tau[i]), log_prior)


def test_the_pymc_model_is_the_density_given_theta_and_tau_and_has_its_gradient(joint):
    """Evaluated without compiling."""
    from pytensor.compile.mode import Mode

    pooled = pooled_changes(joint, {"y0": -1.0, "y1": 1.0}, HETEROGENEITY)
    posterior, model = joint_posterior(joint, pooled), joint_model(joint, pooled)
    interpreted = Mode(linker="py", optimizer=None)
    with model:
        whole = model.compile_logp(mode=interpreted)
        of_variables = model.compile_logp(vars=model.free_RVs, mode=interpreted)
        gradient = model.compile_dlogp(mode=interpreted)
    rng, prior = np.random.default_rng(8), posterior.priors.covariance
    found, expected = [], []
    for _ in range(3):
        at = {value.name: rng.normal(0, 0.4, value.type.shape) for value in model.value_vars}
        natural = {}
        for variable in (*prior.variables, pooled.tau):
            (raw,) = (at[key] for key in at if key.startswith(f"{variable.name}_"))
            beta = isinstance(variable, StretchedBeta)
            natural[variable.name] = variable.natural(1 / (1 + np.exp(-raw))) if beta else np.exp(raw)
        theta = posterior.in_outcome_units(prior.theta(natural, np)[None])[0]
        found.append(whole(at) - of_variables(at))
        expected.append(given(*dense(joint, theta), *pooled_prior(joint, natural["heterogeneity"][0]))[0])
        centre = np.concatenate(list(at.values()))
        ends = np.cumsum([one.size for one in at.values()])[:-1]
        slopes = [
            (
                whole(dict(zip(at, np.split(centre + e, ends), strict=True)))
                - whole(dict(zip(at, np.split(centre - e, ends), strict=True)))
            )
            / (2 * STEP)
            for e in STEP * np.eye(len(centre))
        ]
        np.testing.assert_allclose(gradient(at), slopes, rtol=DIFFERENCES, atol=DIFFERENCES)
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=EXACT)


def test_heterogeneity_and_means_given_the_changes(joint):
    pooled = pooled_changes(joint, {"y0": -1.0, "y1": 1.0}, HETEROGENEITY)
    beta = np.array([5.0, -0.9, -0.4, 5.0, 0.2, 0.5])
    delta = np.array([[0.9, 0.2], [0.4, 0.5]])
    tau, mu = pooled.draw(np.tile(beta, (20_000, 1)), np.random.default_rng(2))
    grid = np.linspace(0.001, 12, 6000)
    density = stats.t(3, scale=0.5).pdf(grid)
    means = []
    for change in delta:
        density = density * [
            stats.multivariate_normal(np.zeros(2), t**2 * np.eye(2) + MEAN_SD**2).pdf(change) for t in grid
        ]
        # Regression of mu on the two changes, which are equally correlated with it.
        means.append(change.sum() / (2 + grid**2 / MEAN_SD**2))
    density /= density.sum()
    # Monte Carlo: 4 standard errors of 20,000 draws.
    assert tau.mean() == pytest.approx(grid @ density, abs=4 * tau.std() / np.sqrt(20_000))
    for t in range(2):
        assert mu[:, t].mean() == pytest.approx(means[t] @ density, abs=4 * mu[:, t].std() / np.sqrt(20_000))


def test_two_arms_pool_within_each_and_differences_follow(joint):
    trial = several_outcomes(n=12, visits=3)
    specs = {
        n: ml.ModelSpec(f"{n} ~ arm * C(week) + (1 | id)", visit="week", arm="arm") for n in ("y0", "y1")
    }
    designs = {name: build_design(spec, long_data(spec, trial)) for name, spec in specs.items()}
    pooled = pooled_changes(JointDesign(designs, SCALES, True), {"y0": 1.0, "y1": 1.0}, HETEROGENEITY)
    assert list(pooled.keys) == [("A", "1 - 0"), ("A", "2 - 0"), ("B", "1 - 0"), ("B", "2 - 0")]
    assert [rows.shape for rows in pooled.rows] == [(2, 12)] * 4
