"""What a whole run says at its end: in the main process, which loads no deeper conftest.py where workers run tests."""

from __future__ import annotations

from collections import Counter

import pytest

SKIPPED = "Skipped: "


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how many tests of browser/conftest.py were not run, and what to install; pytest prints one s for each."""
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    wanting = Counter(
        reason.removeprefix(SKIPPED) for reason in reasons if "found; install it with" in reason
    )
    for reason, n in wanting.items():
        terminalreporter.write_line(f"{n} browser tests skipped: {reason}", yellow=True)
