"""What readers of a report see: on a desk, on a telephone, in the dark, on paper, and without scripts."""

from __future__ import annotations

import html
import re

import pytest

from msclong.reporting.inline import plain

NAMES = ("hamd17", "sleepstudy", "sjogren_msct")
WIDTHS = (1280, 390)
LATER = 300
"""Milliseconds after a page has loaded in which its scripts may still ask for something."""

CROWDED = """
() => {
  const wrong = [];
  for (const svg of document.querySelectorAll(".plate svg")) {
    const frame = svg.getBoundingClientRect();
    const id = svg.closest("figure").id;
    const all = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    all.forEach(([words, box], i) => {
      const beside = box.left < frame.left - 1 || box.right > frame.right + 1;
      if (beside || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        wrong.push(`${id}: '${words}' runs out of its figure`);
      for (const [other, place] of all.slice(i + 1)) {
        const across = Math.min(box.right, place.right) - Math.max(box.left, place.left);
        const down = Math.min(box.bottom, place.bottom) - Math.max(box.top, place.top);
        if (across > 2 && down > 5) wrong.push(`${id}: '${words}' and '${other}' overlap`);
      }
    });
  }
  return wrong;
}
"""
"""Boxes of text have some air above and below the letters, so that lines may overlap a little."""

UNSEEN = """
() => [...document.querySelectorAll("section, h2, h3, p, li, dd, figure, figcaption, td, th, svg, svg text, pre")]
  .filter((part) => part.tagName === "svg" || part.textContent.trim())
  .filter((part) => getComputedStyle(part.closest("thead") ?? part).position !== "absolute")
  .filter((part) => {
    const box = part.getBoundingClientRect();
    const shown = part.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    return !shown || box.width < 1 || box.height < 1 || box.right < 0 || box.bottom + scrollY < 0;
  })
  .map((part) => `${part.closest("[id]").id} ${part.tagName} ${part.textContent.slice(0, 40)}`)
"""

OVERFLOWING = """
() => {
  const wrong = [];
  const width = document.documentElement.clientWidth;
  const all = document.documentElement.scrollWidth;
  if (all > width) wrong.push(`the page is ${all} wide`);
  for (const part of document.querySelectorAll("figure, .scroll, table, tr, td, th, svg, figcaption, .tablenote")) {
    const head = part.closest("thead");
    if (head && getComputedStyle(head).position === "absolute") continue;
    const box = part.getBoundingClientRect();
    const name = `${part.closest("figure").id} ${part.tagName} ${part.className}`;
    if (part.tagName === "FIGURE" && box.width * box.height === 0) wrong.push(`${name} is not visible`);
    if (box.left < -0.5 || box.right > width + 0.5) wrong.push(`${name} runs from ${box.left} to ${box.right}`);
    const clipped = getComputedStyle(part).overflowX !== "visible" && part.tagName !== "svg";
    if (clipped && part.scrollWidth > part.clientWidth + 1)
      wrong.push(`${name} holds ${part.scrollWidth} in ${part.clientWidth}`);
  }
  return wrong;
}
"""


def unfolded(page):
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")


def violations(page, rules=None):
    """What axe finds serious: the rule, where, and why; by all rules, or by those named."""
    from axe_playwright_python.sync_playwright import Axe

    # What is drawn is one image to axe; its colours are in tests/unit/reporting/test_style.py.
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found = Axe().run(page, {"exclude": [[".plate svg"]]}, options).response["violations"]
    return [
        (one["id"], node["target"], node.get("failureSummary"))
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_report_loads_quietly_and_from_one_file(opened, reports, name):
    page, wrongs = opened(name)
    page.wait_for_timeout(LATER)
    assert wrongs == []
    assert page.title() == reports[name][0].title
    assert reports[name][1].stat().st_size < 1_500_000


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [*NAMES, "long_names"])
def test_tables_and_figures_are_seen_without_sideways_scrolling(opened, reports, name, width):
    page, _ = opened(name, width)
    record = reports[name][0]
    unfolded(page)
    assert page.locator("figure").count() == len(record.tables) + len(record.figures)
    assert page.evaluate(OVERFLOWING) == []
    assert page.evaluate(CROWDED) == []
    # What need not be scrolled is no stop on the way of the keyboard.
    assert page.locator(".scroll[tabindex]").count() == 0


def test_a_table_that_must_be_scrolled_is_reached_by_the_keyboard(opened):
    page, _ = opened("hamd17", 390)
    page.add_style_tag(content="#table-contrasts table { width: 60rem; }")
    page.wait_for_selector("#table-contrasts .scroll[tabindex='0'][role='region'][aria-label]")
    assert page.locator(".scroll[tabindex]").count() == 1
    assert violations(page, ["scrollable-region-focusable"]) == []


@pytest.mark.parametrize(
    ("name", "width"), [("hamd17", 1280), ("sleepstudy", 390), ("sjogren_msct", 390), ("long_names", 1280)]
)
def test_axe_finds_nothing_serious(opened, name, width):
    page, _ = opened(name, width)
    unfolded(page)
    assert violations(page) == []


@pytest.mark.parametrize(
    ("name", "media"),
    [("sjogren_msct", "dark"), ("sleepstudy", "dark"), ("sleepstudy", "print"), ("hamd17", "print")],
)
def test_axe_finds_colours_readable_in_the_dark_and_on_paper(opened, name, media):
    page, _ = opened(name, color_scheme="dark")
    page.emulate_media(media="print" if media == "print" else "screen")
    unfolded(page)
    assert violations(page, ["color-contrast", "link-in-text-block"]) == []


def test_figures_follow_the_page_into_the_dark(opened):
    colours = []
    for scheme in ("light", "dark"):
        page, _ = opened("hamd17", color_scheme=scheme)
        colours.append(page.evaluate("getComputedStyle(document.querySelector('.plate text')).fill"))
    assert colours[0] == "rgb(34, 34, 34)"
    assert colours[1] == "rgb(232, 230, 225)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.plate text')).fill") == colours[0]


def test_pointing_at_a_mean_shows_the_figures_of_the_table(opened, reports):
    page, _ = opened("hamd17")
    mark = page.locator("#figure-means [data-tip]").last
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    visit, figures, seen = page.locator(".tip").inner_text().splitlines()
    (table,) = [table for table in reports["hamd17"][0].tables if table.key == "contrasts"]
    arm, week = "TRT 2", "8"
    assert visit == f"week {week}, {arm}"
    (row,) = [row for row in table.rows if row.group == arm and row.cells[0].text == week]
    cells = page.locator("#table-contrasts tr", has=page.locator("th", has_text="8")).nth(1).locator("td")
    estimate, limits = cells.nth(0).inner_text(), cells.nth(1).inner_text()
    assert figures == f"{estimate} ({limits})"
    assert row.cells[0].text == week
    assert seen == "n = 70"
    page.mouse.move(1, 1)
    assert page.locator(".tip").inner_text() == ""


def test_a_patients_line_is_lifted_and_named(opened, reports):
    page, _ = opened("hamd17")
    line = page.locator("#figure-observed path[data-tip]").first
    line.scroll_into_view_if_needed()
    before = line.evaluate("line => getComputedStyle(line).strokeWidth")
    start = line.evaluate(
        "line => { const p = line.getPointAtLength(0).matrixTransform(line.getScreenCTM()); return [p.x, p.y]; }"
    )
    page.mouse.move(*start)
    lifted = page.locator("#figure-observed .on")
    assert lifted.count() == 1
    assert float(lifted.evaluate("line => getComputedStyle(line).strokeWidth").removesuffix("px")) > float(
        before.removesuffix("px")
    )
    name, values = page.locator(".tip").inner_text().splitlines()
    subject, arm = name.split(", ")
    (figure,) = [figure for figure in reports["hamd17"][0].figures if figure.key == "observed"]
    rows = figure.data[(figure.data["subject"] == subject) & (figure.data["arm"] == arm)].sort_values(
        "position"
    )
    assert values == "; ".join(
        f"{row.position:g}: {row.value:g}".replace("-", "\N{MINUS SIGN}") for row in rows.itertuples()
    )


def test_keys_walk_through_the_marks_and_escape_leaves(opened):
    page, _ = opened("hamd17")
    page.locator("#figure-means .plate").focus()
    shown = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home", "Escape"):
        page.keyboard.press(key)
        shown.append(page.locator(".tip").inner_text().partition("\n")[0])
    first, second, back, end, home, gone = shown
    assert first == back == home == "week 1, TRT 1"
    assert (second, end, gone) == ("week 2, TRT 1", "week 8, TRT 2", "")


def test_a_tap_shows_the_figures_on_a_telephone(opened):
    page, _ = opened("hamd17", 390, has_touch=True, is_mobile=True)
    mark = page.locator("#figure-means [data-tip]").first
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    # A finger is not exact: beside the mark.
    page.touchscreen.tap(box["x"] - 5, box["y"] + box["height"] / 2)
    assert page.locator(".tip").inner_text().startswith("week 1, TRT 1\n")
    place = page.locator(".tip").bounding_box()
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 390


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_complete_without_a_script(opened, reports, name):
    page, wrongs = opened(name, java_script_enabled=False)
    record = reports[name][0]
    assert wrongs == []
    unfolded(page)
    assert page.evaluate(UNSEEN) == []
    assert page.locator("a.data[download]").count() == len(record.figures)
    marks = page.locator("svg title").count()

    read = {part: read_in(page, part) for part in ("section", "figure")}
    for section in record.sections:
        assert squeezed(section.title) in read["section"][f"section-{section.key}"]
    for table in record.tables:
        shown = read["figure"][f"table-{table.key}"]
        texts = [table.caption, *(column.label for column in table.columns)]
        texts += [cell.text for row in table.rows for cell in row.cells]
        assert [text for text in texts if squeezed(plain(text, record.references)) not in shown] == []
    for figure in record.figures:
        shown = read["figure"][f"figure-{figure.key}"]
        assert squeezed(plain(figure.caption, record.references)) in shown
        words = re.findall(r">([^<>]+)</t(?:ext|span)>", figure.svg)
        assert words
        assert [one for one in words if squeezed(html.unescape(one)) not in shown] == []

    scripted, _ = opened(name)
    unfolded(scripted)
    assert {part: read_in(scripted, part) for part in read} == read
    assert scripted.locator("[data-tip]").count() == marks > 50


def read_in(page, part):
    """What is read in each `part` of the page as it is drawn, by id, without spaces."""
    found = page.evaluate(f"[...document.querySelectorAll('{part}')].map((one) => [one.id, one.innerText])")
    return {key: squeezed(text) for key, text in found}


def squeezed(text):
    """Without spaces and in lower case: style sheets set capitals and break lines."""
    return "".join(text.split()).lower()
