"""The primary outcomes in detail: at most two, each under its own keys, with the engines that fitted its own model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.reporting import html
from msclong.reporting.inline import plain
from msclong.reporting.record import Figure, Paragraph, Table, unfolded
from msclong.reporting.report import Report
from msclong.reporting.study.primary_detail import primary_details, together
from msclong.reporting.study.results import study_result


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"patient": np.repeat(np.arange(12), 3), "month": np.tile([0, 1, 6], 12)})
    for name in ("one", "two", "three"):
        table[name] = 5 + rng.normal(size=12)[table["patient"]] - 0.2 * table["month"] + rng.normal(size=36)
    primary = {"better": "lower", "role": "primary"}
    plan = {"one": primary, "two": primary, "three": primary}
    study = ml.Study(table, plan, defaults={"formula": "{outcome} ~ C(month) + cs(month | patient)"})
    return study_result(study.fit([ml.Frequentist()], n_jobs=1))


@pytest.fixture(scope="module")
def sections(found):
    return primary_details(found)


def test_at_most_two_are_told_and_the_report_says_so(sections):
    assert [section.key for section in sections] == ["detail-one", "detail-two"]
    assert [section.title for section in sections] == ["In detail: one", "In detail: two"]
    assert [section.outcome for section in sections] == ["one", "two"]
    first = sections[0].blocks[0]
    assert isinstance(first, Paragraph)
    assert plain(first.text) == "In detail are the first 2 of 3 primary outcomes."


def test_one_is_the_primary_outcome(found):
    outcomes = tuple(
        one if one.name == "two" else replace(one, endpoint=replace(one.endpoint, role="secondary"))
        for one in found.outcomes
    )
    (section,) = primary_details(replace(found, outcomes=outcomes))
    assert (section.key, section.title) == ("detail-two", "The primary outcome in detail")
    assert not [caption for caption in captions(section.blocks) if caption.startswith("two")]


def captions(blocks):
    return [block.caption for block in unfolded(blocks) if isinstance(block, (Table, Figure))]


def test_of_several_each_caption_names_its_outcome(sections):
    for section in sections:
        found = captions(section.blocks)
        assert found
        assert all(caption.startswith(f"{section.outcome}: ") for caption in found)
    assert not set(captions(sections[0].blocks)) & set(captions(sections[1].blocks))


def test_keys_are_unique_and_every_reference_is_to_something(found):
    report = ml.report(found.study)
    assert isinstance(report, Report)
    for parts in (report.tables, report.figures):
        assert len({one.key for one in parts}) == len(parts)
    html.render(report)  # KeyError for a reference to nothing


def test_without_a_posterior_no_bayesian_check_is_made_or_ticked(found, sections):
    tables = [block.key for section in sections for block in section.blocks if isinstance(block, Table)]
    assert not [key for key in tables if key.startswith(("checks", "prior", "predictive"))]
    assert "barg" not in [table.key for table in ml.report(found.study).tables]


def test_an_engine_that_fitted_an_approximation_is_left_out(found):
    one, other = found.outcomes[:2]
    mixed = replace(
        one,
        analyses={**one.analyses, "Other": other.analyses["Frequentist"]},
        approximated=frozenset({"Other"}),
    )
    assert list(together(mixed).fits) == ["Frequentist"]
