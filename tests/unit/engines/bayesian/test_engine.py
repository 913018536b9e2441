"""The Bayesian engine from the outside; nothing is compiled here (see test_nuts)."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.errors import DesignError, SpecError
from user_structures import Banded

FORMULA = "Reaction ~ Days + (1 + Days | Subject)"
HEAVY = {"pymc", "pytensor", "nutpie", "arviz", "arviz_stats", "numba"}


def loaded_by(code):
    """Modules that a fresh interpreter has after running `code`, which prints them."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.fixture(scope="module")
def fit():
    return ml.fit(FORMULA, ml.datasets.sleepstudy(), engine=ml.Bayesian(seed=7))


@pytest.mark.parametrize(
    "wrong",
    [
        {"draws": 5},
        {"draws": 100.0},
        {"tune": 0},
        {"chains": 1},
        {"chains": True},
        {"seed": -1},
        {"seed": "one"},
        {"target_accept": 1.0},
        {"target_accept": "high"},
        {"sampler": "gibbs"},
    ],
    ids=str,
)
def test_impossible_options_are_refused_by_name(wrong):
    with pytest.raises(SpecError, match=next(iter(wrong))):
        ml.Bayesian(**wrong)


def test_it_is_cheap_to_construct():
    code = "import msclong as ml, sys; ml.Bayesian(seed=1); print(*sys.modules)"
    assert not HEAVY & loaded_by(code)


def test_a_gaussian_model_is_fitted_without_pymc():
    code = (
        "import msclong as ml, sys; "
        f"fit = ml.fit({FORMULA!r}, ml.datasets.sleepstudy(), engine=ml.Bayesian(seed=1)); "
        "fit.contrasts(); fit.summary(); print(*sys.modules)"
    )
    assert not HEAVY & loaded_by(code)


def test_draws_are_by_chain_draw_and_coefficient(fit):
    assert fit.estimate.names == ("Intercept", "Days")
    assert fit.estimate.draws.shape == (1, 4000, 2)
    assert fit.estimate.theta.shape == (1, 4000, 4)
    assert fit.estimate.theta_names == fit.covariance.structure.parameter_names


def test_it_converged_and_says_how(fit):
    assert fit.outcome.converged
    figures = fit.outcome.diagnostics
    assert figures["sampler"] == "importance"
    assert figures["Pareto k-hat"] < 0.5
    assert figures["effective draws"] == pytest.approx(figures["efficiency"] * figures["draws"])
    assert figures["min bulk ESS"] >= 400
    assert (figures["draws"], figures["seed"]) == (40_000, 7)
    assert any("SD of the outcome" in note for note in fit.outcome.notes)


def test_tables_have_the_columns_of_a_posterior(fit):
    expected = [
        "estimate",
        "se",
        "lower",
        "upper",
        "prob_negative",
        "prob_beyond_margin",
        "ess_bulk",
        "rhat",
        "mcse",
    ]
    assert list(fit.contrasts().columns) == expected
    parameters = fit.covariance.parameters
    assert list(parameters.columns) == ["estimate", "se", "lower", "upper", "ess_bulk", "rhat", "mcse"]
    assert (parameters["lower"] < parameters["estimate"]).all()
    assert (parameters["estimate"] < parameters["upper"]).all()
    # The table is of the weighted draws, which the equally weighted ones were picked from.
    drawn = fit.estimate.flat_theta.mean(axis=0)
    assert (np.abs(fit.covariance.theta - drawn) < 5 * parameters["mcse"]).all()


def test_priors_are_on_the_fit_and_in_its_summary(fit):
    assert "residual sd" in fit.priors.index
    assert "half-Student-t(3, 0, 56.33)" in fit.summary()
    assert ml.fit(FORMULA, ml.datasets.sleepstudy()).priors is None


def test_there_is_no_likelihood_to_compare(fit):
    assert fit.loglik is None
    assert fit.n_parameters == 6


def test_the_same_seed_gives_the_same_draws_and_another_gives_others(fit):
    again, other = (
        ml.fit(FORMULA, ml.datasets.sleepstudy(), engine=ml.Bayesian(seed=seed)) for seed in (7, 8)
    )
    assert np.array_equal(again.estimate.draws, fit.estimate.draws)
    assert np.array_equal(again.estimate.theta, fit.estimate.theta)
    assert not np.array_equal(other.estimate.draws, fit.estimate.draws)


def test_without_a_seed_the_one_that_was_taken_is_recorded():
    first = ml.fit(FORMULA, ml.datasets.sleepstudy(), engine=ml.Bayesian())
    seed = first.outcome.diagnostics["seed"]
    again = ml.fit(FORMULA, ml.datasets.sleepstudy(), engine=ml.Bayesian(seed=seed))
    assert np.array_equal(again.estimate.draws, first.estimate.draws)


def test_few_draws_are_picked_from_as_many_as_tables_need(fit):
    short = ml.fit(FORMULA, ml.datasets.sleepstudy(), engine=ml.Bayesian(draws=20, seed=7))
    assert short.estimate.draws.shape == (1, 80, 2)
    assert short.outcome.diagnostics["draws"] == 40_000
    assert short.outcome.converged
    pd.testing.assert_frame_equal(short.coefficients(), fit.coefficients())


def test_the_answer_follows_the_outcomes_unit(fit):
    seconds = ml.datasets.sleepstudy().assign(Reaction=lambda t: t["Reaction"] / 1000)
    small = ml.fit(FORMULA, seconds, engine=ml.Bayesian(seed=7)).coefficients()
    large = fit.coefficients()
    np.testing.assert_allclose(1000 * small["estimate"], large["estimate"], rtol=1e-6)
    np.testing.assert_allclose(1000 * small["se"], large["se"], rtol=1e-4)


def test_priors_pull_where_they_are_tight():
    """A slope that is known to be near zero stays there."""
    tight = ml.ModelSpec(FORMULA, priors=ml.Priors(coefficient_sd=0.001))
    fit = ml.fit(tight, ml.datasets.sleepstudy(), engine=ml.Bayesian(seed=1))
    assert abs(fit.coefficients().loc["Days", "estimate"]) < 0.2


def test_an_outcome_without_variation_is_refused():
    constant = ml.datasets.sleepstudy().assign(Reaction=lambda t: 2.0 * t["Days"])
    with pytest.raises(DesignError, match="reproduces every value"):
        ml.fit(FORMULA, constant, engine=ml.Bayesian(seed=1))


def test_a_structure_that_a_user_adds_gets_the_generic_prior():
    """Sigma is positive definite for part of (-1, 1) only; elsewhere the posterior has no draws."""
    spec = ml.ModelSpec("change ~ week + ar1(week | PATIENT)", outcome_type="change")
    design = build_design(spec, long_data(spec, ml.datasets.hamd17()))
    banded = Banded(design.structure.visits)
    design = replace(design, covariance=replace(design.covariance, structure=banded))
    posterior, reml = ml.Bayesian(seed=1).fit(design), ml.Frequentist().fit(design)
    assert posterior.outcome.converged
    ours, theirs = posterior.covariance.parameters, reml.covariance.parameters
    assert ((ours["estimate"] - theirs["estimate"]).abs() < 0.25 * theirs["se"]).all()
    assert posterior.priors.loc["correlation(neighbours)", "prior"] == "Uniform(-1, 1)"
    eigenvalues = np.linalg.eigvalsh(posterior.covariance.matrix)
    assert eigenvalues[0] > 0
