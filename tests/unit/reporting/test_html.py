"""The HTML page: well-formed, self-contained, accessible, and true to the record."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import msclong as ml

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
    assert all(href.startswith("#") for href in page.hrefs)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object"}


def test_ids_are_unique_and_links_lead_to_them(page):
    assert len(page.ids) == len(set(page.ids))
    assert {href[1:] for href in page.hrefs} <= set(page.ids)


def test_text_is_escaped(html):
    assert "<title>A &lt;trial&gt; &amp; its report</title>" in html


def test_every_table_shows_what_the_record_holds(report, page):
    for table in report.tables:
        rows = [row for row in page.cells[f"table-{table.key}"] if len(row) == len(table.columns)]
        printed = [row for row in rows if row != [column.label for column in table.columns]]
        spans = len(printed) - len(table.rows)
        assert printed[spans:] == [[cell.text for cell in row.cells] for row in table.rows], table.key


def test_accessibility(page, report):
    assert ("html", {"lang": "en"}) in page.tags
    images = [values for tag, values in page.tags if values.get("role") == "img"]
    assert [image["aria-label"] for image in images] == [figure.alt for figure in report.figures]
    assert all(values.get("scope") for tag, values in page.tags if tag == "th")
    assert [tag for tag, _ in page.tags if tag == "h1"] == ["h1"]
    scrolled = [values for tag, values in page.tags if values.get("class") == "scroll"]
    assert all(values["tabindex"] == "0" and values["aria-label"] for values in scrolled)


def test_decimal_points_stand_below_each_other(report, html):
    # The coefficients have decimals by row; padding makes every number as wide after the point as the widest.
    table = next(table for table in report.tables if table.key == "coefficients-1")
    block = html[html.index('id="table-coefficients-1"') :]
    block = block[: block.index("</table>")]
    found = re.findall(r'<td class="number">([^<]*)(?:<span data-pad="([^"]*)"></span>)?</td>', block)
    estimates = found[0 :: len(table.columns) - 1]
    after = {len((text + pad).partition(".")[2]) for text, pad in estimates}
    assert len(after) == 1


def test_hidden_parts_open_in_print_and_dark_mode_is_declared(html):
    assert "details::details-content" in html
    assert "prefers-color-scheme: dark" in html
    assert "@page" in html
