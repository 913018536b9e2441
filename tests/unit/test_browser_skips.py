"""A run without a browser says how many tests it left out, though workers ran them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_run_by_workers_tells_of_skipped_browser_tests(tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # No browser is on this PATH; what is skipped needs no report.
    run = subprocess.run(
        [*command, "tests/browser/test_reports.py", "-k", "loads_quietly"],
        cwd=ROOT,
        env=own | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert (
        "3 browser tests skipped: no Chromium found; install it with 'apt-get install chromium'" in run.stdout
    )
