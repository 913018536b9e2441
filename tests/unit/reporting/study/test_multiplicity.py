"""The section on multiplicity: the words agree with the adjustment of each outcome's rows."""

from __future__ import annotations

import pytest

import msclong as ml
from msclong.reporting.inline import plain
from msclong.reporting.record import Paragraph, Table
from msclong.reporting.study.multiplicity import multiplicity

LAST = {"tested": ["Wk 12"]}
GATE = (
    "Secondary outcomes are tested only when every primary hypothesis is rejected, so that both families share one "
    "error rate."
)


def told(found) -> tuple[str, dict[str, str]]:
    """The words, and the adjustment by outcome."""
    blocks = multiplicity(found).blocks
    [table] = [block for block in blocks if isinstance(block, Table)]
    text = " ".join(block.text for block in blocks if isinstance(block, Paragraph))
    return plain(text), {row.cells[0].text: row.cells[2].text for row in table.rows}


def test_one_hypothesis_needs_no_adjustment(studied):
    text, by_outcome = told(studied({"a": {"role": "primary"} | LAST}))
    assert by_outcome == {"a": "none needed (one hypothesis)"}
    assert text == "There is one confirmatory hypothesis: its p-value needs no adjustment."


@pytest.mark.parametrize(
    ("outcomes", "plan", "expected"),
    [
        (
            {"a": {"role": "primary"}},
            {},
            "to a family-wise error rate of 5%: within the confirmatory outcome by single-step max-t over its tested "
            "contrasts.",
        ),
        (
            {"a": {"role": "primary"} | LAST, "b": {}, "c": {}},
            {},
            "5%: within each outcome with several hypotheses by single-step max-t over its tested contrasts, and over "
            f"the 2 secondary outcomes by Holm. {GATE}",
        ),
        ({"a": {"role": "primary"} | LAST, "b": dict(LAST)}, {}, f"error rate of 5%. {GATE}"),
        (
            {"a": {"role": "primary"} | LAST, "b": dict(LAST), "c": {"role": "exploratory"}},
            {"gatekeeping": "none"},
            "Each role has one hypothesis: no p-value is adjusted. Primary and secondary outcomes each have an error "
            "rate of their own. Exploratory outcomes are not adjusted.",
        ),
        ({"a": {"role": "exploratory"}}, {}, "All outcomes are exploratory: no p-value is adjusted."),
        (
            {"still": {"role": "primary"}, "a": {"role": "exploratory"}},
            {},
            "No confirmatory outcome could be tested: no p-value is adjusted.",
        ),
    ],
)
def test_adjustments_are_told_as_far_as_they_were_made(studied, outcomes, plan, expected):
    text, by_outcome = told(studied(outcomes, multiplicity=ml.Multiplicity(**plan)))
    assert text.endswith(expected)
    assert ("max-t" in text) == any("max-t" in words for words in by_outcome.values())
    assert ("Holm" in text) == any("Holm" in words for words in by_outcome.values())


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ({"a": {"test": "less"}}, "Tests are one-sided, of a difference below zero. All intervals"),
        (
            {"a": {"test": "greater"}, "b": {"test": "superiority", "margin": 1}, "c": {}},
            "Tests of a are one-sided, of a difference above zero; those of b are one-sided, of superiority by the "
            "margin; all others are two-sided. All intervals",
        ),
        (
            {
                "a": {"test": "equivalence", "margin": 1} | LAST,
                "b": {"test": "equivalence", "margin": 1} | LAST,
            },
            "All tests are two one-sided tests, of equivalence within the margin. All intervals",
        ),
    ],
)
def test_sides_are_told(studied, outcomes, expected):
    found = studied(outcomes)
    text, _ = told(found)
    assert expected in text
    assert text.endswith("beside a 95% interval that includes what was tested against.")
    # As the sentence says: the limits are the same as those of two-sided tests.
    without = studied(
        {name: {k: v for k, v in given.items() if k != "test"} for name, given in outcomes.items()}
    )
    for one, other in zip(found.outcomes, without.outcomes, strict=True):
        limits = (
            one.tables["Frequentist"][["lower", "upper"]],
            other.tables["Frequentist"][["lower", "upper"]],
        )
        assert limits[0].equals(limits[1])


def test_two_sided_tests_are_not_spoken_of(studied):
    assert "sided" not in told(studied({"a": {}, "b": {"test": "two-sided"}}))[0]


def test_an_outcome_without_p_values_is_counted_only_where_others_are_adjusted_with_it(studied):
    text, by_outcome = told(studied({"a": {"role": "primary"} | LAST, "still": {"role": "exploratory"}}))
    assert by_outcome == {"a": "none needed (one hypothesis)"}
    text, by_outcome = told(studied({"a": {"role": "primary"} | LAST, "still": {}}))
    assert by_outcome["still"] == "no p-value"
    assert text.startswith("One confirmatory hypothesis could be tested: its p-value needs no adjustment.")
    _, by_outcome = told(studied({"a": LAST, "b": LAST, "still": {}}))
    assert by_outcome["still"] == "no p-value: counted as 1"
