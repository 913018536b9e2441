"""Fits of outcomes at an end of what their family can have: quick, and they say what the data leave open."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.errors import DesignError, SpecError

ENGINE = ml.Bayesian(draws=300, seed=1, sampler="importance")
SUBJECTS, VISITS = 15, 3


def table(y: object) -> pd.DataFrame:
    subject, visit = np.repeat(np.arange(SUBJECTS), VISITS), np.tile(np.arange(VISITS), SUBJECTS)
    return pd.DataFrame({"id": subject, "visit": visit}).assign(y=y)


def test_no_events_are_an_answer_with_a_note():
    fit = ml.fit(ml.ModelSpec("y ~ visit + (1 | id)", family="poisson"), table(0.0), engine=ENGINE)
    assert any("bound its rate on one side only" in note for note in fit.outcome.notes)
    # The rate of three in 45: the rule of three.
    assert fit.means(at={"visit": [1]}, by=["visit"])["upper"].max() < 1


def test_outcomes_without_variation_are_refused():
    with pytest.raises(DesignError, match="is the same"):
        ml.fit(ml.ModelSpec("y ~ visit + (1 | id)", family="beta"), table(0.5), engine=ENGINE)


def test_counts_that_vary_less_than_poisson_drive_the_rate_to_no_variation():
    """The density is that of a Poisson to all digits there; it had lost them, and every draw its weight."""
    fit = ml.fit(ml.ModelSpec("y ~ visit + (1 | id)", family="negative_binomial"), table(3.0), engine=ENGINE)
    assert fit.outcome.diagnostics["Pareto k-hat"] < 0.7
    assert fit.family_parameters()["upper"].max() < 0.5


@pytest.mark.parametrize(
    ("family", "name"), [("poisson", "visit"), ("hurdle_gamma", "visit"), ("hurdle_gamma", "zero: visit")]
)
def test_a_prior_that_no_outcome_can_follow_is_refused(family, name):
    priors = ml.Priors(coefficients={name: ml.Normal(-100, 1e-6)})
    spec = ml.ModelSpec("y ~ visit + (1 | id)", family=family, priors=priors)
    data = table(np.arange(SUBJECTS * VISITS) % 4.0)
    with pytest.raises(SpecError, match="by 200 or more over these data"):
        ml.fit(spec, data, engine=ENGINE)


def test_a_far_prior_that_may_be_wrong_is_not_refused():
    far = ml.Mixture([(0.5, ml.Normal(-100, 1)), (0.5, ml.Normal(0, 1))])
    spec = ml.ModelSpec(
        "y ~ visit + (1 | id)", family="poisson", priors=ml.Priors(coefficients={"visit": far})
    )
    data = table(np.arange(SUBJECTS * VISITS) % 4.0)
    assert len(conditional_priors(build_design(spec, long_data(spec, data))).coefficients[0]) == 2
