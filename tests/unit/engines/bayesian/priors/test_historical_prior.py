"""The meta-analytic-predictive prior against numerical integration, and how many subjects a prior is worth."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import halfnorm, norm, t

import msclong as ml
from msclong.errors import SpecError

ESTIMATES, SES = (-2.1, -1.4, -3.0), (0.5, 0.4, 0.9)

FITTED = 0.01
"""Absolute, of a distribution function: three normals for a continuous mixture of them."""

INTEGRATED = 1e-3
"""Relative: quadrature against a grid of densities."""


def predictive_cdf(x, between):
    """P(theta_new < x | y) by summation over a grid of tau and mu, nothing in closed form."""
    tau = (np.arange(1500)[:, None] + 0.5) / 100
    mu = np.linspace(-25, 25, 2001)
    joint = between(tau) * np.ones_like(mu)
    for y, s in zip(ESTIMATES, SES, strict=True):
        joint = joint * norm.pdf(y, mu, np.sqrt(s**2 + tau**2))
    return (joint * norm.cdf((x - mu) / tau)).sum() / joint.sum()


def cdf(mixture, x):
    return sum(weight * norm.cdf(x, normal.mean, normal.sd) for weight, normal in mixture)


@pytest.mark.parametrize(
    ("between", "density"),
    [
        (None, lambda tau: halfnorm.pdf(tau, scale=1.5)),
        (ml.HalfT(3, 1.0), lambda tau: 2 * t.pdf(tau, 3)),
    ],
)
def test_it_is_the_distribution_of_a_new_trials_effect(between, density):
    mixture = ml.historical_prior(ESTIMATES, SES, unit_sd=3, weight=1, between=between)
    for x in (-4.0, -2.0, -0.5):
        assert cdf(mixture, x) == pytest.approx(predictive_cdf(x, density), abs=FITTED)


def test_without_differences_between_trials_it_is_their_weighted_mean():
    (weight, normal), *_ = ml.historical_prior(
        ESTIMATES, SES, unit_sd=3, weight=1, between=ml.HalfNormal(1e-6), components=1
    )
    precision = 1 / np.square(SES)
    assert weight == 1
    assert normal.mean == pytest.approx(np.average(ESTIMATES, weights=precision), rel=INTEGRATED)
    assert normal.sd == pytest.approx(
        precision.sum() ** -0.5, rel=INTEGRATED * 5
    )  # 2,000 points have thinner tails


def test_the_vague_component_comes_last_with_its_weight():
    robust = ml.historical_prior(ESTIMATES, SES, unit_sd=3, weight=0.7)
    alone = ml.historical_prior(ESTIMATES, SES, unit_sd=3, weight=1)
    assert robust.weights[-1] == pytest.approx(0.3)
    assert robust.normals[-1] == ml.Normal(0, 3)
    assert robust.weights[:-1] == pytest.approx(tuple(0.7 * w for w in alone.weights))
    stated = ml.historical_prior(ESTIMATES, SES, unit_sd=3, vague=ml.Normal(1, 8))
    assert stated.normals[-1] == ml.Normal(1, 8)


def test_it_follows_the_unit_of_the_outcome():
    one = ml.historical_prior(ESTIMATES, SES, unit_sd=3)
    thousand = ml.historical_prior(1000 * np.array(ESTIMATES), 1000 * np.array(SES), unit_sd=3000)
    assert thousand.weights == pytest.approx(one.weights, rel=1e-6)
    assert thousand.sd == pytest.approx(1000 * one.sd, rel=1e-6)


def test_it_is_a_prior_that_a_spec_takes():
    prior = ml.historical_prior(ESTIMATES, SES, unit_sd=3)
    spec = ml.ModelSpec("y ~ v + (1 | id)", priors=ml.Priors(coefficients={"v": prior}))
    assert ml.ModelSpec.from_json(spec.to_json()) == spec


def test_a_normal_prior_is_worth_the_subjects_whose_mean_has_its_sd():
    assert ml.effective_sample_size(ml.Normal(-2, 0.6), unit_sd=3) == pytest.approx(25, rel=INTEGRATED)


def test_the_size_of_a_mixture_is_its_expected_information():
    mixture = ml.Mixture([(0.6, ml.Normal(-2, 0.5)), (0.4, ml.Normal(1, 3))])

    def density(x):
        return sum(w * norm.pdf(x, n.mean, n.sd) for w, n in mixture)

    def information(x, h=1e-3):
        log = [np.log(density(x + d)) for d in (-h, 0, h)]
        return -density(x) * (log[0] - 2 * log[1] + log[2]) / h**2

    expected = 9 * quad(information, -12, 14, points=[-3, -2, -1], limit=200)[0]
    assert ml.effective_sample_size(mixture, unit_sd=3) == pytest.approx(expected, rel=INTEGRATED)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ses": (0.5, 0.4)}, r"as many estimates as positive standard errors; got 3"),
        ({"ses": (0.5, 0.4, 0)}, r"positive standard errors"),
        ({"estimates": (1, 2, np.nan)}, r"estimates are finite numbers"),
        ({"estimates": "abc"}, r"estimates are finite numbers"),
        ({"unit_sd": 0}, r"unit_sd must be a positive number"),
        ({"weight": 1.2}, r"weight lies above 0 and at most at 1"),
        ({"components": 0}, r"components is a whole number from 1 to 4"),
        ({"between": ml.Normal(0, 1)}, r"between is HalfNormal\(scale\) or HalfT"),
        ({"vague": 3}, r"vague is a Normal"),
    ],
)
def test_impossible_values_are_refused(changes, message):
    given = {"estimates": ESTIMATES, "ses": SES, "unit_sd": 3, **changes}
    with pytest.raises(SpecError, match=message):
        ml.historical_prior(given.pop("estimates"), given.pop("ses"), **given)
    with pytest.raises(SpecError, match=r"prior is a Normal or a Mixture"):
        ml.effective_sample_size(ml.HalfNormal(1), unit_sd=3)
