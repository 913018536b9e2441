"""The documentation site in a browser, where `make docs` has built it: that target runs the slow test too."""

from __future__ import annotations

from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "build" / "docs"
PAGES = sorted((SITE / "reports").glob("*.html"))
# _static holds a template of the theme, which is no page.
OTHERS = sorted(path for path in set(SITE.rglob("*.html")) - set(PAGES) if path.parent.name != "_static")
LATER = 300
"""Milliseconds after a page has loaded in which its scripts may still ask for something."""

NEEDED = "build/docs is not there; make docs builds it"


@pytest.mark.skipif(not PAGES, reason=NEEDED)
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_report_page_loads_quietly_and_fits(opened, path, width):
    page = opened(path, width)
    page.wait_for_timeout(LATER)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
@pytest.mark.skipif(not OTHERS, reason=NEEDED)
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.relative_to(SITE).with_suffix("").as_posix())
def test_a_page_of_the_site_loads_quietly_and_fits(opened, path, width):
    page = opened(path, width)
    page.wait_for_timeout(LATER)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
