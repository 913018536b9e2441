"""Notes on variances that only priors tell apart: where they are due, and where they are not."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.conditional.confounded_variances import confounded_variances


def notes(terms, family, visits=4, **fields):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"id": np.repeat(np.arange(20), visits), "t": np.tile(np.arange(visits), 20)})
    frame["site"] = frame["id"] // 5
    frame["arm"] = np.where(frame["id"] % 2, "a", "b")
    frame["limit"] = "none"
    frame["y"] = rng.poisson(2, len(frame)) + 0.0
    if family == "bernoulli":
        frame["y"] = (frame["y"] > 1) + 0.0
    elif family in ("gamma", "lognormal"):
        frame["y"] += 0.5
    frame["n"] = 20.0
    frame = frame.drop(index=[1, 9])  # missing visits
    spec = ml.ModelSpec(f"y ~ t + {terms}", family=family, **fields)
    return " ".join(confounded_variances(build_design(spec, long_data(spec, frame))))


@pytest.mark.parametrize(
    "terms",
    [
        "us(t | id)",
        "cs(t | id)",
        "csh(t | id)",
        "diag(t | id)",
        "us(t | arm / id)",
        "(1 | site) + us(t | id)",
    ],
)
def test_a_structure_that_holds_the_variance_of_an_observation(terms):
    assert "residual scale spread single observations" in notes(terms, "student")


@pytest.mark.parametrize(
    "terms", ["(1 | id)", "(1 + t | id)", "(1 | site / id)", "ar1(t | id)", "ar1h(t | id)"]
)
def test_a_structure_that_does_not(terms):
    assert notes(terms, "student") == ""


def test_two_visits_tell_less():
    assert notes("ar1(t | id)", "student", visits=2)
    assert notes("(1 + t | id)", "student", visits=2)
    assert notes("(1 | id)", "student", visits=2) == ""


def test_the_family_decides_what_is_confounded():
    for family, named in (
        ("gamma", "coefficient of variation"),
        ("negative_binomial", "coefficient of variation of the rate"),
    ):
        assert named in notes("us(t | id)", family)
    assert notes("us(t | id)", "lognormal", censored="limit") == ""
    for family in ("bernoulli", "cumulative_logit", "cumulative_probit"):
        assert "yes-no outcomes" in notes("us(t | id)", family)
        assert notes("ar1(t | id)", family) == ""
    assert notes("us(t | id)", "poisson") == ""
    assert notes("us(t | id)", "binomial", trials="n") == ""
