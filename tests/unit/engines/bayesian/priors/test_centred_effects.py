"""The prior of random effects does not depend on where a covariate has its zero."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.covariance.working import unvech
from msclong.design.design import build_design
from msclong.engines.bayesian.priors.centred_effects import centred_effects
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.engines.bayesian.priors.model_priors import model_priors
from msclong.engines.bayesian.priors.prior_predictive import theta_draws
from msclong.errors import SpecError

# Calendar years leave 1e-16 * 2018^2 of the digits of variances.
DIGITS = 1e-8
# Differences in Monte Carlo errors of both, and of SDs of 2,000 effective draws or more.
MCSE, SD = 4.0, 0.07

RNG = np.random.default_rng(1)
N = 50
YEAR = 2018 + RNG.normal(size=N)
ARM = (np.arange(N) % 2).astype(float)
ONE, NONE = np.ones(N), np.zeros(N)


def table(origin=0.0):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"id": np.repeat(np.arange(40), 5), "t": np.tile(np.arange(5.0), 40)})
    frame["arm"] = np.where(frame["id"] < 20, "a", "b")
    intercept, slope = rng.multivariate_normal([0, 0], [[4, 0.8], [0.8, 0.5]], 40)[frame["id"]].T
    eta = intercept + (slope - 0.5 * (frame["arm"] == "b")) * (frame["t"] - 2)
    frame["y"] = 50 + eta + rng.normal(size=200)
    frame["count"] = rng.poisson(np.exp(0.5 + 0.25 * eta)).astype(float)
    frame["flow"] = np.where(rng.random(200) < 0.3, 0.0, rng.gamma(2, size=200))
    return frame.assign(t=frame["t"] + origin)


def design_of(formula, frame=None, **fields):
    spec = ml.ModelSpec(formula, **fields)
    return build_design(spec, long_data(spec, table() if frame is None else frame))


@pytest.mark.parametrize(
    "Z", [[ONE, YEAR], [YEAR, ONE, ARM], [2 * ONE, YEAR, ARM, ARM * YEAR], [ONE, ONE, YEAR]], ids=len
)
def test_the_effects_as_written_from_those_of_centred_covariates(Z):
    Z = np.column_stack(Z)
    unit, T = centred_effects(Z[:, None], [False] * Z.shape[1])
    varying = Z.std(axis=0) > 0
    np.testing.assert_allclose(Z @ T, Z - varying * Z.mean(axis=0), atol=DIGITS)
    np.testing.assert_allclose(unit, np.where(varying, Z.std(axis=0), Z[0]))
    assert np.linalg.det(T) == pytest.approx(1)


@pytest.mark.parametrize("Z", [[ONE], [YEAR, ARM], [ONE, YEAR - YEAR.mean()], [NONE, YEAR]], ids=str)
def test_nothing_to_take_up_or_nobody_to_do_it(Z):
    _, T = centred_effects(np.column_stack(Z)[:, None], [False] * len(Z))
    np.testing.assert_array_equal(T, np.eye(len(Z)))


def test_each_predictor_has_an_intercept_of_its_own():
    mean, zero = np.column_stack([ONE, YEAR, NONE, NONE]), np.column_stack([NONE, NONE, ONE, 3 * YEAR])
    coords = np.stack([mean, zero], axis=1)
    unit, T = centred_effects(coords, [False] * 4)
    centred = coords @ T
    np.testing.assert_allclose(centred.mean(axis=0), [[1, 0, 0, 0], [0, 0, 1, 0]], atol=DIGITS)
    np.testing.assert_allclose(unit, [1, YEAR.std(), 1, 3 * YEAR.std()])
    only_zero = centred_effects(coords, [True, False, False, False])[1]
    np.testing.assert_array_equal(only_zero[:2], np.eye(4)[:2])
    np.testing.assert_array_equal(only_zero[2:], T[2:])


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("y ~ t + (1 + t | id)", "gaussian"),
        ("y ~ t + (1 + t | arm / id)", "gaussian"),
        ("y ~ t + (1 + t | id) + ar1(t | id)", "student"),
        ("flow ~ t + (1 + t | id)", "hurdle_gamma"),
    ],
)
def test_the_prior_of_linear_predictors_is_the_same_at_any_origin(formula, family):
    found = []
    for origin in (0, 2018):
        design = design_of(formula, table(origin), family=family)
        priors = conditional_priors(design) if design.conditional else model_priors(design)
        theta = theta_draws(priors.covariance, 3, np.random.default_rng(3))
        back = priors.covariance.values(theta)
        again = np.stack([priors.covariance.theta({k: v[i] for k, v in back.items()}, np) for i in range(3)])
        np.testing.assert_allclose(again, theta, rtol=DIGITS)
        rows = design.latent_coords()[:6].transpose(1, 0, 2)
        found.append(np.stack([design.structure.sigma(one, rows) for one in theta]))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6, atol=1e-6)


def test_stated_standard_deviations_are_those_at_the_means():
    design = design_of("y ~ t + (1 + t | id)", table(3.0), priors=ml.Priors(outcome_scale=2))
    prior = model_priors(design).covariance
    theta = theta_draws(prior, 4000, np.random.default_rng(4))
    z = np.array([1, design.coords[:, 1].mean()])
    sd = np.sqrt(np.einsum("i,sij,j->s", z, unvech(theta.T[:3], 2).transpose(2, 0, 1), z))
    # Half-t(3, 0, 2) has quartiles 0.35, 0.76 and 1.42 of its scale.
    np.testing.assert_allclose(
        np.quantile(sd, [0.25, 0.5, 0.75]), 2 * np.array([0.35, 0.765, 1.42]), rtol=0.05
    )


def test_the_name_says_where():
    at_means = "sd(Intercept) at the covariates' means"
    formula = "y ~ t + (1 + t | id)"
    assert at_means in model_priors(design_of(formula)).table().index
    assert at_means not in model_priors(design_of(formula, table(-2.0))).table().index
    assert at_means not in model_priors(design_of("y ~ t + (1 | id)")).table().index
    stated = model_priors(design_of(formula, priors=ml.Priors(sds={at_means: ml.HalfNormal(3)})))
    assert stated.table().loc[at_means, "prior"] == "half-normal(3)"
    hurdle = conditional_priors(design_of("flow ~ t + (1 + t | id)", family="hurdle_gamma")).table()
    assert {at_means, "sd(zero: Intercept) at the covariates' means", "sd(zero: t)"} <= set(hurdle.index)


def test_an_intercept_that_is_named_as_written_has_its_prior_as_written():
    priors = ml.Priors(sds={"sd(Intercept)": ml.HalfNormal(3)})
    design = design_of("y ~ t + (1 + t | id)", table(10), priors=priors)
    prior = model_priors(design)
    assert prior.table().loc["sd(Intercept)", "prior"] == "half-normal(3)"
    theta = theta_draws(prior.covariance, 4000, np.random.default_rng(5))
    assert np.sqrt(theta[:, 0]).mean() == pytest.approx(3 * np.sqrt(2 / np.pi), rel=0.05)
    both = {**priors.sds, "sd(Intercept) at the covariates' means": ml.HalfNormal(3)}
    with pytest.raises(SpecError, match=r"at the covariates' means.*near names are 'sd\(Intercept\)'"):
        model_priors(design_of("y ~ t + (1 + t | id)", priors=ml.Priors(sds=both)))


def fitted(outcome, family, origin, **settings):
    spec = ml.ModelSpec(f"{outcome} ~ arm * t + (1 + t | id)", family=family)
    fit = ml.fit(spec, table(origin), engine=ml.Bayesian(seed=1, **settings))
    assert fit.outcome.converged, str(fit.outcome)
    # The covariance from that of the slopes on: the intercept is another one.
    return fit.contrasts(), fit.covariance.parameters.iloc[2:]


def agree(one, two):
    for a, b in zip(one, two, strict=True):
        distance = np.abs(a["estimate"].to_numpy() - b["estimate"]) / np.hypot(
            a["mcse"].to_numpy(), b["mcse"]
        )
        assert (distance < MCSE).all(), distance.to_string()
        np.testing.assert_allclose(b["se"], a["se"], rtol=SD)


@pytest.mark.parametrize(("outcome", "family"), [("y", "gaussian"), ("count", "poisson")])
def test_the_posterior_does_not_depend_on_the_origin(outcome, family):
    agree(*(fitted(outcome, family, origin, sampler="importance") for origin in (-2, 2018)))


@pytest.mark.slow
@pytest.mark.parametrize(("outcome", "family"), [("y", "gaussian"), ("count", "poisson")])
def test_nor_where_nuts_samples_it(outcome, family):
    near = fitted(outcome, family, -2, sampler="importance")
    agree(near, fitted(outcome, family, 2018, sampler="nuts", draws=2000))
