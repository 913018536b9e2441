"""Each subject's own course, and predictions on the outcome's scale, against integrals done by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import kstest, norm

import msclong as ml
from handmade_posteriors import posterior, table
from msclong.design.unit_batches import paired_batches
from msclong.errors import EngineError, SpecError
from msclong.families.arrays import NUMPY
from msclong.results.quantile_residuals import DATA_SETS, SEED
from msclong.results.subject_effects import own_linear_predictors

N = 60
RNG = np.random.default_rng(3)
MANY = 1500
"""Samples of one subject's effects at one draw."""

NOISE = 5
"""Standard errors of these samples that a mean may be off; one candidate of ten is kept, which adds less than one."""


@pytest.fixture(scope="module")
def yes_or_no():
    return posterior("bernoulli", RNG.integers(0, 2, N).astype(float), "y ~ arm * C(visit) + (1 | id)")


def samples_at_one_draw(fit, draw: int = 0) -> tuple[np.ndarray, ...]:
    """Linear predictors (MANY, N) of the observed rows by predictor, all at one posterior draw."""
    design = fit.design
    batches = paired_batches(design.unit, design.unit)
    draws, rng = np.full(MANY, draw), np.random.default_rng(1)
    return own_linear_predictors(design, fit.estimate, design.fixed.frame, batches, design.offset, draws, rng)


def on_a_grid(fit, function, draw: int = 0):
    """Posterior mean and SD of function(eta) of each row, by a fine grid over the subject's one effect."""
    design = fit.design
    fixed = design.fixed.X @ fit.estimate.flat[draw] + design.offset
    sd = np.sqrt(fit.estimate.flat_theta[draw, 0])
    u = sd * np.linspace(-8, 8, 2001)
    phi = {name: values[draw] for name, values in fit.estimate.flat_phi.items()}
    mean, spread = np.empty(design.n_obs), np.empty(design.n_obs)
    for unit in np.unique(design.unit):
        rows = np.flatnonzero(design.unit == unit)
        eta = fixed[rows] + u[:, None]
        data = {name: values[rows] for name, values in design.observation.items()}
        log_weight = design.family.log_density(data, (eta,), phi, NUMPY).sum(axis=1) + norm.logpdf(
            u, scale=sd
        )
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        value = function(eta)
        mean[rows] = weight @ value
        spread[rows] = np.sqrt(weight @ (value - mean[rows]) ** 2)
    return mean, spread


@pytest.mark.parametrize("family", ["bernoulli", "poisson", "gamma", "cumulative_logit", "ordered_beta"])
def test_subjects_effects_are_drawn_from_their_posterior(family):
    y = {
        "bernoulli": RNG.integers(0, 2, N),
        "poisson": RNG.poisson(2, N),
        "gamma": RNG.gamma(2, 1, N),
        "cumulative_logit": RNG.integers(1, 4, N),
        "ordered_beta": np.clip(RNG.normal(0.5, 0.4, N), 0, 1),
    }[family]
    fit = posterior(family, y.astype(float), "y ~ arm * C(visit) + (1 | id)")
    found = expit(samples_at_one_draw(fit)[0])
    mean, sd = on_a_grid(fit, expit)
    assert np.abs((found.mean(axis=0) - mean) / (sd / np.sqrt(MANY))).max() < NOISE
    np.testing.assert_allclose(found.std(axis=0), sd, rtol=0.08)


def test_correlated_effects_of_a_hurdle():
    """Importance sampling of both effects from their prior, by hand."""
    fit = posterior("hurdle_gamma", RNG.gamma(2, 1, N) * RNG.integers(0, 2, N), "y ~ arm + (1 | id)")
    design, found = fit.design, samples_at_one_draw(fit)
    theta = fit.estimate.flat_theta[0]
    rng = np.random.default_rng(8)
    u = rng.multivariate_normal([0, 0], [[theta[0], theta[1]], [theta[1], theta[2]]], size=200_000)
    rows = np.flatnonzero(design.unit == 0)
    fixed = [design.fixed.X[rows] @ fit.estimate.flat[0], design.zero.X[rows] @ fit.estimate.flat_zero[0]]
    eta = tuple(fixed[j] + u[:, [j]] for j in range(2))
    data = {name: values[rows] for name, values in design.observation.items()}
    phi = {name: values[0] for name, values in fit.estimate.flat_phi.items()}
    weight = np.exp(design.family.log_density(data, eta, phi, NUMPY).sum(axis=1))
    weight /= weight.sum()
    for j in range(2):
        error = found[j][:, rows[0]].std() / np.sqrt(MANY)
        assert abs(found[j][:, rows[0]].mean() - weight @ eta[j][:, 0]) < 2 * NOISE * error
    ours = np.cov(found[0][:, rows[0]], found[1][:, rows[0]])
    theirs = np.cov(eta[0][:, 0], eta[1][:, 0], aweights=weight)
    np.testing.assert_allclose(ours, theirs, atol=0.12 * np.sqrt(np.diag(theirs).max()))


def test_a_missed_visit_is_filled_in(yes_or_no):
    frame = table()
    y = RNG.integers(0, 2, N).astype(float)
    y[[1, 5]] = np.nan
    fit = posterior("bernoulli", y, "y ~ arm * C(visit) + (1 + week | id)")
    found = fit.trajectories()
    assert len(found) == N
    assert (~found["observed"]).sum() == 2
    assert found.index.names == ["id", "visit"]
    assert not found.loc[[(0, 1), (1, 2)], "observed"].any()
    assert found.index.tolist() == [(i, v) for i in range(20) for v in range(3)]
    assert ((found["lower"] < found["estimate"]) & (found["estimate"] < found["upper"])).all()
    observed = fit.predict(conditional=True, interval="confidence")
    at = pd.MultiIndex.from_frame(frame.loc[observed.index, ["id", "visit"]])
    # Both draw each subject's effects, 40 draws of them.
    assert (found.loc[at, "estimate"].to_numpy() - observed["estimate"].to_numpy()).std() < 0.05
    assert len(yes_or_no.trajectories()) == N


def test_rows_of_covariates_that_vary_are_not_made_up():
    moving = {"dose": RNG.normal(size=N)}
    y = RNG.poisson(2, N).astype(float)
    y[3] = np.nan
    fit = posterior("poisson", y, "y ~ dose + C(visit) + (1 | id)", moving)
    assert len(fit.trajectories()) == N - 1


def test_trajectories_of_gaussian_outcomes():
    frame = table()
    rng = np.random.default_rng(4)
    frame["y"] = rng.normal(size=20)[frame["id"]] + rng.normal(size=N)
    frame.loc[4, "y"] = np.nan
    fit = ml.fit("y ~ arm * C(visit) + (1 | id)", frame)
    found = fit.trajectories()
    predicted = fit.predict(frame[["id", "visit", "arm"]], conditional=True, interval="confidence")
    np.testing.assert_allclose(found["estimate"], predicted["estimate"], rtol=1e-10)
    np.testing.assert_allclose(found["upper"], predicted["upper"], rtol=1e-10)
    assert list(found.columns) == ["estimate", "se", "lower", "upper", "observed"]
    same = ml.fit(
        ml.ModelSpec("z ~ arm * C(visit) + (1 | id)", family="lognormal"), frame.assign(z=np.exp(frame["y"]))
    )
    np.testing.assert_allclose(same.trajectories()["lower"], np.exp(found["lower"]), rtol=1e-6)
    np.testing.assert_allclose(same.fitted(), np.exp(fit.fitted()), rtol=1e-6)
    np.testing.assert_allclose(same.residuals("scaled"), fit.residuals("scaled"), rtol=1e-5, atol=1e-8)


def test_new_outcomes_of_lognormal_subjects_are_read_on_their_own_scale():
    frame = table()
    rng = np.random.default_rng(4)
    frame["y"] = rng.normal(size=20)[frame["id"]] + rng.normal(size=N)
    frame["z"] = np.exp(frame["y"])
    fit = ml.fit("y ~ arm * C(visit) + (1 | id)", frame)
    same = ml.fit(ml.ModelSpec("z ~ arm * C(visit) + (1 | id)", family="lognormal"), frame)
    new = pd.DataFrame({"id": 99, "visit": [0, 1, 2], "arm": "a", "y": [1.0, 0.5, np.nan]})
    new["z"] = np.exp(new["y"])
    expected = fit.predict(new, conditional=True, interval="prediction")
    found = same.predict(new, conditional=True, interval="prediction")
    for name in ("estimate", "lower", "upper"):
        np.testing.assert_allclose(found[name], np.exp(expected[name]), rtol=1e-6)
    with pytest.raises(ml.errors.DataError, match="values above zero"):
        same.predict(new.assign(z=[-1.0, 0.5, np.nan]), conditional=True)


def test_predictions_on_the_outcomes_scale(yes_or_no):
    fit = yes_or_no
    new = pd.DataFrame({"id": 99, "visit": [0, 1, 2], "arm": "a"})
    found = fit.predict(new, interval="confidence")
    np.testing.assert_allclose(found["estimate"], fit.means().loc["a", "estimate"], rtol=1e-12)
    np.testing.assert_allclose(found["upper"], fit.means().loc["a", "upper"], rtol=1e-12)
    assert set(fit.predict(new, interval="prediction")["lower"]) == {0.0}
    assert list(fit.predict(new).columns) == ["estimate", "se", "mcse"]
    np.testing.assert_allclose(found["mcse"], fit.means().loc["a", "mcse"], rtol=1e-12)
    assert found.attrs["interval"] == "95 % equal-tailed"
    assert found.attrs["estimate"] == "posterior mean"
    np.testing.assert_allclose(fit.fitted(), fit.predict()["estimate"])
    # Of a subject without outcomes nothing is known but the population.
    stranger = fit.predict(new, conditional=True)
    assert np.abs(stranger["estimate"] - found["estimate"]).max() < 0.25
    with pytest.raises(EngineError, match="subjects that were not fitted"):
        fit.predict(new.assign(y=[1.0, 0.0, np.nan]), conditional=True)


def test_an_offset_is_read_of_new_rows():
    exposure = {"log_time": np.log(RNG.uniform(1, 3, N))}
    fit = posterior(
        "poisson", RNG.poisson(2, N).astype(float), "y ~ arm + (1 | id)", exposure, offset="log_time"
    )
    new = pd.DataFrame({"id": 99, "arm": ["a", "a"], "log_time": [0.0, np.log(2)]})
    rate, twice = fit.predict(new)["estimate"]
    np.testing.assert_allclose(twice, 2 * rate, rtol=1e-12)
    np.testing.assert_allclose(rate, fit.means(by="arm").loc["a", "estimate"], rtol=1e-12)


def test_what_such_outcomes_do_not_have(yes_or_no):
    with pytest.raises(EngineError, match="those of kind='quantile'"):
        yes_or_no.residuals()
    with pytest.raises(EngineError, match="no linear prediction"):
        yes_or_no.random_effects()
    with pytest.raises(SpecError, match="no visits"):
        posterior("gamma", RNG.gamma(2, 1, N), "y ~ arm + (1 | id)", visit=None).trajectories()


def test_the_posterior_of_the_covariance_over_visits():
    fit = posterior("poisson", RNG.poisson(2, N).astype(float), "y ~ arm * C(visit) + us(visit | id)")
    found = fit.covariance_posterior()
    draws = np.array(
        [fit.design.structure.sigma(t, np.arange(3.0)[None, :, None])[0] for t in fit.estimate.flat_theta]
    )
    np.testing.assert_allclose(found.loc["sd(2)", "estimate"], np.sqrt(draws[:, 2, 2]).mean())
    r = draws[:, 2, 0] / np.sqrt(draws[:, 0, 0] * draws[:, 2, 2])
    np.testing.assert_allclose(
        found.loc["correlation(2, 0)", ["lower", "upper"]], np.quantile(r, [0.025, 0.975])
    )
    assert {"mcse", "ess_bulk"} <= set(found.columns)
    by_arm = posterior(
        "gamma", RNG.gamma(2, 1, N), "y ~ arm * C(visit) + us(visit | arm / id)"
    ).covariance_posterior()
    assert by_arm.loc["a"].index.tolist() == found.index.tolist()
    frame = table().assign(y=RNG.normal(size=N))
    with pytest.raises(EngineError, match="no posterior"):
        ml.fit("y ~ arm * C(visit) + us(visit | id)", frame).covariance_posterior()


def test_the_posterior_of_random_effects_is_that_of_their_own_covariance():
    """Correlations of one effect with itself are no news; a hurdle's two effects have one."""
    y = RNG.gamma(2, 1, N) * RNG.integers(0, 2, N)
    assert list(posterior("gamma", y + 1).covariance_posterior().index) == ["sd(Intercept)"]
    fit = posterior("hurdle_gamma", y)
    found = fit.covariance_posterior()
    own = ["sd(Intercept)", "sd(zero: Intercept)", "correlation(zero: Intercept, Intercept)"]
    assert list(found.index) == own
    a, b, c = fit.estimate.flat_theta.T
    np.testing.assert_allclose(
        found["estimate"], [np.sqrt(a).mean(), np.sqrt(c).mean(), (b / np.sqrt(a * c)).mean()]
    )
    slopes = posterior("gamma", y + 1, "y ~ arm * visit + (1 + visit | id)").covariance_posterior()
    assert list(slopes.index[:4]) == ["sd(Intercept)", "sd(visit)", "correlation(visit, Intercept)", "sd(0)"]
    assert slopes.loc["sd(0)", "estimate"] == pytest.approx(slopes.loc["sd(Intercept)", "estimate"])


@pytest.mark.parametrize("family", ["poisson", "cumulative_logit", "hurdle_gamma", "lognormal"])
def test_quantile_residuals_say_where_an_outcome_lies_among_simulated_ones(family):
    start = {"poisson": RNG.poisson(2, N), "cumulative_logit": RNG.integers(1, 5, N)}
    y = start.get(family, RNG.gamma(2, 1, N) * (RNG.integers(0, 2, N) if family == "hurdle_gamma" else 1))
    y = y.astype(float)
    fit = posterior(family, y, "y ~ arm * C(visit) + (1 | id)")
    found = fit.residuals("quantile")
    others = fit.simulate(DATA_SETS, seed=SEED).to_numpy()
    place = norm.cdf(found) * (DATA_SETS + 1)
    below, up_to = (others < y[:, None]).sum(axis=1), (others <= y[:, None]).sum(axis=1)
    assert ((below - 1e-6 <= place) & (place <= up_to + 1 + 1e-6)).all()
    share = (place - below) / (up_to - below + 1)
    assert kstest(share, "uniform").pvalue > 0.001
    pd.testing.assert_series_equal(found, fit.residuals("quantile"))


def test_quantile_residuals_of_censored_outcomes_lie_beyond_their_limit():
    where = {"cens": np.where(np.arange(N) % 4 == 0, "left", "none")}
    y = np.exp(RNG.normal(size=N))
    fit = posterior("lognormal", y, "y ~ arm * C(visit) + (1 | id)", where, censored="cens")
    plain = posterior("lognormal", y, "y ~ arm * C(visit) + (1 | id)", {"cens": "none"}, censored="cens")
    left = np.arange(N) % 4 == 0
    found, whole = fit.residuals("quantile"), plain.residuals("quantile")
    assert (found[left] < whole[left] + 0.01).all()
    np.testing.assert_allclose(found[~left], whole[~left], atol=0.2)
