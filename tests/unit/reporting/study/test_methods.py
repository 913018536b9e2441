"""The study's methods paragraph claims what was done, and no more."""

from __future__ import annotations

import pytest

import msclong as ml
from msclong.contrasts.graphical import GraphicalProcedure
from msclong.reporting.inline import plain
from msclong.reporting.record import Bullets, Paragraph, unfolded
from msclong.reporting.references import REFERENCES
from msclong.reporting.study.methods import study_methods

MAX_T = (
    "by the joint distribution of the contrasts\u2019 t statistics, in a single step (Hothorn, Bretz and Westfall "
    "2008)"
)
LAST = {"tested": ["Wk 12"]}
RANDOM = {"formula": "{outcome} ~ C(visit) * arm + (1 | patient)", "visit": "visit"}


def told(found) -> str:
    section = study_methods(found, [])
    return plain(next(block.text for block in section.blocks if isinstance(block, Paragraph)))


def cited(found) -> set[str]:
    """Keys of the references."""
    texts = next(
        block.items for block in unfolded(study_methods(found, []).blocks) if isinstance(block, Bullets)
    )
    return {key for key, text in REFERENCES.items() if text in texts}


def test_outcomes_that_no_engine_fitted_are_not_among_those_analysed(studied):
    text = told(studied({"a": {"role": "primary"}, "still": {}, "c": {}}))
    assert text.startswith(
        "Each of 2 outcomes was analysed with a longitudinal mixed model of its own; families were Gaussian (2). 1 "
        "outcome of 3 that were declared could not be fitted by any engine: still. Arms were compared"
    )
    assert "In this, still could not be tested and counted with a p-value of 1." in text


def test_where_nothing_was_fitted_nothing_is_claimed(studied):
    text = told(studied({"still": {}}, note="Made afterwards."))
    assert (
        text == "1 outcome of 1 that was declared could not be fitted by any engine: still. Made afterwards."
    )


def test_an_outcome_that_one_engine_could_not_fit_is_told(studied):
    outcomes = {"a": {}, "b": RANDOM, "still": {}}
    text = told(studied(outcomes, [ml.Frequentist(), ml.StatsmodelsMixedLM()]))
    assert "could not be fitted by any engine: still. The statsmodels engine could not fit a. Arms" in text


def test_one_hypothesis_is_adjusted_by_nothing_and_cites_nothing(studied):
    found = studied({"a": {"role": "primary"} | LAST})
    assert told(found).startswith(
        "One outcome was analysed, with a longitudinal mixed model; its family was Gaussian. Arms"
    )
    assert "No p-value was adjusted: one confirmatory hypothesis was tested." in told(found)
    assert not cited(found) & {"hothorn", "holm"}


@pytest.mark.parametrize(
    ("outcomes", "plan", "expected", "sources"),
    [
        (
            {"a": {"role": "primary"}},
            {},
            f"Confirmatory p-values were adjusted within the confirmatory outcome {MAX_T}. I",
            {"hothorn"},
        ),
        (
            {"a": {"role": "primary"}, "b": {"role": "primary"} | LAST},
            {"across": "fixed-sequence"},
            f"adjusted within each outcome with several hypotheses {MAX_T}, and over the 2 primary outcomes by testing "
            "in the order of the outcomes (Maurer, Hothorn and Lehmacher 1995). I",
            {"hothorn", "maurer"},
        ),
        (
            {"a": {"role": "primary"} | LAST, "b": dict(LAST), "c": dict(LAST)},
            {},
            "Confirmatory p-values were adjusted over the 2 secondary outcomes by Holm\u2019s method (1979), secondary "
            "outcomes after all primary ones. I",
            {"holm"},
        ),
        (
            {"a": {"role": "primary"} | LAST, "b": dict(LAST)},
            {},
            "Secondary outcomes were tested only where every primary hypothesis was rejected. I",
            set(),
        ),
        (
            {"a": {"role": "primary"} | LAST, "b": dict(LAST)},
            {"gatekeeping": "none"},
            "No p-value was adjusted: each role had one hypothesis. I",
            set(),
        ),
        (
            {"a": dict(LAST), "b": dict(LAST)},
            {"across": GraphicalProcedure.holm(["a", "b"])},
            "adjusted over the outcomes by a graphical procedure (Bretz et al. 2009). I",
            {"bretz"},
        ),
        (
            {"a": {"role": "exploratory"}},
            {},
            "No p-value was adjusted: no confirmatory outcome was tested. I",
            set(),
        ),
        (
            {"still": {"role": "primary"}, "b": dict(LAST)},
            {},
            "Secondary outcomes were tested only where every primary hypothesis was rejected. In this, still could not "
            "be tested and counted with a p-value of 1. I",
            set(),
        ),
    ],
)
def test_adjustments_are_told_and_cited_as_far_as_they_were_made(studied, outcomes, plan, expected, sources):
    found = studied(outcomes, multiplicity=ml.Multiplicity(**plan))
    assert expected in told(found)
    assert cited(found) & {"hothorn", "holm", "maurer", "bretz"} == sources


def test_one_sided_tests_and_two_sided_intervals_are_told(studied):
    one_sided = {"role": "primary", "test": "less"}
    text = told(studied({"a": one_sided, "b": one_sided, "c": {}}))
    assert (
        "Tests of a and b were one-sided, of a difference below zero; all others were two-sided. Intervals are "
        "two-sided, with 95% coverage each."
    ) in text
    assert "one-sided" not in told(studied({"a": {}}))


def test_a_fallback_and_a_boundary_are_told(studied):
    us = "{outcome} ~ C(visit) * arm + us(visit | patient)"
    text = told(studied({"a": {}, "few": {"formula": us, "fallback": ["csh"]}, "flat": RANDOM}))
    assert (
        "Where a declared covariance could not be estimated, the alternative declared beforehand was used: "
        "heterogeneous compound symmetric (csh) instead of unstructured (us) for few. The covariance was singular: for "
        "flat the variation of the random effect Intercept was estimated as zero."
    ) in text
    text = told(studied({"a": {}}))
    assert "alternative" not in text
    assert "singular" not in text


def test_what_was_compared_is_told_of_the_outcomes_that_were(studied):
    alone = {"formula": "{outcome} ~ C(visit) + cs(visit | patient)", "arm": None}
    both = told(studied({"a": {"role": "primary"}, "b": alone}))
    assert "Of a, arms were compared at each visit; of b, each visit was compared with baseline." in both
    assert "there was no control group" not in both
    assert "Each visit was compared with baseline; there was no control group." in told(studied({"a": alone}))
    without = told(studied({"a": {"formula": "{outcome} ~ 1 + (1 | patient)", "arm": None}}))
    assert "compared" not in without
