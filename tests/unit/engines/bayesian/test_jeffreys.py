"""Jeffreys' prior: its density in Cholesky coordinates, and where it is refused."""

import numpy as np
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.jeffreys import jeffreys

PRIORS = ml.Priors(covariance="jeffreys")


def design(formula):
    spec = ml.ModelSpec(formula, priors=PRIORS)
    return build_design(spec, long_data(spec, ml.datasets.hamd17()))


def test_the_density_of_the_cholesky_factor_is_that_of_sigma():
    """Density in (log root, below) = |Sigma|^(-(T + 1) / 2) times |d vech(Sigma) / d (log root, below)|."""
    prior = jeffreys(design("change ~ week + us(week | PATIENT)"))
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
    prior = jeffreys(design("change ~ week + us(week | PATIENT)"))
    described = [row for variable in prior.variables for row in variable.described()]
    assert described == [("covariance matrix", "Jeffreys, |Sigma|^(-3)")]


def test_other_structures_and_too_few_subjects_are_refused():
    with pytest.raises(ml.errors.EngineError, match="is for an unstructured covariance"):
        jeffreys(design("change ~ week + ar1(week | PATIENT)"))
    table = ml.datasets.hamd17()
    few = table[table["PATIENT"].isin(table["PATIENT"].unique()[:5])]
    spec = ml.ModelSpec("change ~ week + us(week | PATIENT)", priors=PRIORS)
    with pytest.raises(ml.errors.DesignError, match="needs at least 6 subjects"):
        ml.fit(spec, few, engine=ml.Bayesian(seed=1))
    with pytest.raises(ml.errors.SpecError, match="must be 'weakly informative' or 'jeffreys'"):
        ml.Priors(covariance="flat")
