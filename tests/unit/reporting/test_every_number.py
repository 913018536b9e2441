"""Every number on a report's page is its ARD's: the founding study and the example trial, parsed as pages."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

import pytest

import msclong as ml
import page_numbers
from msclong.published import audit
from msclong.published.printed import p_value
from msclong.reporting import html
from msclong.reporting.record import Definitions
from msclong.reporting.report import Report
from msclong.reporting.wording import listed

FORMS = (
    # The number of a table or a figure, and coverage, are no results.
    re.compile(r"^(?:Table|Figure) \d+\."),
    re.compile(r"\b(?:50|68|95) ?%"),
    # Years of literature, and standards and guidelines by their year.
    re.compile(r"\b(?:19|20)\d\d\b"),
    # The value that a probability or a test is against, of no effect; and the range of a family.
    re.compile(r"[PTp]\([<>] [01]\)|interval from 0\b|ordered beta: 0, 1, or beta in between"),
    # Conventions of drawings and limits of diagnostics, which are the same in every report.
    re.compile(r"1\.5 interquartile ranges|values near 1\b|from 0\.05 on|by 0\.05 or more|near 0 or 1\b"),
    re.compile(r"above 0\.7\b|below 0\.7\b|up to 0\.7\b|limit 0\.7\b|0\.7 (?:and|or) (?:more|above|below)"),
)
"""All forms in which a page may print a number that has no value behind it."""

SKIPPED = ("reproducibility", "synthetic", "checklists")
"""Versions, seeds and hashes; the data set's own description; numbers of items in published checklists."""


@dataclass
class Given:
    """A report with its page and its ARD. quoted : texts with numbers that the plan, the data or a paper hold."""

    report: Report
    quoted: list[str]
    visits: str

    def __post_init__(self) -> None:
        self.html = html.render(self.report)
        self.page = page_numbers.read(self.html)
        self.ard = self.report.ard()

    def results(self, page: page_numbers.Page) -> list[str]:
        return [*page_numbers.wrong_cells(page, self.ard), *page_numbers.wrong_figures(page, self.ard)]

    def drawings(self, page: page_numbers.Page) -> list[str]:
        return page_numbers.wrong_drawings(page, self.report.figures, FORMS)

    def parts(self, page: page_numbers.Page) -> list[str]:
        return page_numbers.wrong_parts(page, self.report)

    def prose(self, page: page_numbers.Page) -> list[str]:
        return page_numbers.strangers(page, self.ard, self.quoted, FORMS, self.visits, SKIPPED)


@pytest.fixture(scope="module")
def founding_page(founding):
    attributes = founding.table.attrs
    printed = audit(
        {"outcome": name, "n": n, "p": p}
        for name, n, p in (("ssdai", 24, "0.03"), ("anti_ssa", 5, "<0.001"), ("stimulated_flow", 11, "0.016"))
    )
    estimands = [text for pairs in founding.estimands().values() for _, text in pairs]
    margins = [one.spec.margin for one in founding.endpoints.values() if one.spec.margin is not None]
    quoted = [
        attributes["synthetic"], *estimands, *(one.spec.outcome_label for one in founding.endpoints.values()),
        *(f"P({'<' if margin < 0 else '>'} {margin:g})".replace("-", "\u2212") for margin in margins),
        *(str(p_value(text)) for text in printed["printed_p"]),
    ]  # fmt: skip
    return Given(ml.report(founding, published=printed), quoted, "month")


@pytest.fixture(scope="module")
def trial_page(hamd17, hamd17_report):
    report = hamd17_report
    question = next(section for section in report.sections if section.key == "question").blocks[0]
    assert isinstance(question, Definitions)
    visits = listed(["1", "2", "4", "6", "8"])
    assert any(visits in text for _, text in question.items)
    patients = [f"({subject})" for subject in hamd17[0].design.fixed.frame["PATIENT"].unique()]
    return Given(report, [visits, *patients], "week")


@pytest.fixture(scope="module", params=["founding_page", "trial_page"])
def given(request):
    return request.getfixturevalue(request.param)


def test_every_number_on_the_page_is_in_the_ard(given):
    assert page_numbers.wrong_prints(given.ard) == []
    assert given.results(given.page) == []
    assert given.drawings(given.page) == []
    assert given.prose(given.page) == []
    assert given.parts(given.page) == []


def test_there_is_something_to_find(given):
    page = given.page
    assert len(page.tables) == len(given.report.tables)
    assert sum(map(len, page.tables.values())) > 500
    assert len(page.figures) > 30
    assert set(page.drawings) == {figure.key for figure in given.report.figures}


def with_last_digit_changed(page: str, pattern: str) -> str:
    """The page with the last digit of what `pattern` finds (its first group) changed."""
    found = re.search(pattern, page, re.DOTALL)
    assert found is not None
    place = found.end(1) - 1
    assert page[place].isdigit()
    return f"{page[:place]}{'1' if page[place] != '1' else '2'}{page[place + 1 :]}"


@pytest.mark.parametrize(
    "pattern",
    [
        r'<td[^>]*class="number[^>]*>([\u2212\d.]+\d)<',
        r'<td[^>]*class="interval"[^>]*>([\u2212\d.]+ to [\u2212\d.]+\d)<',
        r'<td[^>]*class="number[^>]*>(0\.\d+)<',
        r"<data [^>]*>([\u2212\d.]+\d)</data>",
        r'<data value="([-\d.]*\d)"',
    ],
)
def test_a_changed_digit_is_seen(given, pattern):
    assert given.results(page_numbers.read(with_last_digit_changed(given.html, pattern)))


def test_a_number_that_is_drawn_is_held_against_the_figures_data(trial_page):
    inside = r'id="figure-covariance".*?<text[^>]*>(6\.23)</text>'
    assert trial_page.drawings(page_numbers.read(with_last_digit_changed(trial_page.html, inside)))


@pytest.mark.parametrize(
    "pattern",
    [
        r"<figcaption><b>Table (\d+)\.",
        r"<figcaption><b>Figure (\d+)\.",
        r'<a href="#table-[^"]+">Table (\d+)</a>',
        r'<a href="#section-[^"]+">section (\d+)</a>',
        r'role="img" aria-label="[^"\d]*(\d+)[^"]*"',
        r'<p class="tablenote">[^<\d]*(\d+)',
        r"<title>[^<]*?(\d+)[^<\d]*</title>",
    ],
    ids=[
        "table",
        "figure",
        "link to a table",
        "link to a section",
        "alternative text",
        "note",
        "words on a mark",
    ],
)
def test_a_changed_digit_of_a_name_or_of_a_drawings_words_is_seen(given, pattern):
    body = given.html.index("<main")
    changed = given.html[:body] + with_last_digit_changed(given.html[body:], pattern)
    assert given.parts(page_numbers.read(changed))


def test_a_number_in_prose_without_a_value_is_seen(given):
    page = given.html.replace("</p>", " About 42.7 of them.</p>", 5)
    assert page != given.html
    assert [one for one in given.prose(page_numbers.read(page)) if one.startswith("42.7 in <p>")]


def test_two_engines_cells_cannot_be_exchanged(founding_page):
    found = re.search(
        r"<tr[^>]*>(?:(?!</tr>).)*data-label=\"95% CrI\".*?</tr>", founding_page.html, re.DOTALL
    )
    assert found is not None
    intervals = re.findall(r'class="interval"[^>]*>([^<]+)<', found[0])
    assert len(set(intervals[:2])) == 2
    first, second = intervals[:2]
    row = (
        found[0]
        .replace(f">{first}<", ">\0<")
        .replace(f">{second}<", f">{first}<")
        .replace(">\0<", f">{second}<")
    )
    assert founding_page.results(page_numbers.read(founding_page.html.replace(found[0], row)))


def test_a_statistic_that_the_page_rounds_otherwise_is_seen(given):
    ard = given.ard.copy()
    row = ard.index[(ard["stat_name"] == "estimate") & ard["table"].notna()][0]
    ard.loc[row, "stat"] += 0.5
    assert page_numbers.wrong_prints(ard)


def test_no_figure_is_left_in_its_inner_form(given):
    assert not re.search("[\ue000-\ue002]", given.html)
    for name in given.ard.select_dtypes("string"):
        assert not given.ard[name].str.contains("[\ue000-\ue002]", regex=True).any(), name


def test_alternative_texts_are_plain(given):
    for figure in given.report.figures:
        assert not re.search("[\ue000-\ue002]", figure.alt), figure.key
        assert not re.search("[\ue000-\ue002]", replace(figure).svg), figure.key


def test_no_id_stands_twice_on_a_page(given):
    ids = re.findall(r'\bid="([^"]+)"', given.html)
    assert len(ids) > 50
    assert [one for one, times in Counter(ids).items() if times > 1] == []


def test_the_primary_outcomes_detail_is_in_the_ard_under_its_name(founding_page):
    sections = founding_page.ard["section"].fillna("").str.split()
    own = founding_page.ard[sections.map(lambda keys: "detail-ssdai" in keys)]
    assert set(own["variable"].dropna()) == {"Sjögren\u2019s syndrome disease activity index"}
    assert own["variable"].notna().all()
    predicted = own[own["context"] == "predictive-2"]
    assert len(predicted) > 50
    assert (own.loc[own["context"] == "prior-sensitivity-2", "stat_name"] == "sensitivity.sds").any()
