"""Priors as data: what they take, and how they are written down."""

import json
import pickle

import numpy as np
import pytest

import msclong as ml
from msclong.errors import SpecError

MIXTURE = ml.Mixture([(0.8, ml.Normal(-2, 0.5)), (0.2, ml.Normal(0, 5))])

STATED = ml.Priors(
    outcome_scale=5,
    coefficients={"visit[T.12]": ml.Normal(-2, 1), "visit[T.6]": MIXTURE},
    sds={"residual sd": ml.HalfT(3, 4), "sd(Intercept)": ml.HalfNormal(2), "sd(time)": ml.LogNormal(1, 0.5)},
    correlations={"correlation matrix": ml.LKJ(4)},
    ranges={"range": ml.LogNormal(6, 1)},
)


def test_named_priors_survive_json_pickle_and_hash():
    spec = ml.ModelSpec("y ~ visit + (1 + time | id)", priors=STATED)
    again = ml.ModelSpec.from_json(spec.to_json())
    assert again == spec
    assert again.priors.coefficients["visit[T.6]"] == MIXTURE
    assert hash(again) == hash(spec)
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_record_says_which_distribution_and_leaves_out_groups_without_names():
    record = json.loads(
        ml.ModelSpec("y ~ v + (1 | id)", priors=ml.Priors(coefficients={"v": ml.Normal(0, 1)})).to_json()
    )
    assert record["priors"]["coefficients"] == {"v": {"distribution": "Normal", "mean": 0.0, "sd": 1.0}}
    assert "sds" not in record["priors"]


def test_specs_that_differ_in_a_named_prior_differ():
    one, two = (ml.Priors(sds={"residual sd": ml.HalfNormal(scale)}) for scale in (1, 2))
    assert one != two
    assert one == ml.Priors(sds={"residual sd": ml.HalfNormal(1.0)})


def test_named_priors_cannot_be_changed_afterwards():
    given = {"v": ml.Normal(0, 1)}
    priors = ml.Priors(coefficients=given)
    given["v"] = ml.Normal(5, 1)
    assert priors.coefficients["v"] == ml.Normal(0, 1)
    with pytest.raises(TypeError):
        priors.coefficients["v"] = ml.Normal(5, 1)


def test_numbers_of_numpy_become_plain():
    assert type(ml.Normal(np.float64(1), np.int64(2)).sd) is float


def test_mean_and_sd_of_a_mixture_are_those_of_its_draws():
    rng, n = np.random.default_rng(1), 400_000
    draws = np.where(rng.random(n) < 0.8, rng.normal(-2, 0.5, n), rng.normal(0, 5, n))
    assert MIXTURE.mean == pytest.approx(draws.mean(), abs=4 * MIXTURE.sd / n**0.5)
    assert MIXTURE.sd == pytest.approx(draws.std(), rel=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ml.Normal(0, 0), r"Normal.sd must be positive; got 0"),
        (lambda: ml.Normal("a", 1), r"Normal.mean must be a finite number"),
        (lambda: ml.HalfT(3, float("inf")), r"HalfT.scale must be a finite number"),
        (lambda: ml.LKJ(True), r"LKJ.eta must be a finite number"),
        (lambda: ml.Mixture([(0.8, ml.Normal(0, 1))]), r"add up to 1; these add up to 0.8"),
        (lambda: ml.Mixture([(1.2, ml.Normal(0, 1)), (-0.2, ml.Normal(0, 1))]), r"at most at 1; got 1.2"),
        (lambda: ml.Mixture([(1.0, ml.HalfNormal(1))]), r"of Normal\(mean, sd\) components"),
        (lambda: ml.Mixture(3), r"takes pairs"),
        (lambda: ml.Mixture([]), r"at least one pair"),
        (
            lambda: ml.Priors(coefficients={"v": ml.HalfT(3, 1)}),
            r"coefficients\['v'\] takes Normal or Mixture \(coefficients are integrated out exactly",
        ),
        (
            lambda: ml.Priors(sds={"residual sd": 3}),
            r"sds\['residual sd'\] takes HalfT or HalfNormal or LogNormal; got 3",
        ),
        (lambda: ml.Priors(sds=[1]), r"Priors.sds is a dict"),
        (
            lambda: ml.Priors(covariance="jeffreys", sds={"a": ml.HalfNormal(1)}),
            r"leave sds and correlations out",
        ),
    ],
)
def test_what_cannot_be_a_prior_is_refused(make, message):
    with pytest.raises(SpecError, match=message):
        make()


@pytest.mark.parametrize(
    "priors",
    [
        {"coefficients": {"v": {"distribution": "Cauchy", "mean": 0}}},
        {"coefficients": {"v": {"distribution": "Normal", "mean": 0}}},
        {"coefficients": {"v": {"distribution": "Mixture", "components": [{"weight": 1}]}}},
        {"coefficients": {"v": 3}},
        {"coefficient": {}},
        "none",
    ],
)
def test_records_that_are_no_priors_are_refused(priors):
    text = json.dumps({"formula": "y ~ v + (1 | id)", "priors": priors})
    with pytest.raises(SpecError, match=r"Not a distribution|cannot be read"):
        ml.ModelSpec.from_json(text)


def test_the_intercepts_default_depends_on_the_link():
    assert ml.Priors().sd_of_intercept(linked=False) == 10
    assert ml.Priors().sd_of_intercept(linked=True) == 2.5
    stated = ml.Priors(intercept_sd=4)
    assert stated.sd_of_intercept(linked=False) == stated.sd_of_intercept(linked=True) == 4
    for priors in (ml.Priors(), stated):
        assert ml.Priors.from_dict(priors.to_dict()) == priors
    with pytest.raises(SpecError, match="intercept_sd must be a positive number"):
        ml.Priors(intercept_sd=0)
    with pytest.raises(SpecError, match="coefficient_sd must be a positive number"):
        ml.Priors(coefficient_sd=None)
