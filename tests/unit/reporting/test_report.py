"""The record of a report: what it says, and what it refuses."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import SpecError
from msclong.printing import numbers
from msclong.reporting.analysis import analysis, round_times
from msclong.reporting.data_hash import data_hash
from msclong.reporting.inline import plain, said
from msclong.reporting.names import Names
from msclong.reporting.prior_words import typeset
from msclong.reporting.record import Document, FoldOut, Paragraph, Section
from msclong.reporting.wording import counted, inside, listed


@pytest.fixture(scope="module")
def report(hamd17):
    return ml.report(hamd17)


def texts(report, key):
    section = next(section for section in report.sections if section.key == key)
    return [plain(block.text) for block in section.blocks if isinstance(block, Paragraph)]


def test_sections_come_in_the_order_in_which_they_are_read(report):
    assert [section.key for section in report.sections] == [
        "answer", "question", "participants", "model", "means", "contrasts", "agreement", "observed", "individuals",
        "covariance", "coefficients", "sensitivity", "diagnostics", "posterior", "deviations", "methods",
        "checklists", "reproducibility",
    ]  # fmt: skip
    assert [section.number for section in report.sections] == list(range(18))


def test_what_a_terminal_prints_of_a_report_is_short_and_clean(report):
    made = f"{report.created:%Y-%m-%d %H:%M}"
    told = f"18 sections, {len(report.tables)} tables, {len(report.figures)} figures; made {made}."
    first, how = repr(report).split("\n")
    assert first == f"Report {report.title!r}: {told}"
    assert how.startswith("Write it: .save('report.html'), or another suffix: .md, .docx")
    assert "\ue000" not in repr(replace(report, title=said("3.1", 3.14, "mean")))


def test_tables_and_figures_are_numbered_in_order(report):
    assert [table.number for table in report.tables] == list(range(1, len(report.tables) + 1))
    assert [figure.number for figure in report.figures] == list(range(1, len(report.figures) + 1))
    assert report.references["table:contrasts"] == "Table 4"


def test_the_answer_comes_first_with_its_figures(report, hamd17):
    within, between, again, _ = texts(report, "answer")
    assert within == (
        "At week 8, the estimated mean change in HAMD-17 total score was −5.68 points (95% confidence interval "
        "−7.35 to −4.01) in the TRT 1 arm and −7.96 points (95% confidence interval −9.57 to −6.35) in the TRT 2 arm."
    ).replace(" to −", "\xa0to\xa0−").replace(" points", "\xa0points")
    assert between.replace("\xa0", " ") == (
        "The estimated difference between the arms at that visit, TRT 2 − TRT 1, was −2.28 points (95% confidence "
        "interval −4.30 to −0.26; p = 0.027)."
    )
    row = hamd17[1].contrasts().loc[("2 - 1", "8")]
    assert f"gives {numbers.fixed(row['estimate'], 2)} points (95% credible" in again.replace("\xa0", " ")
    assert f"lies below zero: {numbers.probability(row['prob_negative'])})" in again


def test_every_cell_of_the_contrasts_holds_the_fits_number_and_prints_it_rounded(report, hamd17):
    table = next(table for table in report.tables if table.key == "contrasts")
    frequentist, bayesian = (fit.contrasts() for fit in hamd17)
    assert [column.span for column in table.columns] == [""] + ["Frequentist"] * 3 + ["Bayesian"] * 3
    assert len(table.rows) == len(frequentist) == 15
    for i, row in enumerate(table.rows):
        values = [cell.value for cell in row.cells[1:]]
        f, b = frequentist.iloc[i], bayesian.iloc[i]
        assert values == [
            f["estimate"], (f["lower"], f["upper"]), f["p_value"],
            b["estimate"], (b["lower"], b["upper"]), b["prob_negative"],
        ]  # fmt: skip
        assert row.cells[1].text == numbers.fixed(f["estimate"], 2)
        assert row.cells[2].text == numbers.interval(f["lower"], f["upper"], 2)
    assert table.rows[-1].group == "TRT 2 − TRT 1"
    assert [cell.text for cell in table.rows[-1].cells[:4]] == ["8", "−2.28", "−4.30 to −0.26", "0.027"]


def test_counts_of_missing_visits(report):
    table = next(table for table in report.tables if table.key == "visits")
    assert [cell.text for cell in table.rows[-1].cells] == ["8", "61", "39", "39.0", "70", "30", "30.0"]
    assert "69 (34.5%) was missing" in texts(report, "participants")[0]


def test_the_engines_difference_is_stated_in_standard_errors(report, hamd17):
    frequentist, bayesian = (fit.contrasts() for fit in hamd17)
    largest = float(((bayesian["estimate"] - frequentist["estimate"]) / frequentist["se"]).abs().max())
    assert (
        f"by at most {numbers.significant(largest, 2)} of a standard error" in texts(report, "agreement")[0]
    )


def test_notes_of_every_engine_are_told(report):
    deviations = next(section for section in report.sections if section.key == "deviations")
    notes = deviations.blocks[-1].items
    assert "A note of the sampler." in notes
    assert len(notes) == len(set(notes)) == 2


def test_figures_carry_their_message_and_their_data(report):
    for figure in report.figures:
        assert len(figure.alt) > 40
        assert len(figure.data) > 0
    forest = next(figure for figure in report.figures if figure.key == "forest")
    assert len(forest.data) == 30


def test_priors_are_told_in_words_and_in_a_table(report):
    priors = next(table for table in report.tables if table.key == "priors-2")
    assert [cell.text for cell in priors.rows[0].cells] == ["Intercept", "Normal(0, 10)"]
    assert "half-Student-t with 3 degrees of freedom" in " ".join(texts(report, "model"))
    below = typeset(pd.DataFrame({"prior": ["0.5 Normal(-1, 2) + Normal(.1, 1e-05)"]}))
    assert below["prior"].tolist() == ["0.5 Normal(\N{MINUS SIGN}1, 2) + Normal(.1, 1e-05)"]


def test_chains_of_contrasts_and_covariance_parameters_are_drawn(report):
    chains = next(figure for figure in report.figures if figure.key == "chains-2")
    assert list(chains.data) == ["TRT 2 − TRT 1, week 8", "TRT 1, week 8", "variance(1)", "covariance(2, 1)"]


def test_checks_of_the_draws_are_a_table(report):
    checks = next(table for table in report.tables if table.key == "checks-2")
    assert [cell.text for cell in checks.rows[0].cells] == ["R-hat", "contrast 8", "1.002", "< 1.01", "yes"]


def test_an_importance_sample_has_checks_and_no_chains():
    fit = ml.fit(
        "Reaction ~ Days + (1 + Days | Subject)",
        ml.datasets.sleepstudy(),
        engine=ml.Bayesian(seed=7, sampler="importance"),
    )
    report = ml.report(fit)
    assert "checks-1" in [table.key for table in report.tables]
    assert "chains-1" not in [figure.key for figure in report.figures]
    told = repr(report.sections)
    assert "by importance sampling" in told
    assert "No-U-Turn" not in told
    assert "All are met." in " ".join(texts(report, "posterior"))


def test_versions_seed_hash_and_code_are_given(report, hamd17):
    definitions, _, _, spec, _, _, code = report.sections[-1].blocks
    told = dict(definitions.items)
    assert told["Random seed"] == "1 (Bayesian)"
    assert told["Data, SHA-256"] == data_hash(hamd17[0].design)
    assert "numpy 2" in told["Software"]
    assert ml.ModelSpec.from_json(spec.text) == hamd17[0].spec
    compile(code.text, "rerun", "exec")


def test_the_record_is_frozen(report):
    with pytest.raises(FrozenInstanceError):
        report.title = "another"
    with pytest.raises(FrozenInstanceError):
        report.tables[0].rows[0].cells[0].text = "another"


def test_all_cross_references_lead_somewhere():
    section = Section("a", "A", (FoldOut("more", (Paragraph("see"),)),), number=1)
    document = Document("t", "s", (section,), datetime.now(UTC))
    assert document.references == {"section:a": "section 1"}
    assert document.tables == ()


def test_fits_of_other_specs_are_refused(hamd17, hamd17_spec):
    other = ml.fit(hamd17_spec.replace(unit="score points"), ml.datasets.hamd17())
    with pytest.raises(SpecError, match=r"Fit 2 has another model spec than fit 1 \(they differ in unit\)"):
        ml.report([hamd17[0], other])


def test_fits_of_other_data_are_refused_and_of_equal_data_taken(hamd17, hamd17_spec):
    table = ml.datasets.hamd17()
    again = ml.fit(hamd17_spec, table, ml.Frequentist(ddf="satterthwaite"))
    assert list(analysis([hamd17[0], again]).fits) == [
        "Frequentist (ddf kenward-roger)",
        "Frequentist (ddf satterthwaite)",
    ]
    with pytest.raises(SpecError, match="830 observations of 200 subjects against 831 of 200"):
        ml.report([hamd17[0], ml.fit(hamd17_spec, table.drop(index=3))])


@pytest.mark.parametrize(
    ("fits", "message"), [([], "at least one fit"), (["fit"], "made of fits"), ([1], "got int")]
)
def test_what_is_no_fit_is_refused(fits, message):
    with pytest.raises(SpecError, match=message):
        ml.report(fits)


def test_engines_that_are_the_same_are_told_apart_by_number(hamd17):
    assert list(analysis([hamd17[0], hamd17[0]]).fits) == ["Frequentist #1", "Frequentist #2"]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0.0273, 11.9, (0, 2, 4, 6, 8, 10, 12)),
        (0.5, 1.02, (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)),
        (3, 3000, (0, 500, 1000, 1500, 2000, 2500, 3000)),
    ],
)
def test_round_times(first, last, expected):
    assert round_times(first, last) == pytest.approx(expected)


def test_names_of_levels():
    names = Names(ml.ModelSpec("y ~ TRT * week + us(week | id)"), "TRT", "week")
    assert [names.arm("1"), names.arm("Placebo"), names.arm("A"), names.visit(8.0)] == [
        "TRT 1",
        "Placebo",
        "TRT A",
        "week 8",
    ]
    assert names.of_differences("2 - 1", ("1", "2"), "1") == "TRT 2 − TRT 1"
    assert [names.arm(True), names.arm(np.False_), names.arm("yes")] == ["TRT True", "TRT False", "TRT yes"]
    other = Names(names.spec, "TRT", "AVISITN")
    assert [other.visit(3), other.visit("Month 3")] == ["AVISITN = 3", "Month 3"]
    assert Names(names.spec, None, "Days").visit(np.int64(9)) == "day 9"


def test_small_english():
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["", "a", "a, b and c"]
    assert [counted(1, "visit"), counted(1200, "visit")] == ["1 visit", "1,200 visits"]
    assert [inside("Change in X"), inside("HAMD-17 score"), inside("y")] == [
        "change in X",
        "HAMD-17 score",
        "y",
    ]
