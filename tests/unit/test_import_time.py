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


def test_a_frequentist_fit_and_its_answers_bring_nothing_heavy():
    fit = "f = msclong.fit('Reaction ~ Days + (1 + Days | Subject)', msclong.datasets.sleepstudy())"
    answers = "f.coefficients(); f.contrasts(); f.summary()"
    loaded = set(run(f"{fit}; {answers}; print(*sys.modules)").split())
    assert (HEAVY | {"scipy.stats", "scipy.spatial", "scipy.optimize"}) & loaded == set()
