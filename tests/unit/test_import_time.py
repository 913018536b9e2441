"""`import msclong` is quick, because nothing heavy comes with it."""

import subprocess
import sys

IMPORT = "from time import perf_counter as t; a = t(); import msclong; b = t(); import sys"
HEAVY = {"pymc", "arviz", "statsmodels", "numba", "matplotlib", "pytensor", "nutpie"}


def run(then: str) -> str:
    command = [sys.executable, "-c", f"{IMPORT}; {then}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_import_takes_less_than_half_a_second():
    assert min(float(run("print(b - a)")) for _ in range(3)) < 0.5


def test_import_brings_nothing_heavy():
    assert HEAVY & set(run("print(*sys.modules)").split()) == set()
