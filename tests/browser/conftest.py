"""A headless Chromium and the reports that it opens. Without one these tests are skipped; ../conftest.py says so."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.reporting.record import Document
from msclong.reporting.report import Report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WANTING = (
    "no Chromium found; install it with 'apt-get install chromium'"
    if CHROMIUM is None
    else "no Playwright found; install it with 'pip install -e .[dev]'"
    if not all(map(importlib.util.find_spec, ("playwright", "axe_playwright_python")))
    else ""
)
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
            # A machine with python, make and a compiler alone runs the suite too; tests/conftest.py then says at its
            # end how many were not run. `.ci/run` installs a Chromium, so that there they are.
            if WANTING:
                item.add_marker(pytest.mark.skip(reason=WANTING))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


ARMS = (
    "Placebo once weekly + lifestyle",
    "Semaglutide 1.0 mg once weekly",
    "Semaglutide 2.4 mg once weekly",
    "Tirzepatide 15 mg once weekly" + " with advice on diet and exercise" * 2,
)


def _long_names() -> Report:
    """Four arms whose names have 29 to 95 characters, and a patient in three who drops out."""
    rng = np.random.default_rng(20250105)
    rows = []
    for i, arm in enumerate(ARMS):
        for j in range(24):
            level, seen = rng.normal(0, 4), rng.integers(1, 6) if j % 3 == 0 else 5
            for week in (1, 2, 4, 6, 8)[:seen]:
                change = level - (1 + i) * week**0.6 + rng.normal(0, 2)
                rows.append((arm, f"{i + 1}{j:02d}", week, rng.normal(20, 4), change))
    data = pd.DataFrame(rows, columns=["arm", "subject", "week", "base", "change"])
    data["base"] = data.groupby("subject")["base"].transform("first")
    spec = ml.ModelSpec(
        "change ~ base + arm * week + us(week | subject)",
        outcome_type="change",
        arm="arm",
        label="Change in body weight",
        unit="kg",
    )
    return ml.report(ml.fit(spec, data, ml.Frequentist()), title="A trial of long names")


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Document, Path]]:
    """The record and the page of each report, by name, made by the scripts that users run; and one of long names."""
    found, records, written = {}, [], Report.to_html

    def kept(self: Report, path: str | Path) -> Path:
        records.append(self)
        return written(self, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Report, "to_html", kept)
        for name in ("hamd17", "sleepstudy", "sjogren_msct"):
            script = _script(name)
            patch.setattr(script, "ROOT", tmp_path_factory.mktemp(name))
            script.main()
            found[name] = (records.pop(), script.ROOT / "build" / "reports" / f"{name}.html")
    report = _long_names()
    found["long_names"] = (report, report.to_html(tmp_path_factory.mktemp("long_names") / "r.html"))
    return found


@pytest.fixture
def opened(browser: Browser, reports: dict[str, tuple[Document, Path]]) -> Iterator[Callable[..., Page]]:
    """opened('hamd17', width=390, ...) -> the loaded page.

    At the test's end no page may have had an error, nor have asked for anything but itself; a page of the site (a
    path) may have asked for other files of the site.
    """
    contexts, wrongs = [], []

    def open_page(name: str | Path, width: int = 1280, **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page, own = context.new_page(), (name if isinstance(name, Path) else reports[name][1]).as_uri()
        inside = ("data:", "blob:", "file:" if isinstance(name, Path) else own)
        page.on("console", lambda said: wrongs.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrongs.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(inside) else wrongs.append(asked.url))
        page.goto(own)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrongs == []


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"report_of_{name}", ROOT / "docs" / "reports" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
