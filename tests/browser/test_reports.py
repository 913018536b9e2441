"""What readers of a report see: on a desk, on a telephone, in the dark, on paper, and without scripts."""

from __future__ import annotations

import html
import re

import pytest

from msclong.reporting.inline import plain

NAMES = ("hamd17", "sleepstudy", "sjogren_msct")
WIDTHS = (1280, 390)
SHEET = 680
"""Pixels. A4 has 665 between its margins; what is a little wider a browser sets smaller when it prints."""
COLOURS = ["color-contrast", "link-in-text-block"]
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

HIDDEN = """
() => {
  const wrong = [];
  const page = document.documentElement;
  const width = page.clientWidth;
  const print = matchMedia("print").matches;
  const say = (part, what, words = part.textContent) =>
    wrong.push(`${part.closest("[id]").id} ${part.tagName} ${part.className} '${words.trim().slice(0, 40)}' ${what}`);
  const visible = (part) => part.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  // Out of sight by design: the words of the script; on paper what is for screens; the head of a table set as cards.
  // Cautions that follow each other are one box, which says once what it is.
  const always = "#tip-help, .tip, script, p.caution + p.caution > b";
  const apart = print ? `${always}, nav, a.data, summary` : always;
  const row = (head) => getComputedStyle(head.parentNode.querySelector("tbody tr:not(.group)"));
  const cards = (head) => head && row(head).display === "grid";
  const meant = (part) => part.closest(apart) || cards(part.closest("thead"));
  // Contents that stay beside the text are scrolled within the window.
  const scrolls = (part) => part.tagName === "NAV" && getComputedStyle(part).position === "sticky";

  if (page.scrollWidth > width) wrong.push(`the page is ${page.scrollWidth} wide`);
  const cuts = new Map();
  for (const part of document.querySelectorAll("html, body, main, main :not(svg *)")) {
    if (meant(part)) continue;
    const style = getComputedStyle(part);
    const box = part.getBoundingClientRect();
    const drawn = ["figure", "table", "svg"].includes(part.localName);
    if (drawn && !(visible(part) && box.width > 40 && box.height > 20)) say(part, "has no size");
    if (box.width && (box.left < -0.5 || box.right > width + 0.5)) say(part, `runs from ${box.left} to ${box.right}`);
    for (const effect of ["clipPath", "filter", "maskImage", "mixBlendMode"])
      if (!["none", "normal"].includes(style[effect])) say(part, `has ${effect} ${style[effect]}`);
    if (style.clip !== "auto") say(part, "is clipped");
    // A drawing's frame is what it draws in. What is folded away must have its place; wide tables run on to its right.
    if (part.localName === "details") cuts.set(part, { left: 0, right: width, top: box.top, bottom: box.bottom });
    const cut = [style.overflowX, style.overflowY].some((one) => one !== "visible");
    if (!cut || scrolls(part) || part.localName === "svg") continue;
    cuts.set(part, box);
    if (part.scrollWidth > part.clientWidth + 1 || part.scrollHeight > part.clientHeight + 1)
      say(part, `holds ${part.scrollWidth} x ${part.scrollHeight} in ${part.clientWidth} x ${part.clientHeight}`);
  }
  for (const mark of document.querySelectorAll("svg :is(path, use)"))
    if (!mark.closest("defs, clipPath") && !visible(mark)) say(mark, "is not drawn", "");

  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const [text, part] = [texts.currentNode, texts.currentNode.parentElement];
    const words = text.data;
    if (!words.trim() || part.localName === "title" || meant(part)) continue;
    const style = getComputedStyle(part);
    const colour = part.closest("svg") ? style.fill : style.webkitTextFillColor;
    range.selectNodeContents(text);
    const boxes = [...range.getClientRects()].filter((box) => box.width && box.height);
    if (!visible(part) || !boxes.length) { say(part, "is not seen", words); continue; }
    if (colour === "none" || /^rgba.*, 0\\)$/.test(colour)) say(part, "has no colour", words);
    const out = (box, frame, air) =>
      Math.max(frame.left - box.left, box.right - frame.right, frame.top - box.top, box.bottom - frame.bottom) > air;
    const sheet = { left: 0, right: width, top: -scrollY, bottom: page.scrollHeight - scrollY };
    if (boxes.some((box) => out(box, sheet, 0.5))) say(part, "runs off the page", words);
    for (let frame = part; frame; frame = frame.parentElement)
      if (cuts.has(frame) && boxes.some((box) => out(box, cuts.get(frame), 3)))
        say(part, `is cut by ${frame.localName}`, words);
  }
  return wrong;
}
"""
"""What a reader cannot see: boxes without a size, beside the page or cut, and text that is not drawn where it can be
read. No block may scroll within itself, not even <pre>, whose style breaks its lines. Letters may reach a little out of
their box."""


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
    page = opened(name)
    page.wait_for_timeout(LATER)
    assert page.title() == reports[name][0].title
    assert reports[name][1].stat().st_size < 1_500_000


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [*NAMES, "long_names"])
def test_tables_and_figures_are_seen_without_sideways_scrolling(opened, reports, name, width):
    page = opened(name, width)
    record = reports[name][0]
    unfolded(page)
    assert page.locator("figure").count() == len(record.tables) + len(record.figures)
    assert page.evaluate(HIDDEN) == []
    assert page.evaluate(CROWDED) == []
    # What need not be scrolled is no stop on the way of the keyboard.
    assert page.locator(".scroll[tabindex]").count() == 0


def test_a_table_that_must_be_scrolled_is_reached_by_the_keyboard(opened):
    page = opened("hamd17", 390)
    page.add_style_tag(content="#table-contrasts table { width: 60rem; }")
    page.wait_for_selector("#table-contrasts .scroll[tabindex='0'][role='region'][aria-label]")
    assert page.locator(".scroll[tabindex]").count() == 1
    assert violations(page, ["scrollable-region-focusable"]) == []


@pytest.mark.parametrize(
    ("name", "width"), [("hamd17", 1280), ("sleepstudy", 390), ("sjogren_msct", 390), ("long_names", 1280)]
)
def test_axe_finds_nothing_serious(opened, name, width):
    page = opened(name, width)
    unfolded(page)
    assert violations(page) == []


@pytest.mark.parametrize("name", ["sjogren_msct", "sleepstudy"])
def test_axe_finds_colours_readable_in_the_dark(opened, name):
    page = opened(name, color_scheme="dark")
    unfolded(page)
    assert violations(page, COLOURS) == []


@pytest.mark.parametrize("name", [*NAMES, "long_names"])
def test_a_report_is_whole_on_paper_with_its_fold_outs_shut(opened, name):
    page = opened(name, SHEET, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() > 2
    assert page.evaluate(HIDDEN) == []
    if name in ("sleepstudy", "hamd17"):
        assert violations(page, COLOURS) == []


def test_figures_follow_the_page_into_the_dark(opened):
    colours = []
    for scheme in ("light", "dark"):
        page = opened("hamd17", color_scheme=scheme)
        colours.append(page.evaluate("getComputedStyle(document.querySelector('.plate text')).fill"))
    assert colours[0] == "rgb(34, 34, 34)"
    assert colours[1] == "rgb(232, 230, 225)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.plate text')).fill") == colours[0]


def test_pointing_at_a_mean_shows_the_figures_of_the_table(opened, reports):
    page = opened("hamd17")
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
    page = opened("hamd17")
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
    page = opened("hamd17")
    page.locator("#figure-means .plate").focus()
    shown = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home", "Escape"):
        page.keyboard.press(key)
        shown.append(page.locator(".tip").inner_text().partition("\n")[0])
    first, second, back, end, home, gone = shown
    assert first == back == home == "week 1, TRT 1"
    assert (second, end, gone) == ("week 2, TRT 1", "week 8, TRT 2", "")


def test_a_tap_shows_the_figures_on_a_telephone(opened):
    page = opened("hamd17", 390, has_touch=True, is_mobile=True)
    mark = page.locator("#figure-means [data-tip]").first
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    # A finger is not exact: beside the mark.
    page.touchscreen.tap(box["x"] - 5, box["y"] + box["height"] / 2)
    assert page.locator(".tip").inner_text().startswith("week 1, TRT 1\n")
    place = page.locator(".tip").bounding_box()
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 390


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [*NAMES, "long_names"])
def test_a_script_changes_nothing_that_is_seen(opened, name, width):
    pages = [opened(name, width, java_script_enabled=enabled) for enabled in (True, False)]
    if name == "sleepstudy":
        # The shortest shows that it holds with fold-outs open, too.
        for page in pages:
            unfolded(page)
    with_script, without = (page.screenshot(full_page=True) for page in pages)
    assert len(with_script) > 500_000
    assert (with_script == without) is True


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_complete_without_a_script(opened, reports, name):
    page = opened(name, java_script_enabled=False)
    record = reports[name][0]
    unfolded(page)
    assert page.evaluate(HIDDEN) == []
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

    scripted = opened(name)
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
