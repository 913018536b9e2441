"""Conditional models by quadrature and importance sampling: the posterior, what is reported, what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import msclong as ml
from msclong.api import long_data
from msclong.design.design import Design, build_design
from msclong.engines.bayesian.conditional import conditional_fit
from msclong.engines.bayesian.conditional.conditional_fit import importance_posterior
from msclong.engines.bayesian.conditional.marginal_likelihood import marginal_log_likelihood, subject_effects
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors, typical_predictor
from msclong.errors import ConvergenceWarning, EngineError, SpecError
from msclong.families.registry import family_of

# Means in Monte Carlo errors: of a handful of quantities.
MCSE = 4.0
# SDs of some 2,000 effective draws.
SD = 0.08
# The same numbers in another order.
EXACT = 1e-6
# Differences for derivatives keep some eight digits, and the mode is where they find it.
UNITS = 1e-3

ENGINE = ml.Bayesian(draws=500, seed=1, sampler="importance")


def table(family: str, n: int = 25, t: int = 4, **phi: list[float]) -> pd.DataFrame:
    """n subjects in two arms at t times."""
    rng = np.random.default_rng(3)
    chosen = family_of(family)
    subject, time = np.repeat(np.arange(n), t), np.tile(np.arange(t), n)
    arm = subject % 2
    eta = 0.5 - 0.2 * time + 0.3 * arm * time + rng.normal(0, 0.8, n)[subject]
    every = (eta,) if len(chosen.predictors) == 1 else (eta, -1.0 + rng.normal(0, 0.8, n)[subject])
    data = {"trials": np.ones(n * t)}
    y = chosen.draw(
        every, {name.replace("_", " "): np.array(value) for name, value in phi.items()}, data, rng
    )
    return pd.DataFrame({"id": subject, "time": time, "arm": np.array(["a", "b"])[arm], "y": y})


def design_of(formula: str, family: str, data: pd.DataFrame, **fields: object) -> Design:
    spec = ml.ModelSpec(formula, family=family, **fields)
    return build_design(spec, long_data(spec, data))


def test_the_whole_posterior_against_a_grid():
    """Two parameters: everything by brute force, with a fixed rule of 121 nodes for the random intercept."""
    data = table("poisson", n=15)
    fit = ml.fit(ml.ModelSpec("y ~ 1 + (1 | id)", family="poisson"), data, engine=ENGINE)
    beta, log_sd = np.linspace(-1.5, 2.5, 161), np.linspace(-5, 1.5, 131)
    x, w = np.polynomial.hermite_e.hermegauss(121)
    y = data["y"].to_numpy().reshape(15, 4)
    log_density = np.empty((161, 131))
    for j, s in enumerate(np.exp(log_sd)):
        eta = beta[:, None] + s * x
        each = y.sum(axis=1)[:, None, None] * eta - y.shape[1] * np.exp(eta)
        most = each.max(axis=2, keepdims=True)
        log_density[:, j] = (np.log(np.exp(each - most) @ w) + most[..., 0]).sum(axis=0)
        log_density[:, j] += stats.t.logpdf(s, 3) + log_sd[j]
    log_density += stats.norm.logpdf(beta, np.log(y.mean()), 2.5)[:, None]
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    for name, found, mean, square in (
        ("Intercept", fit.coefficients(), weight.sum(1) @ beta, weight.sum(1) @ beta**2),
        (
            "variance(Intercept)",
            fit.covariance.parameters,
            weight.sum(0) @ np.exp(2 * log_sd),
            weight.sum(0) @ np.exp(4 * log_sd),
        ),
    ):
        row = found.loc[name]
        assert abs(row["estimate"] - mean) < MCSE * row["mcse"]
        assert row["se"] == pytest.approx(np.sqrt(square - mean**2), rel=SD)


@pytest.mark.parametrize(
    ("family", "phi"),
    [
        ("gamma", {"coefficient_of_variation": [0.5]}),
        ("bernoulli", {}),
        ("cumulative_logit", {"cutpoint": [-0.5, 1.0]}),
        ("hurdle_gamma", {"coefficient_of_variation": [0.5]}),
    ],
)
def test_what_a_fit_holds(family, phi):
    data = table(family, **phi)
    fit = ml.fit(ml.ModelSpec("y ~ arm * time + (1 | id)", family=family), data, engine=ENGINE)
    estimate, outcome = fit.estimate, fit.outcome
    assert outcome.converged
    assert outcome.diagnostics["sampler"] == "importance"
    assert outcome.diagnostics["Pareto k-hat"] < 0.7
    assert outcome.diagnostics["quadrature error"] < 1e-3
    draws = outcome.diagnostics["draws"]
    assert draws in (2000, 8000)  # four times as many where few of them were effective
    assert estimate.draws.shape == (1, draws, len(fit.design.fixed.names))
    assert estimate.theta.shape == (1, draws, fit.design.structure.n_parameters)
    sizes = {name: len(value) for name, value in phi.items()}
    assert {n.replace(" ", "_"): v.shape[2] for n, v in estimate.phi.items()} == sizes
    zeros = 0 if estimate.zero is None else estimate.zero.shape[2]
    assert (zeros > 0) == family.startswith("hurdle")
    assert fit.n_parameters == estimate.draws.shape[2] + estimate.theta.shape[2] + sum(sizes.values()) + zeros
    assert len(fit.priors) >= fit.n_parameters - sum(sizes.values()) + len(sizes) - 1
    assert fit.contrasts()["rhat"].isna().all()


def test_the_same_seed_gives_the_same_draws():
    data = table("bernoulli")
    spec = ml.ModelSpec("y ~ time + (1 | id)", family="bernoulli")
    first, again, other = (
        ml.fit(spec, data, engine=ml.Bayesian(draws=300, seed=seed, sampler="importance")).estimate.draws
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_order_of_rows_does_not_matter():
    data = table("gamma", coefficient_of_variation=[0.5])
    shuffled = data.sample(frac=1, random_state=1)
    beta, phi, theta = (
        np.array([[0.3, 0.1]]),
        {"coefficient of variation": np.array([[0.4]])},
        np.array([[0.5]]),
    )
    parts = []
    for rows in (data, shuffled):
        design = design_of("y ~ time + (1 | id)", "gamma", rows)
        each = marginal_log_likelihood(design, beta, None, phi, theta)[0]
        first = pd.Series(rows["id"].to_numpy()).drop_duplicates().to_numpy()
        parts.append(pd.Series(each, index=first).sort_index())
    np.testing.assert_allclose(parts[0], parts[1], rtol=EXACT)


def test_an_offset_is_a_shift_of_the_intercept():
    data = table("poisson").assign(log_exposure=2.0)
    with_offset = design_of("y ~ time + (1 | id)", "poisson", data, offset="log_exposure")
    without = design_of("y ~ time + (1 | id)", "poisson", data)
    assert typical_predictor(with_offset) == pytest.approx(typical_predictor(without) - 2.0)
    theta = np.array([[0.5]])
    one = marginal_log_likelihood(with_offset, np.array([[-1.7, 0.1]]), None, {}, theta)
    two = marginal_log_likelihood(without, np.array([[0.3, 0.1]]), None, {}, theta)
    np.testing.assert_allclose(one, two, rtol=EXACT)


def test_units_of_the_outcome_do_not_matter():
    data = table("student", residual_scale=[0.5], degrees_of_freedom=[4.0])
    spec = ml.ModelSpec("y ~ arm * time + (1 | id)", family="student")
    one = ml.fit(spec, data, engine=ENGINE)
    two = ml.fit(spec, data.assign(y=5e4 + 1000 * data["y"]), engine=ENGINE)
    np.testing.assert_allclose(two.estimate.theta, 1e6 * one.estimate.theta, rtol=UNITS)
    np.testing.assert_allclose(
        two.estimate.draws[..., 1:], 1000 * one.estimate.draws[..., 1:], rtol=UNITS, atol=UNITS
    )
    for name, factor in (("residual scale", 1000), ("degrees of freedom", 1)):
        np.testing.assert_allclose(two.estimate.phi[name], factor * one.estimate.phi[name], rtol=UNITS)


def test_dispersion_by_visit():
    data = table("gamma", coefficient_of_variation=[0.5])
    spec = ml.ModelSpec("y ~ arm * time + (1 | id)", family="gamma", dispersion_by="time")
    fit = ml.fit(spec, data, engine=ENGINE)
    assert fit.estimate.phi["coefficient of variation"].shape == (1, 2000, 4)
    assert "coefficient of variation | 3" in fit.priors.index


def test_uncorrelated_random_effects_are_a_special_case_of_correlated_ones():
    data = table("poisson")
    beta, phi = np.array([[0.3, 0.1]]), {}
    together = design_of("y ~ time + (1 + time | id)", "poisson", data)
    apart = design_of("y ~ time + (1 + time || id)", "poisson", data)
    one = marginal_log_likelihood(together, beta, None, phi, np.array([[0.5, 0.0, 0.1]]))
    two = marginal_log_likelihood(apart, beta, None, phi, np.array([[0.5, 0.1]]))
    np.testing.assert_allclose(one, two, rtol=EXACT)


def test_subject_effects_are_drawn_to_zero():
    data = table("poisson")
    design = design_of("y ~ time + (1 | id)", "poisson", data)
    beta, theta = np.array([[0.3, 0.1], [0.3, 0.1]]), np.array([[0.01], [4.0]])
    mean, covariance = subject_effects(design, beta, None, {}, theta)
    assert mean.shape == (2, 25, 1)
    assert covariance.shape == (2, 25, 1, 1)
    assert (np.abs(mean[0]) < np.abs(mean[1])).all()
    assert (covariance[0] < 0.01).all()


def test_too_few_draws_are_followed_by_more():
    data = table("poisson")
    spec = ml.ModelSpec("y ~ time + (1 | id)", family="poisson")
    fit = ml.fit(spec, data, engine=ml.Bayesian(draws=60, seed=1, sampler="importance"))
    assert fit.outcome.converged
    assert any("4 times as many" in note for note in fit.outcome.notes)
    assert fit.estimate.draws.shape[:2] == (1, 960)


def test_too_few_nodes_are_no_convergence(monkeypatch):
    monkeypatch.setattr(conditional_fit, "NODES", {1: (1,)})
    data = table("bernoulli", n=60)
    spec = ml.ModelSpec("y ~ time + (1 | id)", family="bernoulli")
    with pytest.warns(ConvergenceWarning, match="1 nodes for each random effect are too few"):
        fit = ml.fit(spec, data, engine=ENGINE)
    assert not fit.outcome.converged
    assert not fit.checks().loc["Quadrature error", "passed"]


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("y ~ time + us(time | id)", "this model has us"),
        ("y ~ time + (1 | site / id)", "several groupings"),
        ("y ~ time + (1 + time + arm | id)", "3 for each subject"),
    ],
)
def test_what_quadrature_does_not_serve(formula, why):
    data = table("poisson").assign(site=lambda d: d["id"] % 5)
    design = design_of(formula, "poisson", data)
    with pytest.raises(EngineError, match=why):
        subject_effects(design, np.zeros((1, 2)), None, {}, np.ones((1, 1)))


@pytest.mark.parametrize(
    ("formula", "n", "t", "why"),
    [
        ("y ~ time + (1 | site / id)", 25, 4, "several groupings"),
        (
            "y ~ time + us(time | id)",
            10,
            11,
            "has us, and a subject here has 11 linear predictors, more than 10",
        ),
        ("y ~ time + ar1(time | id)", 67, 3, "has 201 observations, more than 200"),
    ],
)
def test_what_importance_sampling_does_not_serve(formula, n, t, why):
    data = table("poisson", n, t).assign(site=lambda d: d["id"] % 5)
    with pytest.raises(EngineError, match=why):
        ml.fit(ml.ModelSpec(formula, family="poisson"), data, engine=ENGINE)


def test_visit_structures_are_integrated_by_random_points():
    data = table("poisson", n=20, t=4)
    design = design_of("y ~ time + ar1(time | id)", "poisson", data)
    sample = importance_posterior(design, conditional_priors(design), 200, np.random.default_rng(1))
    assert sample.sampled
    assert sample.nodes_error < conditional_fit.POINTS_ERROR


def test_priors_may_be_stated_by_name():
    data = table("hurdle_gamma", coefficient_of_variation=[0.5])
    stated = ml.Priors(coefficients={"time": ml.Normal(0.0, 0.1), "zero: time": ml.Normal(0.0, 0.2)})
    design = design_of("y ~ time + (1 | id)", "hurdle_gamma", data, priors=stated)
    text = conditional_priors(design).table()["prior"]
    assert text["time"] == "Normal(0, 0.1)"
    assert text["zero: time"] == "Normal(0, 0.2)"
    assert text["coefficient of variation"].startswith("half-Student-t")
    wrong = ml.Priors(coefficients={"zero: tme": ml.Normal(0.0, 0.2)})
    with pytest.raises(SpecError, match="tme"):
        conditional_priors(design_of("y ~ time + (1 | id)", "hurdle_gamma", data, priors=wrong))


def test_jeffreys_prior_is_refused():
    design = design_of(
        "y ~ time + (1 | id)", "poisson", table("poisson"), priors=ml.Priors(covariance="jeffreys")
    )
    with pytest.raises(EngineError, match="jeffreys"):
        conditional_priors(design)


def test_nothing_is_compiled():
    code = """
import sys, numpy as np, pandas as pd, msclong as ml
rng = np.random.default_rng(1)
data = pd.DataFrame({"id": np.repeat(np.arange(12), 4), "t": np.tile(np.arange(4), 12), "y": rng.poisson(2, 48)})
ml.fit(ml.ModelSpec("y ~ t + (1 | id)", family="poisson"), data, engine=ml.Bayesian(draws=200, seed=1))
print([m for m in ("pymc", "pytensor", "nutpie") if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
