"""The Bayesian engine by the No-U-Turn sampler: what is compiled, hence slow."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import ConvergenceWarning

pytestmark = pytest.mark.slow

FORMULA = "Reaction ~ Days + (1 + Days | Subject)"


def fitted(formula=FORMULA, table=None, **settings):
    table = ml.datasets.sleepstudy() if table is None else table
    return ml.fit(formula, table, engine=ml.Bayesian(**{"seed": 7, "sampler": "nuts"} | settings))


@pytest.fixture(scope="module")
def fit():
    return fitted()


def test_chains_converged_and_say_how(fit):
    assert fit.estimate.draws.shape == (4, 1000, 2)
    assert fit.estimate.theta.shape == (4, 1000, 4)
    assert fit.outcome.converged
    figures = fit.outcome.diagnostics
    assert figures["sampler"] == "nuts"
    assert figures["max R-hat"] < 1.01
    assert figures["min bulk ESS"] >= 400
    assert (figures["divergences"], figures["draws"], figures["seed"]) == (0, 4000, 7)


def test_the_same_seed_gives_the_same_draws_and_another_gives_others(fit):
    again, other = fitted(), fitted(seed=8)
    assert np.array_equal(again.estimate.draws, fit.estimate.draws)
    assert np.array_equal(again.estimate.theta, fit.estimate.theta)
    assert not np.array_equal(other.estimate.draws, fit.estimate.draws)


def test_the_answer_follows_the_outcomes_unit(fit):
    """Data of another scale go into the code that is compiled already; draws differ by rounding alone."""
    seconds = ml.datasets.sleepstudy().assign(Reaction=lambda t: t["Reaction"] / 1000)
    small, large = fitted(table=seconds).coefficients(), fit.coefficients()
    np.testing.assert_allclose(1000 * small["estimate"], large["estimate"], atol=5 * large["mcse"].max())
    np.testing.assert_allclose(1000 * small["se"], large["se"], rtol=0.1)


def test_too_few_draws_are_drawn_again_and_then_a_warning():
    with pytest.warns(ConvergenceWarning, match=r"effective draws.*Bayesian\(draws="):
        short = fitted(draws=10, tune=300)
    assert not short.outcome.converged
    assert any("sampled again" in note for note in short.outcome.notes)


def test_auto_falls_back_on_nuts_and_says_why():
    """Eight subjects at seven visits: importance weights rest on a few draws."""
    rng = np.random.default_rng(1)
    A = 1 + 0.5 * rng.normal(size=(7, 7))
    y = rng.normal(size=(8, 7)) @ np.linalg.cholesky(A @ A.T + np.eye(7)).T
    table = {"id": np.repeat(np.arange(8), 7), "visit": np.tile(np.arange(7), 8), "y": y.ravel()}
    fit = fitted("y ~ C(visit) + us(visit | id)", pd.DataFrame(table), sampler="auto", target_accept=0.99)
    assert fit.outcome.diagnostics["sampler"] == "nuts"
    assert any("missed its criteria" in note for note in fit.outcome.notes)
