"""Timings belong to benchmarks/: no test reads a clock but the one of import time, which is a promise."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
MAY = {"test_import_time.py", "simulated_trials.py", Path(__file__).name}
"""Of these the second tells how long a calibration took, and asserts nothing of it."""


def test_no_test_reads_a_clock():
    clock = re.compile(r"perf_counter|process_time|time\.time\(|monotonic\(|timeit")
    reading = [
        path.name
        for path in TESTS.rglob("*.py")
        if path.name not in MAY and clock.search(path.read_text("utf-8"))
    ]
    assert reading == []
