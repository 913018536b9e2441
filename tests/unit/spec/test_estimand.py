"""The estimand statement: declared, written from the spec, or said to be missing; never invented."""

from __future__ import annotations

import json
import pickle
import tomllib

import pytest
import tomli_w

import msclong as ml
from msclong.errors import SpecError
from msclong.families.registry import known_families

ATTRIBUTES = [
    "Treatment condition",
    "Population",
    "Variable",
    "Intercurrent events",
    "Population-level summary",
]

SINGLE_ARM = ml.ModelSpec("ssdai ~ C(month) + us(month | id)", label="SSDAI", unit="points")
DECLARED = ml.Estimand(
    population="Adults with primary Sjögren's syndrome",
    treatment="One infusion.",
    intercurrent_events={"rescue with steroids": "treatment policy", "death": "composite"},
)


def of(estimand, spec, *args, **kwargs) -> dict[str, str]:
    found = estimand.statement(spec, *args, **kwargs)
    assert [attribute for attribute, _ in found] == ATTRIBUTES
    assert all(text.endswith(".") and ".." not in text for _, text in found)
    return dict(found)


def test_the_founding_study():
    found = of(DECLARED, SINGLE_ARM, "lower", visits=[0, 1.0, 3, 12], arms=[])
    assert found["Population"] == "Adults with primary Sjögren's syndrome."
    assert found["Treatment condition"] == (
        "One infusion. There is no comparator: a change from baseline is not by itself an effect of treatment."
    )
    assert found["Variable"] == (
        "Change from baseline (0) in SSDAI (points) of each patient at month 1, 3 and 12. Lower values are better."
    )
    assert found["Population-level summary"] == "Difference of means between each visit and baseline."
    events = found["Intercurrent events"]
    assert events.startswith("rescue with steroids: treatment policy (outcomes count whether or not")
    assert "death: composite (the event is part of the outcome" in events
    assert "missing at random given the patient's observed outcomes and its fixed part (C(month))" in events


def test_nothing_is_invented():
    found = of(ml.Estimand(), SINGLE_ARM)
    assert found["Treatment condition"] == found["Population"] == "Not declared."
    assert found["Intercurrent events"].startswith("Not declared. Outcomes that are missing")
    assert found["Variable"] == "Change from baseline in SSDAI (points) of each patient at each later visit."
    assert "better" not in found["Variable"]


def test_what_is_declared_stands():
    estimand = ml.Estimand(variable="Responder status", summary="Risk difference!")
    found = dict(estimand.statement(SINGLE_ARM, "higher"))
    assert found["Variable"] == "Responder status. Higher values are better."
    assert found["Population-level summary"] == "Risk difference!"


@pytest.mark.parametrize(
    ("fields", "variable", "summary"),
    [
        (
            {"family": "lognormal"},
            "Ratio to baseline (0) in y",
            "Ratio of geometric means at each visit to baseline",
        ),
        (
            {"family": "logitnormal"},
            "y of each patient at baseline (0) and at month",
            "Odds ratio of medians",
        ),
        (
            {"family": "hurdle_gamma"},
            "y of each patient at baseline (0) and",
            "Ratio of means (zeros included), averaged",
        ),
        (
            {"family": "bernoulli"},
            "y of each patient at baseline (0)",
            "Difference of probabilities, averaged",
        ),
        (
            {"family": "cumulative_logit"},
            "y of each patient at baseline (0)",
            "Difference of mean grades, averaged",
        ),
        (
            {"baseline": 6},
            "Change from baseline (6) in y of each patient at month 0 and 3.",
            "Difference of means",
        ),
    ],
)
def test_by_family_and_baseline(fields, variable, summary):
    spec = ml.ModelSpec("y ~ C(month) * arm + (1 | id)", visit="month", **fields)
    found = of(ml.Estimand(), spec, visits=[0, 3, 6], arms=["placebo", "drug"])
    assert found["Variable"].startswith(variable)
    assert found["Population-level summary"].startswith(summary)
    assert "between arms" in found["Population-level summary"]
    assert "Compared are drug with placebo." in found["Treatment condition"]
    alone = of(ml.Estimand(), spec, visits=[0, 3, 6], arms=[])
    assert "between arms" not in alone["Population-level summary"]


def test_baselines_that_left_the_outcomes():
    formula = "y ~ C(month) * arm + us(month | id)"
    covariate = of(
        ml.Estimand(), ml.ModelSpec(formula, baseline_as="covariate"), visits=[3, 6], arms=["a", "b", "c"]
    )
    assert covariate["Variable"] == "y of each patient at month 3 and 6, given its value at baseline."
    assert covariate["Population-level summary"] == (
        "Difference between arms of means at each visit, adjusted for baseline."
    )
    assert covariate["Treatment condition"].endswith("Compared are b and c with a.")
    change = of(ml.Estimand(), ml.ModelSpec(formula, baseline_as="change"), visits=[3, 6])
    assert change["Variable"] == "Change from baseline in y of each patient at month 3 and 6."
    assert change["Population-level summary"].startswith(
        "Mean change from baseline at each visit, and difference"
    )
    given = of(ml.Estimand(), ml.ModelSpec(formula, outcome_type="change"), visits=[3, 6])
    assert given["Variable"] == "y of each patient, a change from baseline, at month 3 and 6."


@pytest.mark.parametrize("family", known_families())
def test_every_family_has_a_summary(family):
    fields = {"trials": "n"} if family == "binomial" else {}
    spec = ml.ModelSpec("y ~ C(month) + (1 | id)", visit="month", family=family, **fields)
    assert of(ml.Estimand(), spec, visits=[0, 1], arms=["a", "b"])["Population-level summary"]


def test_plain_data_and_back():
    record = DECLARED.to_dict()
    assert list(record) == ["population", "treatment", "intercurrent_events"]
    for written in (json.loads(json.dumps(record)), tomllib.loads(tomli_w.dumps(record))):
        assert ml.Estimand.from_dict(written) == DECLARED
    assert pickle.loads(pickle.dumps(DECLARED)) == DECLARED
    assert hash(DECLARED) == hash(ml.Estimand.from_dict(record))
    assert ml.Estimand().to_dict() == {}


def test_the_callers_mapping_stays_the_callers():
    events = {"death": "composite"}
    estimand = ml.Estimand(intercurrent_events=events)
    events["rescue"] = "hypothetical"
    assert dict(estimand.intercurrent_events) == {"death": "composite"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"intercurrent_events": {"death": "ignore"}},
            "strategy for 'death' is one of 'treatment policy'.*'ignore'",
        ),
        ({"intercurrent_events": ["death"]}, "maps each event to a strategy"),
        ({"intercurrent_events": {1: "composite"}}, "maps each event to a strategy"),
        ({"intercurrent_events": {"death": ["composite"]}}, "strategy for 'death' is one of"),
        ({"population": ""}, "population of an estimand is a text"),
        ({"summary": 3}, "summary of an estimand is a text"),
    ],
)
def test_what_is_refused(fields, message):
    with pytest.raises(SpecError, match=message):
        ml.Estimand(**fields)


def test_unknown_fields():
    with pytest.raises(SpecError, match="Unknown fields of an estimand: endpoint; known are population"):
        ml.Estimand.from_dict({"endpoint": "x"})
