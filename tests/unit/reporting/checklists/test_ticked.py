"""Checklists are ticked from the record: what is taken out of it loses its tick."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.reporting.checklists import barg, consort, trend
from msclong.reporting.checklists.item import Item, either, section, table
from msclong.reporting.checklists.ticked import counts, ticked
from msclong.reporting.record import Cell, Column, Document, FoldOut, Paragraph, Row, Section, Table
from msclong.reporting.say import count
from msclong.reporting.words import words

LISTS = {"consort": consort.CONSORT, "barg": barg.BARG, "trend": trend.TREND}


@pytest.fixture(scope="module")
def report():
    spec = ml.ModelSpec("Reaction ~ Days + (1 + Days | Subject)", margin=10)
    fits = [
        ml.fit(spec, ml.datasets.sleepstudy(), engine) for engine in (ml.Frequentist(), ml.Bayesian(seed=1))
    ]
    return ml.report(fits)


def reported(document: Document, name: str) -> dict[str, bool | None]:
    rows = ticked(name, "", LISTS[name], document).rows
    return {row.cells[0].text: row.cells[2].value for row in rows}


def without(document: Document, *keys: str) -> Document:
    return replace(document, sections=tuple(s for s in document.sections if s.key not in keys))


@pytest.mark.parametrize(
    ("name", "key", "items"),
    [
        ("barg", "posterior", ["1E", "2B", "2C", "3A", "5A"]),
        ("barg", "question", ["B", "1A", "4B"]),
        ("barg", "model", ["1A", "1B", "1C", "1D", "2D", "3B"]),
        ("barg", "reproducibility", ["2A", "6A", "6B", "6C"]),
        ("trend", "question", ["5", "6", "11b", "16"]),
        ("trend", "participants", ["12"]),
        ("trend", "model", ["10"]),
        ("consort", "question", ["2b", "6a", "20"]),
    ],
)
def test_what_a_section_answers_is_unticked_without_it(report, name, key, items):
    before, after = reported(report, name), reported(without(report, key), name)
    assert [number for number, found in before.items() if found and after[number] is False] == items


@pytest.mark.parametrize(
    ("name", "key", "items"),
    [
        ("consort", "participants", ["13"]),
        ("consort", "sensitivity", ["12b", "18"]),
        ("consort", "question", ["2b", "6a", "16", "20"]),
        ("trend", "participants", ["12"]),
        ("trend", "deviations", ["12"]),
        ("trend", "sensitivity", ["11d", "18"]),
        ("barg", "sensitivity", ["5B"]),
    ],
)
def test_what_a_section_of_a_trial_answers_is_unticked_without_it(hamd17_report, name, key, items):
    before, after = reported(hamd17_report, name), reported(without(hamd17_report, key), name)
    assert [number for number, found in before.items() if found and after[number] is False] == items


def of_study(margin: float | None, formula: str = "score ~ C(month) + us(month | patient)"):
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"patient": np.repeat(np.arange(14), 3), "month": np.tile([0, 1, 6], 14)})
    table["score"] = rng.normal(size=42) + rng.normal(size=14)[table["patient"]]
    outcomes = {
        "score": {"role": "primary", "formula": formula, "better": "lower"}
        | ({"margin": margin} if margin else {})
    }
    return ml.report(ml.Study(table, outcomes).fit([ml.Frequentist(), ml.Bayesian(seed=1)], n_jobs=1))


def test_a_study_of_complete_patients_without_a_margin_ticks_no_margin_and_no_sensitivity():
    report = of_study(None)
    assert "Marginal" in words(next(s for s in report.sections if s.key == "primary"))
    barg, trend = reported(report, "barg"), reported(report, "trend")
    assert (barg["4B"], barg["5B"]) == (False, False)
    assert (trend["11d"], trend["18"]) == (False, False)
    assert barg["4A"] is True  # the summary counts what improved, by a rule
    assert reported(of_study(-0.5), "barg")["4B"] is True


def test_without_visits_nothing_is_said_of_when_or_of_whom_at_each_visit():
    table = ml.datasets.sleepstudy().assign(
        arm=lambda t: (t["Subject"].astype(int) % 2).map({0: "A", 1: "B"})
    )
    report = ml.report(ml.fit(ml.ModelSpec("Reaction ~ arm + (1 | Subject)", arm="arm"), table))
    found = reported(report, "trend") | {
        f"c{key}": value for key, value in reported(report, "consort").items()
    }
    assert [found[item] for item in ("6", "12", "c6a", "c13")] == [False] * 4
    assert found["c16"] is True
    assert found["c6b"] is None


def test_checks_that_an_engine_does_not_have_are_not_ticked(hamd17, posterior):
    unchecked = replace(hamd17[1], outcome=replace(hamd17[1].outcome, checks=()))
    found = reported(ml.report([hamd17[0], unchecked]), "barg")
    assert (found["2B"], found["2C"]) == (False, False)


def test_a_need_of_a_tables_heading_is_met_by_a_value_below_it():
    rows = (Row((Cell("a"), Cell("-"), Cell("1", 1))), Row((Cell("b"), Cell("-"), Cell("-"))))
    made = Table("t", "Margin", (Column("Row"), Column("Margin"), Column("n")), rows)
    document = Document("", "", (Section("s", "S", (made,)),), datetime.now(UTC))
    for says, met in (("^n$", True), ("^a$", True), ("^margin$", False), ("^b$", False), ("", True)):
        assert (Item("g", "1", "t", (table("t", says),)).places(document) is not None) == met, says


def test_what_is_unused_is_a_tick_where_it_is_there():
    item = Item("g", "1", "t", (section("a", "rule"),), "None", unmet="not used")
    for text, reported in (("By a rule.", "yes"), ("Nothing.", "not used")):
        document = Document("", "", (Section("a", "A", (Paragraph(text),)),), datetime.now(UTC))
        assert ticked("k", "", [item], document).rows[0].cells[2].text == reported


def test_an_empty_report_answers_nothing():
    empty = Document("", "", (), datetime.now(UTC))
    for name in LISTS:
        found = reported(empty, name)
        assert len(found) == len(LISTS[name])
        assert set(found.values()) == {False, None}


def test_the_report_of_a_single_arm_has_trend_and_barg_with_links_that_lead_somewhere(report):
    keys = [table.key for table in report.tables]
    assert "trend" in keys
    assert "consort" not in keys
    table = next(table for table in report.tables if table.key == "barg")
    yes, no, elsewhere = counts(table)
    assert yes + no + elsewhere == len(barg.BARG)
    assert yes > 15
    for row in table.rows:
        if row.cells[2].value:
            links = row.cells[3].text.split(", ")
            assert links
            assert all(link.removeprefix("[[").removesuffix("]]") in report.references for link in links)
    # What the section says of a section is what the same search finds in the finished report.
    assert {row.cells[0].text: row.cells[2].value for row in table.rows} == reported(report, "barg")


def test_without_a_posterior_there_is_no_barg(hamd17):
    assert not {"barg", "trend"} & {table.key for table in ml.report(hamd17[0]).tables}


def test_a_need_of_text_is_met_by_that_text_wherever_it_stands_in_a_section():
    fold = FoldOut("more", (Paragraph(f"Of {count(24)} patients [[table:x]]"),))
    document = Document("", "", (Section("a", "A", (fold,)),), datetime.now(UTC))
    assert words(document.sections[0]) == "Of 24 patients "
    item = Item("g", "1", "t", (section("a", r"of 24 PATIENTS"),))
    assert item.places(document) == ("section:a",)
    assert Item("g", "1", "t", (section("a", "25"),)).places(document) is None
    assert Item("g", "1", "t", (either(section("b"), section("a")),)).places(document) == ("section:a",)
    assert Item("g", "1", "t", (section("a"), table("*"))).places(document) is None


def test_numbers_are_those_of_one_list_each():
    for name, items in LISTS.items():
        numbers = [item.number for item in items]
        assert len(set(numbers)) == len(numbers), name


def test_adverse_events_are_a_tick_where_they_were_counted_and_belong_elsewhere_where_not(
    founding_report, report
):
    assert reported(founding_report, "trend")["19"] is True
    uncounted = without(founding_report, "design")
    [row] = [row for row in ticked("k", "", trend.TREND, uncounted).rows if row.cells[0].text == "19"]
    assert [cell.text for cell in row.cells[2:]] == ["elsewhere", "The report of the trial"]
    assert reported(report, "consort")["19"] is None
