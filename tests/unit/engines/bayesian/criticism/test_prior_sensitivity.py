"""Power-scaling sensitivity: the distances of normal distributions that are known, and densities written out."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import halfnorm, lognorm, multivariate_normal, norm, t

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.criticism.prior_sensitivity import (
    log_likelihood,
    log_priors_of_covariance,
    power_scaling,
)
from msclong.engines.bayesian.priors.model_priors import log_prior_of_coefficients, model_priors
from msclong.engines.bayesian.priors.prior_predictive import coefficient_draws, theta_draws
from msclong.errors import EngineError

SLOPE = "Reaction ~ Days + (1 + Days | Subject)"

DENSITIES = 1e-9
"""Relative to the spread of the log densities: closed forms of the same numbers."""

SUMMED = 0.03
"""Relative: 4,000 quantiles for a distribution function, weights smoothed at both ends."""


def design_of(formula=SLOPE, **priors):
    table = ml.datasets.sleepstudy()
    spec = ml.ModelSpec(formula, priors=ml.Priors(outcome_scale=50, **priors))
    return build_design(spec, long_data(spec, table[table["Days"] < 3] if "us(" in formula else table))


def fitted(**priors):
    spec = ml.ModelSpec(SLOPE, priors=ml.Priors(outcome_scale=50, **priors))
    engine = ml.Bayesian(seed=1, draws=500, sampler="importance")
    return ml.fit(spec, ml.datasets.sleepstudy(), engine=engine)


def same_up_to_a_constant(one, two):
    np.testing.assert_allclose(one - one[0], two - two[0], rtol=DENSITIES, atol=DENSITIES * np.ptp(two))


def distance(x, P, Q):
    """Square root of the cumulative Jensen-Shannon divergence of two distribution functions on a grid, normalised."""

    def one_way(P, Q):
        inside = P * np.log2(P / ((P + Q) / 2))
        return np.trapezoid(inside, x) + (np.trapezoid(Q, x) - np.trapezoid(P, x)) / (2 * np.log(2))

    return np.sqrt((one_way(P, Q) + one_way(Q, P)) / (np.trapezoid(P, x) + np.trapezoid(Q, x)))


@pytest.mark.parametrize(("mean", "sd"), [(3.0, 1.5), (0.0, 1.2), (-2.0, 4.0)])
def test_it_is_the_derivative_of_the_distance_between_posteriors(mean, sd):
    """Posterior N(0, 1) with a factor N(mean, sd^2): raised to the power a, its precision is 1 + (a - 1) / sd^2."""
    draws = norm.ppf((np.arange(4000) + 0.5) / 4000)
    x = np.linspace(draws[0], draws[-1], 20_001)
    slopes = []
    for power in (0.99, 1.01):
        precision = 1 + (power - 1) / sd**2
        scaled = norm((power - 1) * mean / sd**2 / precision, precision**-0.5)
        farthest = max(
            distance(x, norm.cdf(x), scaled.cdf(x)), distance(x, norm.sf(x)[::-1], scaled.sf(x)[::-1])
        )
        slopes.append(farthest / abs(np.log2(power)))
    found = power_scaling(np.column_stack([draws, -draws]), norm.logpdf(draws, mean, sd))
    assert found == pytest.approx(np.mean(slopes), rel=SUMMED)


def test_a_constant_density_has_no_sensitivity():
    assert power_scaling(np.random.default_rng(1).normal(size=(50, 2)), np.full(50, 3.0)).tolist() == [0, 0]


def test_the_likelihood_is_that_of_all_outcomes_given_beta_and_theta():
    design = design_of()
    rng = np.random.default_rng(2)
    beta = rng.normal((250, 10), (10, 3), (4, 2))
    theta = np.array([[600.0, 10, 35, 650], [400, -20, 50, 900], [700, 0, 20, 500], [600, 10, 35, 650]])
    expected = []
    for b, parameters in zip(beta, theta, strict=True):
        total = 0.0
        for subject in range(design.n_subjects):
            rows = design.subject == subject
            V = design.structure.sigma(parameters, design.coords[rows][None])[0]
            total += multivariate_normal(design.fixed.X[rows] @ b, V).logpdf(design.y[rows])
        expected.append(total)
    same_up_to_a_constant(log_likelihood(design, beta, theta), np.array(expected))


def test_the_priors_are_those_of_standard_deviations_and_of_the_correlation_matrix():
    design = design_of(
        "Reaction ~ C(Days) + us(Days | Subject)",
        sds={"sd(1)": ml.HalfNormal(7), "sd(2)": ml.LogNormal(30, 0.4)},
        correlations={"correlation matrix": ml.LKJ(3)},
    )
    prior = model_priors(design).covariance
    theta = theta_draws(prior, 20, np.random.default_rng(3))
    found = log_priors_of_covariance(prior, theta)
    sigma = np.array([design.structure.sigma(row, np.arange(3.0)[None, :, None])[0] for row in theta])
    sd = np.sqrt(np.einsum("sii->si", sigma))
    expected = (
        t.logpdf(sd[:, 0] / 50, 3)
        + halfnorm.logpdf(sd[:, 1], scale=7)
        + lognorm.logpdf(sd[:, 2], 0.4, scale=30)
    )
    same_up_to_a_constant(found["sds"], expected)
    determinant = np.linalg.det(sigma) / np.prod(sd**2, axis=1)
    same_up_to_a_constant(found["correlations"], 2 * np.log(determinant))


def test_a_single_correlation_and_a_range_have_a_density_too():
    design = design_of("Reaction ~ Days + cs(Days | Subject)", correlations={"correlation": ml.LKJ(3)})
    prior = model_priors(design).covariance
    theta = theta_draws(prior, 20, np.random.default_rng(3))
    rho = theta[:, 0] / theta.sum(axis=1)
    same_up_to_a_constant(
        log_priors_of_covariance(prior, theta)["correlations"], 2 * np.log((rho + 1 / 9) * (1 - rho))
    )
    prior = model_priors(design_of("Reaction ~ Days + sp_exp(Days | Subject)")).covariance
    theta = theta_draws(prior, 20, np.random.default_rng(3))
    same_up_to_a_constant(
        log_priors_of_covariance(prior, theta)["correlations"],
        lognorm.logpdf(theta[:, 1], 1.5, scale=4.5),
    )


def test_the_prior_of_the_coefficients_is_the_mixture():
    mixture = ml.Mixture([(0.7, ml.Normal(-2, 1)), (0.3, ml.Normal(10, 4))])
    priors = model_priors(design_of(coefficients={"Days": mixture, "Intercept": ml.Normal(250, 20)}))
    beta = coefficient_draws(priors.components, 30, np.random.default_rng(4))
    days = 0.7 * norm.pdf(beta[:, 1], -2, 1) + 0.3 * norm.pdf(beta[:, 1], 10, 4)
    same_up_to_a_constant(
        log_prior_of_coefficients(priors.components, beta),
        np.log(days) + norm.logpdf(beta[:, 0], 250, 20),
    )


def test_default_priors_are_harmless_here():
    """But for the intercept's variance at day 0, which LKJ(2) moves by just 0.05: at the mean day, where the default
    prior is, intercept and slope have correlation 0.75.
    """
    table = ml.prior_sensitivity(fitted())
    extrapolated = ("covariance", "variance(Intercept)")
    assert (table["verdict"].drop(extrapolated) == "-").all()
    assert table.loc[extrapolated, ["coefficients", "sds"]].max() < 0.05
    assert table.loc[extrapolated, "correlations"] < 0.06
    assert (table.loc["contrast", "likelihood"] > 0.05).all()
    assert list(table.index.names) == ["kind", "row"]
    assert table["family"].isna().all()


def test_a_prior_that_contradicts_the_data_is_a_conflict():
    table = ml.prior_sensitivity(fitted(coefficients={"Days": ml.Normal(0, 2)}))
    assert set(table.loc["contrast", "verdict"]) == {"prior-data conflict (coefficients)"}


def test_a_prior_that_decides_the_answer_is_strong():
    table = ml.prior_sensitivity(fitted(coefficients={"Days": ml.Normal(10.5, 0.05)}))
    assert set(table.loc["contrast", "verdict"]) == {"strong prior, weak likelihood (coefficients)"}


def test_an_improper_prior_of_the_covariance_is_left_out():
    table = ml.datasets.hamd17()
    spec = ml.ModelSpec(
        "change ~ C(week) + us(week | PATIENT)", priors=ml.Priors(outcome_scale=6, covariance="jeffreys")
    )
    fit = ml.fit(spec, table, engine=ml.Bayesian(seed=1, draws=750, sampler="importance"))
    found = ml.prior_sensitivity(fit)
    assert found[["sds", "correlations"]].isna().all(axis=None)
    assert found[["coefficients", "likelihood"]].notna().all(axis=None)


def test_a_conditional_family_has_a_block_of_its_own():
    rng = np.random.default_rng(5)
    subject = np.repeat(np.arange(20), 3)
    mean = np.exp(1 + rng.normal(0, 0.5, 20)[subject])
    table = pd.DataFrame({"id": subject, "visit": np.tile(range(3), 20), "y": rng.gamma(4, mean / 4)})
    spec = ml.ModelSpec(
        "y ~ C(visit) + (1 | id)",
        visit="visit",
        family="gamma",
        priors=ml.Priors(sds={"coefficient of variation": ml.LogNormal(3, 0.05)}),
    )
    fit = ml.fit(spec, table, engine=ml.Bayesian(seed=1, draws=750, sampler="importance"))
    found = ml.prior_sensitivity(fit)
    assert fit.priors.loc["coefficient of variation", "prior"] == "log-normal(log 3, 0.05)"
    assert "family" in found.loc[("covariance", "variance(Intercept)"), "verdict"]


def test_a_fit_without_priors_is_refused():
    fit = ml.fit(SLOPE, ml.datasets.sleepstudy())
    with pytest.raises(EngineError, match=r"Frequentist has no priors; fit with engine=ml.Bayesian"):
        ml.prior_sensitivity(fit)
