"""What an endpoint accepts, and what it concludes from margin and mid."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.errors import SpecError

FORMULA = "score ~ C(month) + us(month | patient)"


def test_a_formula_is_a_spec():
    assert ml.Endpoint(FORMULA) == ml.Endpoint(ml.ModelSpec(FORMULA))


@pytest.mark.parametrize(
    ("spec", "fields", "better"),
    [
        ({"margin": -1}, {}, "lower"),
        ({"margin": 2}, {}, "higher"),
        ({"family": "lognormal", "margin": 1.2}, {}, "higher"),
        ({"family": "lognormal", "margin": 0.8}, {}, "lower"),
        ({}, {"mid": -2}, "lower"),
        ({"margin": -3}, {"test": "non-inferiority"}, "lower"),
        ({"margin": -3}, {"test": "equivalence"}, None),
        ({"margin": -3}, {"test": "equivalence", "better": "higher"}, "higher"),
        ({}, {}, None),
    ],
)
def test_the_direction_of_benefit_comes_from_margin_or_mid(spec, fields, better):
    assert ml.Endpoint(ml.ModelSpec(FORMULA, **spec), **fields).better == better


@pytest.mark.parametrize(
    ("spec", "fields", "message"),
    [
        ({"margin": -1}, {"better": "higher"}, "margin -1 asks for lower"),
        ({"margin": -1}, {"mid": 2}, "mid 2 asks for higher"),
        ({}, {"mid": 0}, "no change"),
        ({"family": "lognormal"}, {"mid": 1.0}, "no change"),
        ({"family": "lognormal"}, {"mid": -2}, "number above zero"),
        ({}, {"mid": "two"}, "mid is a number"),
        ({}, {"resolution": 0}, "resolution is"),
        ({}, {"better": "less"}, "better takes"),
        ({}, {"role": "main"}, "role takes"),
        ({}, {"test": "superiority"}, "needs a margin"),
        ({}, {"tested": "6"}, "sequence of visits"),
        ({}, {"tested": [6, "6"]}, "a visit twice"),
        ({}, {"tested": []}, "sequence of visits"),
        ({}, {"rows": "PARAMCD"}, "column: value"),
        ({}, {"approximation": "poisson"}, "which every engine fits"),
        ({}, {"estimand": "mean change"}, "ml.Estimand"),
    ],
)
def test_contradictions_are_refused(spec, fields, message):
    with pytest.raises(SpecError, match=message):
        ml.Endpoint(ml.ModelSpec(FORMULA, **spec), **fields)


def test_only_engines_without_the_family_fit_the_approximation():
    spec = ml.ModelSpec("events ~ C(month) + (1 | patient)", visit="month", family="poisson", margin=0.8)
    endpoint = ml.Endpoint(spec, approximation="gaussian")
    assert endpoint.spec_for(ml.Bayesian(seed=1)) is endpoint.spec
    fitted = endpoint.spec_for(ml.Frequentist())
    assert (fitted.family, fitted.formula, fitted.visit) == ("gaussian", spec.formula, "month")
    assert fitted.margin is None, "a ratio of rates is no difference of means"
    gaussian = ml.Endpoint(FORMULA, approximation="lognormal")
    assert gaussian.spec_for(ml.Frequentist()) is gaussian.spec, "what an engine can fit is not approximated"


def test_sequences_of_any_kind_are_kept_as_plain_values():
    endpoint = ml.Endpoint(
        FORMULA, tested=(month for month in np.array([3, 6])), rows={"m": np.array([1, 2])}
    )
    assert endpoint.tested == (3, 6)
    assert type(endpoint.tested[0]) is int
    assert endpoint.rows == {"m": (1, 2)}
    assert ml.Endpoint(FORMULA, mid=np.int64(-2)).mid == -2
    assert hash(endpoint) == hash(endpoint.replace())
