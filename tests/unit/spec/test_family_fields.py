"""Which fields of a spec go with which family."""

from __future__ import annotations

import pytest

from msclong.errors import SpecError
from msclong.spec.model_spec import ModelSpec

WRONG = {
    "unknown family": ({"family": "gausian"}, "not a known family"),
    "binomial without trials": ({"family": "binomial"}, "needs trials"),
    "trials of a gamma": ({"family": "gamma", "trials": "n"}, "no trials"),
    "censored gamma": (
        {"family": "gamma", "censored": "c"},
        "no censored outcomes; .gaussian., .lognormal., .logitnormal. do",
    ),
    "upper limit alone": ({"censored_upper": "u"}, "upper limits of intervals"),
    "hurdle of a gamma": ({"family": "gamma", "hurdle": "1"}, "no hurdle"),
    "dispersion of yes or no": ({"family": "bernoulli", "dispersion_by": "v"}, "could vary"),
    "dispersion of a Gaussian": ({"dispersion_by": "v"}, "diag\\(v \\| id\\)"),
    "offset of a Gaussian": ({"offset": "o"}, "subtract it"),
    "weights of a gamma": ({"family": "gamma", "weights": "w"}, "leave weights='w' out"),
    "change of a gamma": ({"family": "gamma", "outcome_type": "change"}, "changes from baseline"),
    "no column name": ({"family": "binomial", "trials": 3}, "trials must be a column name"),
}


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG)
def test_fields_that_do_not_go_together_are_refused(fields, message):
    with pytest.raises(SpecError, match=message):
        ModelSpec("y ~ v + (1 | id)", **fields)


def test_a_hurdle_has_random_effects_only():
    with pytest.raises(SpecError, match="two linear predictors"):
        ModelSpec("y ~ v + us(v | id)", family="hurdle_gamma")


def test_the_fields_travel_through_json():
    spec = ModelSpec(
        "y ~ v + (1 | id)",
        family="lognormal",
        censored="c",
        censored_upper="u",
        dispersion_by="v",
        offset="o",
    )
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_the_equation_has_a_linear_predictor_where_it_carries_the_random_effects():
    lines = ModelSpec("y ~ v + (1 | id)", family="gamma").equation().splitlines()
    assert lines[0] == "eta[i,t] = b0 + b1 v + z1[i,t]' u1[i]"
    assert lines[1].startswith("y[i,t] given eta[i,t]: gamma")
    assert not any("e[i,t]" in line for line in lines)
    latent = ModelSpec("y ~ v + ar1(v | id)", family="poisson").equation()
    assert latent.startswith("eta[i,t] = b0 + b1 v + e[i,t]\n")


def test_the_equation_of_a_hurdle_has_both_predictors():
    lines = ModelSpec("y ~ v + (1 | id)", family="hurdle_gamma", hurdle="w").equation().splitlines()
    assert lines[2] == "logit P(y[i,t] = 0) = a0 + a1 w + z1[i,t]' v1[i]"
    assert lines[3].startswith("(u1[i], v1[i]) ~ Normal(0, G1)")
    assert lines[3].endswith("G unstructured")


def test_the_equation_of_a_transformed_gaussian_names_the_transform():
    assert ModelSpec("y ~ v + (1 | id)", family="lognormal").equation().startswith("log(y[i,t]) = b0 + b1 v")
