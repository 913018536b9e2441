"""Priors of the coefficients: on the outcome's scale, wherever a covariate has its zero."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.engines.bayesian.priors.model_priors import model_priors
from msclong.likelihood.standardised import standardise


def design_of(formula, table=None, **fields):
    spec = ml.ModelSpec(formula, **fields)
    return build_design(spec, long_data(spec, ml.datasets.sleepstudy() if table is None else table))


SLOPE = "Reaction ~ Days + (1 + Days | Subject)"


def beta_prior(design):
    """Mean and covariance of beta under the prior."""
    prior = model_priors(design).coefficients
    inverse = np.linalg.inv(prior.K)
    return inverse @ prior.location, inverse @ np.diag(prior.sd**2) @ inverse.T


def test_scales_are_multiples_of_the_outcomes_sd():
    design = design_of(SLOPE)
    prior = model_priors(design)
    s = np.std(design.y, ddof=1)
    assert prior.outcome_scale == pytest.approx(s)
    assert prior.coefficients.sd == pytest.approx([10 * s, 2.5 * s / np.std(np.arange(10))])
    assert "SD of the outcome in these data" in prior.note()
    assert "SD of log(outcome) in these data" in model_priors(design_of(SLOPE, family="lognormal")).note()


def test_a_pre_specified_scale_is_used_and_said():
    design = design_of(SLOPE, priors=ml.Priors(outcome_scale=50, coefficient_sd=2))
    prior = model_priors(design)
    assert prior.coefficients.sd[1] == pytest.approx(100 / np.std(np.arange(10)))
    assert "pre-specified" in prior.note()


def test_the_prior_of_fitted_means_does_not_depend_on_a_covariates_zero():
    shifted = ml.datasets.sleepstudy().assign(Days=lambda t: t["Days"] + 1000)
    (m0, v0), (m1, v1) = beta_prior(design_of(SLOPE)), beta_prior(design_of(SLOPE, shifted))
    for day in (0.0, 9.0):
        x0, x1 = np.array([1, day]), np.array([1, day + 1000])
        assert x1 @ m1 == pytest.approx(x0 @ m0)
        assert x1 @ v1 @ x1 == pytest.approx(x0 @ v0 @ x0, rel=1e-6)


def test_the_prior_follows_the_outcomes_unit():
    seconds = ml.datasets.sleepstudy().assign(Reaction=lambda t: t["Reaction"] / 1000)
    (m0, v0), (m1, v1) = beta_prior(design_of(SLOPE)), beta_prior(design_of(SLOPE, seconds))
    np.testing.assert_allclose(m1 * 1000, m0, rtol=1e-12)
    np.testing.assert_allclose(v1 * 1e6, v0, rtol=1e-12)


def test_means_without_an_intercept_are_centred_on_the_mean_outcome():
    design = design_of("Reaction ~ 0 + C(Days) + us(Days | Subject)")
    prior = model_priors(design).coefficients
    assert prior.location == pytest.approx(np.full(10, design.y.mean()))


def test_a_model_through_the_origin_is_centred_on_zero():
    prior = model_priors(design_of("Reaction ~ 0 + Days + (1 | Subject)")).coefficients
    assert prior.location == pytest.approx([0.0])


def test_as_observations_it_is_the_same_prior_in_standardised_units():
    design = design_of(SLOPE)
    standardised = standardise(design.moments)
    rows = model_priors(design).coefficients.rows(standardised)
    precision = rows[:, :2].T @ rows[:, :2]
    gamma = np.linalg.solve(precision, rows[:, :2].T @ rows[:, 2])
    mean, covariance = beta_prior(design)
    np.testing.assert_allclose(standardised.coefficients(gamma), mean, atol=1e-9 * design.y.mean())
    to_beta = standardised.scale * standardised.back
    np.testing.assert_allclose(
        to_beta @ np.linalg.inv(precision) @ to_beta.T, covariance, rtol=1e-9, atol=1e-9
    )


def test_the_table_names_every_parameter_with_numbers_in_outcome_units():
    table = model_priors(design_of(SLOPE, priors=ml.Priors(outcome_scale=100))).table()
    expected = {
        "mean outcome (intercept at the covariates' means)": "Normal(298.5, 1000)",
        "Days": "Normal(0, 87.04)",
        "sd(Intercept) at the covariates' means": "half-Student-t(3, 0, 100)",
        "sd(Days)": "half-Student-t(3, 0, 34.82)",
        "correlation matrix": "LKJ(2)",
        "residual sd": "half-Student-t(3, 0, 100)",
    }
    pd.testing.assert_series_equal(
        table["prior"], pd.Series(expected, name="prior").rename_axis("parameter"), check_index_type=False
    )


def test_a_shape_that_no_prior_has_is_said_to_be_unused():
    stated = ml.Priors(correlation_eta=5)
    one = "Reaction ~ Days + (1 | Subject)"
    assert "correlation_eta=5) is not used" in model_priors(design_of(one, priors=stated)).note()
    assert "correlation_eta" not in model_priors(design_of(one)).note()
    assert "correlation_eta" not in model_priors(design_of(SLOPE, priors=stated)).note()
    table = ml.datasets.sleepstudy().assign(n=lambda frame: frame["Reaction"].round())
    for formula, unused in ((one, True), (SLOPE, False)):
        design = design_of(formula.replace("Reaction", "n"), table, family="poisson", priors=stated)
        assert ("is not used" in conditional_priors(design).note) == unused
