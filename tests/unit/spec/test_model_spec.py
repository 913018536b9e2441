"""The spec: immutable, comparable, round-trips through JSON, and prints as an equation."""

from __future__ import annotations

import dataclasses
import json

import pytest

from msclong import ModelSpec, Priors
from msclong.errors import FormulaError, SpecError

FULL = ModelSpec(
    "HAMDTL17 ~ TRT * AVISIT + BASVAL + us(AVISIT | USUBJID)",
    arm="TRT",
    time="ADY",
    baseline="Baseline",
    visit_order=("Baseline", "Week 2", "Week 4"),
    margin=-3.0,
    weights="w",
    fallback=("us", "ar1h"),
    priors=Priors(outcome_scale=6.5, correlation_eta=1.0),
    label="HAMD-17 total",
    unit="points",
)


@pytest.mark.parametrize("spec", [FULL, ModelSpec("y ~ t + (1 + t | id)", visit="t", outcome_type="change")])
def test_json_round_trip(spec):
    again = ModelSpec.from_json(spec.to_json())
    assert again == spec
    assert hash(again) == hash(spec)
    assert again.parsed == spec.parsed


def test_json_holds_only_what_was_said():
    record = json.loads(ModelSpec("y ~ t + (1 | id)").to_json())
    assert record == {"msclong_spec": 1, "formula": "y ~ t + (1 | id)"}


def test_repr_rebuilds_the_spec():
    assert eval(repr(FULL), {"ModelSpec": ModelSpec, "Priors": Priors}) == FULL


def test_the_equation_names_terms_covariance_and_indices():
    text = str(FULL)
    assert "HAMDTL17[i,t] = b0 + b1 TRT + b2 AVISIT + b3 TRT:AVISIT + b4 BASVAL + e[i,t]" in text
    assert "Normal(0, Sigma);  Sigma unstructured: a variance for each visit" in text
    assert "i: USUBJID,  t: AVISIT" in text
    assert "divided by w" in text
    nested = ModelSpec("y ~ t + (1 + t | site / id)", weights="w").equation()
    assert "z1[i,t]' u1[j] + z2[i,t]' u2[i] + e[i,t]" in nested
    assert "Normal(0, sigma^2 / w[i,t])" in nested
    assert "i: site:id,  j: site" in nested
    grouped = ModelSpec("y ~ t + us(v | arm / id)").equation()
    assert "covariance for each pair of visits, of its own in each arm" in grouped
    slopes = ModelSpec("y ~ t + (1 + t || id)").equation()
    assert "b0 + b1 t + z1[i,t]' u1[i] + e[i,t]" in slopes
    assert "G diagonal" in slopes


def test_it_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FULL.arm = "X"
    assert FULL.replace(arm="X").arm == "X"
    assert FULL.arm == "TRT"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"outcome_type": "delta"}, SpecError, "outcome_type must be 'value' or 'change'"),
        ({"family": "poison"}, SpecError, "not a known family"),
        ({"visit": "OTHER"}, SpecError, "names the visit 'AVISIT', the field visit names 'OTHER'"),
        ({"outcome_type": "change"}, SpecError, "leave baseline and baseline_as out"),
        ({"priors": {"coefficient_sd": 1}}, SpecError, "priors must be ml.Priors"),
        ({"formula": "y ~ x"}, FormulaError, "no covariance term"),
        ({"margin": "3"}, SpecError, "margin must be a number"),
        ({"arm": 3}, SpecError, "arm must be a column name"),
        ({"visit_order": 3}, SpecError, "visit_order is a sequence of visits"),
    ],
)
def test_impossible_specs(change, error, message):
    with pytest.raises(error, match=message):
        FULL.replace(**change)


def test_priors_must_be_positive():
    with pytest.raises(SpecError, match=r"Priors.sd_scale must be a positive number; got 0"):
        Priors(sd_scale=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Not a JSON model spec"),
        ("[1]", "an object with a 'formula'"),
        ('{"formula": "y ~ t + (1 | id)", "wieghts": "w"}', "Unknown fields in a model spec: wieghts"),
        ('{"msclong_spec": 9, "formula": "y ~ t + (1 | id)"}', "has format 9"),
    ],
)
def test_json_that_is_not_a_spec(text, message):
    with pytest.raises(SpecError, match=message):
        ModelSpec.from_json(text)


def test_a_level_that_json_lacks():
    with pytest.raises(SpecError, match="use text or numbers for levels"):
        FULL.replace(baseline=object()).to_json()
