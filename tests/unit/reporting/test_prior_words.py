"""What a report says of priors."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.reporting import methods
from msclong.reporting.inline import plain


def priors_in_words(priors=None, effects="(1 | id)", **fields):
    table = pd.DataFrame({"id": np.repeat([1, 2, 3], 2), "week": 3 * [0, 8], "y": [1.0, 2, 1, 3, 1, 4]})
    spec = ml.ModelSpec(f"y ~ week + {effects}", priors=priors or ml.Priors(), **fields)
    design = build_design(spec, long_data(spec, table))
    parameters = conditional_priors(design).table().index if design.conditional else ()
    return plain(methods.priors_in_words(design, parameters).text)


def test_priors_stated_by_name_are_named():
    priors = ml.Priors(
        outcome_scale=5, coefficients={"week[T.8]": ml.Normal(-2, 1)}, sds={"sd(8)": ml.HalfNormal(3)}
    )
    assert "Priors of week[T.8], sd(8) were stated singly." in priors_in_words(priors)
    assert "stated singly" not in priors_in_words(ml.Priors())


def test_correlated_effects_are_at_the_means():
    words = "random effects are those at their covariates’ means"
    assert words in priors_in_words(family="poisson", effects="(1 + week | id)")
    for effects in ("(1 | id)", "(1 + week || id)"):
        assert words not in priors_in_words(family="poisson", effects=effects)
    as_written = ml.Priors(sds={"sd(Intercept)": ml.HalfT(3, 1)})
    assert words not in priors_in_words(as_written, family="poisson", effects="(1 + week | id)")


@pytest.mark.parametrize(
    ("covariance", "words"), [("jeffreys", "Jeffreys’ prior"), ("matching", "contrasts have Student’s t")]
)
def test_powers_of_the_determinant_are_called_by_their_name(covariance, words):
    assert words in priors_in_words(ml.Priors(covariance=covariance))


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("gaussian", "a scale s: the standard deviation of the outcome in these data."),
        ("lognormal", "a scale s: the standard deviation of log(outcome) in these data."),
        ("poisson", "a scale s of the linear predictor (log): 1."),
    ],
)
def test_the_scale_is_that_of_the_linear_predictor(family, words):
    assert words in priors_in_words(family=family)
