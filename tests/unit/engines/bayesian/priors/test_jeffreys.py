"""Powers of the determinant: their density in Cholesky coordinates, what they match, and where they are refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student_t

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.priors.jeffreys import power_of_determinant

PRIORS = ml.Priors(covariance="jeffreys")

SAMPLED = 0.03
"""Relative: quantiles of a mixture over 10,000 draws of the covariance."""


def design(formula):
    spec = ml.ModelSpec(formula, priors=PRIORS)
    return build_design(spec, long_data(spec, ml.datasets.hamd17()))


def test_the_density_of_the_cholesky_factor_is_that_of_sigma():
    """Density in (log root, below) = |Sigma|^(-(T + 1) / 2) times |d vech(Sigma) / d (log root, below)|."""
    prior = power_of_determinant(design("change ~ week + us(week | PATIENT)"))
    root, below = prior.variables
    rng = np.random.default_rng(1)

    def theta(x):
        return prior.theta({"root": root.natural(x[:5]), "below": x[5:]}, np)

    constants = []
    for _ in range(4):
        x = rng.normal(0, 0.5, 15)
        steps = 1e-6 * np.eye(15)
        jacobian = np.array([(theta(x + h) - theta(x - h)) / 2e-6 for h in steps])
        sigma = np.zeros((5, 5))
        sigma[np.tril_indices(5)] = theta(x)
        sigma = sigma + np.tril(sigma, -1).T
        expected = -3 * np.linalg.slogdet(sigma)[1] + np.linalg.slogdet(jacobian)[1]
        constants.append(expected - ((1 + root.hyperparameters(1.0)) * x[:5]).sum())
    # The normalising constant of the volume element, 2^T.
    np.testing.assert_allclose(constants, 5 * np.log(2), rtol=1e-6)


def test_it_is_described_as_one_prior():
    prior = power_of_determinant(design("change ~ week + us(week | PATIENT)"))
    described = [row for variable in prior.variables for row in variable.described()]
    assert described == [("covariance matrix", "Jeffreys, |Sigma|^(-3)")]


def test_other_structures_and_too_few_subjects_are_refused():
    with pytest.raises(ml.errors.EngineError, match="is for an unstructured covariance"):
        power_of_determinant(design("change ~ week + ar1(week | PATIENT)"))
    table = ml.datasets.hamd17()
    few = table[table["PATIENT"].isin(table["PATIENT"].unique()[:5])]
    spec = ml.ModelSpec("change ~ week + us(week | PATIENT)", priors=PRIORS)
    with pytest.raises(ml.errors.DesignError, match="needs at least 6 subjects"):
        ml.fit(spec, few, engine=ml.Bayesian(seed=1))
    with pytest.raises(ml.errors.SpecError, match="must be 'weakly informative', 'jeffreys' or 'matching'"):
        ml.Priors(covariance="flat")


@pytest.mark.parametrize("covariance", ["jeffreys", "matching"])
def test_a_difference_between_visits_has_students_t(covariance):
    """Of 9 complete subjects at 4 visits: 5 degrees of freedom under Jeffreys' prior, else a paired t-test's 8."""
    n, visits = 9, 4
    rng = np.random.default_rng(6)
    y = rng.normal(0, 1, (n, 1)) + rng.normal(0, 1, (n, visits)) + np.arange(visits)
    table = pd.DataFrame(
        {"id": np.repeat(np.arange(n), visits), "visit": np.tile(np.arange(visits), n), "y": y.ravel()}
    )
    vague = ml.Priors(outcome_scale=1, coefficient_sd=1000, intercept_sd=1000, covariance=covariance)
    spec = ml.ModelSpec("y ~ C(visit) + us(visit | id)", priors=vague)
    found = ml.fit(spec, table, engine=ml.Bayesian(seed=1, draws=2500, sampler="importance")).contrasts()
    change = y[:, 1:] - y[:, :1]
    df = n - visits if covariance == "jeffreys" else n - 1
    # The inverse Wishart has the scatter matrix itself: a smaller df comes with a larger scale.
    se = np.sqrt(((change - change.mean(axis=0)) ** 2).sum(axis=0) / df / n)
    half = student_t.ppf(0.975, df) * se
    np.testing.assert_allclose(
        found["estimate"], change.mean(axis=0), rtol=1e-5
    )  # the vague prior still pulls
    np.testing.assert_allclose(found["upper"] - found["lower"], 2 * half, rtol=SAMPLED)
