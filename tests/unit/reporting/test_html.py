"""The HTML page: well-formed, self-contained, accessible, and true to the record."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from io import StringIO
from urllib.parse import unquote

import pandas as pd
import pytest

import msclong as ml
from msclong.reporting.html import css_string, csv_link, size
from msclong.reporting.inline import plain, said
from msclong.reporting.record import Cell, Column, Row, Table

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Checks that tags balance, and gathers what the tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.hrefs: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: dict[str, list[list[str]]] = {}
        self._table = self._cell = None
        self.feed(text)
        assert self.open == []

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append((tag, values))
        if "id" in values:
            self.ids.append(values["id"])
        self.hrefs += [values[name] for name in ("href", "src") if name in values]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "figure" and "table" in (values.get("class") or "").split():
            self._table = self.cells.setdefault(values["id"], [])
        elif tag == "tr" and self._table is not None:
            self._table.append([])
        elif tag in ("th", "td") and self._table:
            self._cell = ""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("th", "td") and self._cell is not None:
            self._table[-1].append(self._cell.strip())
            self._cell = None
        elif tag == "figure":
            self._table = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data


@pytest.fixture(scope="module")
def report(hamd17):
    return ml.report(hamd17, title="A <trial> & its report")


@pytest.fixture(scope="module")
def html(report, tmp_path_factory):
    path = report.to_html(tmp_path_factory.mktemp("report") / "new" / "hamd17.html")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_the_file_is_one_small_self_contained_page(html, page):
    assert len(html.encode()) < 1_000_000
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html
    assert "url(http" not in html
    assert all(href.startswith(("#", "data:text/csv")) for href in page.hrefs)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"link", "img", "iframe", "object"}
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(script) < 6_000


def test_every_figure_offers_its_data_at_full_precision(report, page):
    links = [values for tag, values in page.tags if tag == "a" and values.get("class") == "data"]
    assert len(links) == len(report.figures)
    for figure, link in zip(report.figures, links, strict=True):
        head, _, text = link["href"].partition(",")
        assert head == "data:text/csv;charset=utf-8"
        assert link["download"] == f"{figure.key}.csv"
        assert unquote(text) == figure.data.to_csv(
            index=figure.key.startswith("covariance"), lineterminator="\n"
        )


def test_a_data_link_survives_what_a_name_may_hold():
    frame = pd.DataFrame({'a "b" <c>': ["x & y", "50% #1", "é\n,"], "value": [0.1, 1 / 3, 2.0]})
    link = csv_link(frame)
    assert not set('"<>&#\n') & set(link)
    read = pd.read_csv(StringIO(unquote(link.partition(",")[2])))
    pd.testing.assert_frame_equal(read, frame)


def test_a_title_cannot_leave_its_string_in_the_style():
    assert css_string('a"; } </style><p>\\') == r'"a\22 ; \7d  \3c \2f style\3e \3c p\3e \5c "'


def table(*columns, rows=3):
    """A table of one row heading and `columns`: (heading, kind, the text of a cell)."""
    cells = [Row((Cell("week 1"), *(Cell(text) for _, _, text in columns)))] * rows
    return Table(
        "t", "T", (Column("Week"), *(Column(label, kind=kind) for label, kind, _ in columns)), tuple(cells)
    )


def test_tables_become_cards_where_their_columns_have_no_room():
    number, limits = ("Estimate", "number", "-1.23"), ("95% CI", "interval", "-1.23 to -0.45")
    assert size(table(number, number), {}) == "small named narrow"
    assert size(table(*[number, limits] * 2), {}).split()[0] == "medium"
    assert size(table(*[number, limits] * 4), {}).split() == ["vast", "named", "wide"]
    assert "close" in size(table(*[number, limits] * 5), {})
    # More columns than there is room for on any screen, and words of a heading that spans them.
    assert size(table(*[number, limits] * 12), {}).split()[0] == "endless"
    spanned = [Column("Estimate", "Pneumonoultramicroscopic" * 2, "number")]
    assert size(Table("t", "T", (Column("Week"), *spanned), (Row((Cell("1"), Cell("2"))),)), {}) != size(
        table(number), {}
    )
    # A figure in a cell counts as it is read, not with its full digits.
    told = ("Estimate", "number", said("-1.23", -1.23456789012345, "estimate"))
    assert size(table(told, told), {}) == size(table(number, number), {})


def test_cells_carry_what_a_card_calls_them(page, report):
    (contrasts,) = [table for table in report.tables if table.key == "contrasts"]
    cells = [values for tag, values in page.tags if tag == "td" and values.get("data-label") == "95% CrI"]
    assert len(cells) == len(contrasts.rows)
    spans = [values["data-span"] for tag, values in page.tags if values.get("data-span")]
    assert {"Frequentist", "Bayesian"} <= set(spans)


def test_ids_are_unique_and_links_lead_to_them(page):
    assert len(page.ids) == len(set(page.ids))
    assert {href[1:] for href in page.hrefs if href.startswith("#")} <= set(page.ids)


def test_text_is_escaped(html):
    assert "<title>A &lt;trial&gt; &amp; its report</title>" in html


def test_every_table_shows_what_the_record_holds(report, page):
    for table in report.tables:
        rows = [row for row in page.cells[f"table-{table.key}"] if len(row) == len(table.columns)]
        printed = [row for row in rows if row != [column.label for column in table.columns]]
        spans = len(printed) - len(table.rows)
        shown = [[plain(cell.text, report.references) for cell in row.cells] for row in table.rows]
        assert printed[spans:] == shown, table.key


def test_accessibility(page, report):
    assert ("html", {"lang": "en"}) in page.tags
    images = [values for tag, values in page.tags if values.get("role") == "img"]
    assert [image["aria-label"] for image in images] == [figure.alt for figure in report.figures]
    assert all(values.get("scope") for tag, values in page.tags if tag == "th")
    assert [tag for tag, _ in page.tags if tag == "h1"] == ["h1"]
    (skip,) = [values for tag, values in page.tags if tag == "a" and values.get("class") == "skip"]
    assert skip["href"] == "#content"
    # Cards are no longer tables to a browser; the roles say that they are.
    roles = {"table": "table", "tr": "row", "td": "cell"}
    assert all(
        values.get("role") == roles[tag]
        for tag, values in page.tags
        if tag in roles and "colspan" not in values
    )


def test_decimal_points_stand_below_each_other(report, html):
    # The coefficients have decimals by row; padding makes every number as wide after the point as the widest.
    table = next(table for table in report.tables if table.key == "coefficients-1")
    block = html[html.index('id="table-coefficients-1"') :]
    block = block[: block.index("</table>")]
    found = re.findall(
        r'<td role="cell" class="number" data-label="[^"]*">([^<]*)(?:<span data-pad="([^"]*)"></span>)?</td>',
        block,
    )
    estimates = found[0 :: len(table.columns) - 1]
    after = {len((text + pad).partition(".")[2]) for text, pad in estimates}
    assert len(after) == 1


def test_hidden_parts_open_in_print_and_dark_mode_is_declared(html):
    assert "details::details-content" in html
    assert "prefers-color-scheme: dark" in html
    assert "@page" in html
