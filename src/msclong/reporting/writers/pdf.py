"""The HTML of the record, printed to PDF by a headless Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from msclong.errors import ReportError
from msclong.reporting import html
from msclong.reporting.record import Document
from msclong.reporting.writers import files

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")

SECONDS = 120
"""A report of sixty pages takes three."""

HELP = (
    "Install Chromium or Chrome, name it with browser='/path/to/chrome', or write HTML and print that by hand: "
    "its print style is the same."
)


def write(document: Document, path: str | Path, browser: str | Path | None = None) -> Path:
    """`path`: tagged, with an outline; returns it. ReportError if there is no browser or it does not print."""
    browser = program(browser)
    with TemporaryDirectory(prefix="msclong-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        page, printed = folder / "report.html", folder / "report.pdf"
        page.write_text(html.render(document), encoding="utf-8")
        _print(browser, page, printed, folder)
        return files.write(path, printed.read_bytes())


def program(browser: str | Path | None = None) -> str:
    """The path of the browser, or of the first that is on PATH; ReportError if there is none."""
    names = BROWSERS if browser is None else (str(browser),)
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        sought = f"{browser} is no program" if browser else f"none of {', '.join(BROWSERS)} is on PATH"
        raise ReportError(f"A PDF is printed by a browser, and {sought}. {HELP}")
    return found


def _print(program: str, page: Path, printed: Path, folder: Path) -> None:
    command = [
        program,
        "--headless",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-extensions",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={folder / 'profile'}",
        "--no-pdf-header-footer",
        "--export-tagged-pdf",
        "--generate-pdf-document-outline",
        f"--print-to-pdf={printed}",
        page.as_uri(),
    ]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        # Chromium refuses to start its sandbox as root; the page is our own.
        command.insert(1, "--no-sandbox")
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ReportError(f"{program} printed no PDF within {SECONDS} s. {HELP}") from error
    except OSError as error:
        raise ReportError(f"{program} cannot be run: {error}. {HELP}") from error
    if done.returncode or not printed.exists():
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ReportError(
            f"{program} printed no PDF (exit code {done.returncode}): {said[-1] if said else 'it said nothing'}. {HELP}"
        )
