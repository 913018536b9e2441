"""Fits by importance sampling: against dense integration over a grid, and where they must gate themselves."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import norm, t

import msclong as ml
from msclong.engines.bayesian.checking.parameter_tables import weighted_quantile
from msclong.engines.bayesian.gaussian.gaussian_fit import FREE_DRAWS
from msclong.engines.bayesian.importance.importance_sampling import systematic
from msclong.errors import ConvergenceWarning, EngineError

# 8,000 draws that are nearly all effective: 1.1 % of an SD is one Monte Carlo error of a mean.
MEAN = 0.03
# Quantiles and SDs have two to three times the error of a mean.
QUANTILE = 0.08
SD = 0.03
# Means of beta are averages of means given theta: hardly any Monte Carlo error is left.
GIVEN_THETA = 0.005

GOOD_KHAT = 0.5
HIGH_EFFICIENCY = 0.4


def one_way(n=15, t=3, sd=1.0, seed=3):
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(n), t)
    y = 10 + sd * rng.normal(size=n)[ids] + rng.normal(size=n * t)
    return pd.DataFrame({"id": ids, "visit": np.tile(np.arange(t), n), "y": y})


def visits(n, t, seed=1, missing=0.0):
    """n subjects at t visits with an unstructured covariance."""
    rng = np.random.default_rng(seed)
    A = 1 + 0.5 * rng.normal(size=(t, t))
    y = rng.normal(size=(n, t)) @ np.linalg.cholesky(A @ A.T + np.eye(t)).T + np.arange(t)
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(n), t), "visit": np.tile(np.arange(t), n), "y": y.ravel()}
    )
    return frame[rng.random(n * t) >= missing]


def moments(weights, values):
    mean = weights @ values
    return mean, np.sqrt(weights @ (values - mean) ** 2)


@pytest.mark.parametrize("sd", [1.0, 0.0], ids=["sd 1", "sd 0"])
def test_a_random_intercept_is_what_integration_over_a_grid_gives(sd):
    """y_ij = mu + b_i + e_ij: two standard deviations on a grid, with the classical sums of squares."""
    table = one_way(sd=sd)
    spec = ml.ModelSpec("y ~ 1 + (1 | id)", visit="visit", priors=ml.Priors(outcome_scale=1.5))
    fit = ml.fit(spec, table, engine=ml.Bayesian(draws=2000, seed=1, sampler="importance"))
    y = table["y"].to_numpy().reshape(15, 3)
    means = y.mean(axis=1)
    between, within = np.meshgrid((np.arange(400) + 0.5) * 0.015, np.linspace(0.55, 1.8, 300), indexing="ij")
    v = between**2 + within**2 / 3  # the variance of a subject's mean
    mean_prior, sd_prior = y.mean(), 10 * 1.5
    log = -15 * np.log(within**2) - ((y - means[:, None]) ** 2).sum() / (2 * within**2)
    log += -7 * np.log(v) - ((means - means.mean()) ** 2).sum() / (2 * v)
    log += norm.logpdf(means.mean(), mean_prior, np.sqrt(sd_prior**2 + v / 15))
    log += t.logpdf(between, 3, 0, 1.5) + t.logpdf(within, 3, 0, 1.5)
    spread = (15 / v + sd_prior**-2) ** -0.5
    centre = spread**2 * (15 / v * means.mean() + mean_prior / sd_prior**2)
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    grid = {"variance(Intercept)": between**2, "residual variance": within**2}
    for name, values in grid.items():
        row = fit.covariance.parameters.loc[name]
        flat = values.ravel()
        mean, deviation = moments(weights.ravel(), flat)
        assert row["estimate"] == pytest.approx(mean, abs=MEAN * deviation)
        assert row["se"] == pytest.approx(deviation, rel=3 * SD)
        for column, share in (("lower", 0.025), ("upper", 0.975)):
            quantile = weighted_quantile(flat[:, None], weights.ravel(), share)[0]
            assert row[column] == pytest.approx(quantile, abs=QUANTILE * deviation)
    row = fit.coefficients().loc["Intercept"]
    mean = float((weights * centre).sum())
    deviation = float(np.sqrt((weights * (spread**2 + (centre - mean) ** 2)).sum()))
    assert row["estimate"] == pytest.approx(mean, abs=GIVEN_THETA * deviation)
    assert row["se"] == pytest.approx(deviation, rel=SD)
    for column, share in (("lower", 0.025), ("upper", 0.975)):
        assert (weights * ndtr((row[column] - centre) / spread)).sum() == pytest.approx(share, abs=0.002)
    # Draws are of the same posterior as the tables.
    assert fit.estimate.flat[:, 0].mean() == pytest.approx(mean, abs=2 * MEAN * deviation)
    drawn = fit.estimate.flat_theta[:, 0]
    assert drawn.mean() == pytest.approx(fit.covariance.theta[0], abs=2 * MEAN * drawn.std())


def fits():
    sleepstudy, hamd17 = ml.datasets.sleepstudy(), ml.datasets.hamd17()
    yield "sleepstudy", "Reaction ~ Days + (1 + Days | Subject)", sleepstudy
    yield "sleepstudy, independent", "Reaction ~ Days + (1 + Days || Subject)", sleepstudy
    yield "hamd17", "change ~ basval * week + TRT * week + us(week | PATIENT)", hamd17
    yield "hamd17 by arm", "change ~ TRT * week + us(week | TRT / PATIENT)", hamd17
    yield "us, 6 visits", "y ~ C(visit) + us(visit | id)", visits(60, 6, missing=0.1)
    yield "us, n = 11", "y ~ C(visit) + us(visit | id)", visits(11, 3)
    yield "no variance between subjects", "y ~ visit + (1 | id)", one_way(sd=0.0)
    for structure in ("cs", "csh", "ar1", "ar1h", "toep", "toeph", "ad", "adh"):
        yield structure, f"change ~ TRT * week + {structure}(week | PATIENT)", hamd17


FITS = {name: rest for name, *rest in fits()}


@pytest.mark.parametrize("name", FITS)
def test_the_weights_can_be_relied_on(name):
    formula, table = FITS[name]
    fit = ml.fit(formula, table, engine=ml.Bayesian(seed=1))
    figures = fit.outcome.diagnostics
    assert fit.outcome.converged, str(fit.outcome)
    assert figures["sampler"] == "importance"
    assert figures["Pareto k-hat"] < GOOD_KHAT
    assert figures["efficiency"] > HIGH_EFFICIENCY
    assert figures["effective draws"] == pytest.approx(figures["efficiency"] * figures["draws"])
    assert fit.checks()["passed"].all()


def test_hopeless_weights_are_a_warning_that_names_nuts():
    """Eight subjects at seven visits: 28 parameters that the data hardly know."""
    with pytest.warns(ConvergenceWarning, match=r"(k-hat|ESS|Efficiency)"):
        fit = ml.fit(
            "y ~ C(visit) + us(visit | id)", visits(8, 7), engine=ml.Bayesian(seed=1, sampler="importance")
        )
    assert not fit.outcome.converged
    assert fit.outcome.diagnostics["sampler"] == "importance"
    assert any('Bayesian(sampler="nuts")' in note for note in fit.outcome.notes)


def test_a_small_model_has_more_draws_behind_its_tables_than_were_asked_for():
    small = ml.fit("y ~ 1 + (1 | id)", one_way().assign(visit=0), engine=ml.Bayesian(draws=50, seed=1))
    assert small.outcome.diagnostics["draws"] == FREE_DRAWS
    assert len(small.estimate.weights) == FREE_DRAWS
    assert small.estimate.draws.shape[:2] == (1, 200)
    assert small.estimate.theta.shape[:2] == (1, 200)
    large = ml.fit("y ~ C(visit) + us(visit | id)", visits(40, 8), engine=ml.Bayesian(draws=50, seed=1))
    assert large.outcome.diagnostics["draws"] < FREE_DRAWS / 4


def test_a_large_mixture_is_thinned_and_stays_right(monkeypatch):
    formula, table = FITS["hamd17"]
    whole = ml.fit(formula, table, engine=ml.Bayesian(seed=1)).coefficients()
    monkeypatch.setattr("msclong.engines.bayesian.gaussian.gaussian_fit.MOST_ROOTS", 200_000)
    fit = ml.fit(formula, table, engine=ml.Bayesian(seed=1))
    assert len(fit.estimate.weights) < 1000
    assert fit.estimate.draws.shape == (1, 4000, len(whole))
    thin = fit.coefficients()
    assert ((thin["estimate"] - whole["estimate"]).abs() < 4 * thin["mcse"] + 1e-9).all()
    np.testing.assert_allclose(thin["se"], whole["se"], rtol=0.05)
    assert fit.outcome.converged


def test_systematic_resampling_takes_each_its_share_to_within_one():
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.ones(50))
    counts = np.bincount(systematic(weights, 1000, rng), minlength=50)
    assert np.abs(counts - 1000 * weights).max() < 1 + 1e-9
    assert counts.sum() == 1000


def test_weighted_quantiles_are_those_of_repeated_values():
    rng = np.random.default_rng(1)
    values, counts = rng.normal(size=(500, 2)), rng.integers(1, 20, 500)
    found = weighted_quantile(values, counts / counts.sum(), 0.3)
    expected = np.quantile(np.repeat(values, counts, axis=0), 0.3, axis=0)
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_the_pymc_model_belongs_to_a_posterior():
    with pytest.raises(EngineError, match="Frequentist has no PyMC model"):
        ml.fit(FITS["sleepstudy"][0], FITS["sleepstudy"][1]).pymc_model()
    model = ml.fit(*FITS["sleepstudy"], engine=ml.Bayesian(seed=1)).pymc_model()
    assert {"sd_0", "partial_0", "sd_1"} <= set(model.named_vars)
