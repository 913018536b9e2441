"""The page Benchmarks tells what its results hold: losses and other answers included."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def tables(monkeypatch, tmp_path):
    """docs/benchmark_tables.py, reading `tmp_path`."""
    pytest.importorskip("IPython")
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path))
    spec = importlib.util.spec_from_file_location("benchmark_tables", DOCS / "benchmark_tables.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def row(program, median, **more):
    told = {
        "program": program,
        "asks": "fit",
        "versions": {program: "1.2"},
        "note": "",
        "code": f"fit = {program}(y)",
        "median": median,
        "quartiles": [0.9 * median, 1.1 * median],
        "repeats": 5,
        "peak_mb": 100.0,
        "same": True,
    }
    return told | more


def kept(folder, *rows):
    case = {"name": "10 x 2", "model": "y ~ t", "note": "", "rows": list(rows), "skipped": []}
    target = {"text": "10 x 2", "limit": 0.01, "measured": 0.02, "unit": "s", "met": False, "why": "a floor"}
    told = {"title": "MMRM", "about": "A <question>.", "cases": [case], "targets": [target]}
    (folder / "mmrm.json").write_text(json.dumps(told))


def test_losses_and_other_answers_are_told(tables, tmp_path):
    compared = {"ratio_range": [0.4, 0.6], "loglik": -10.0}
    kept(
        tmp_path,
        row("msclong", 0.02, loglik=-10.0),
        row("quicker", 0.01, ratio=0.5, loglik_difference=1e-9, **compared),
        row("elsewhere", 0.01, ratio=0.5, loglik_difference=-0.3, **compared | {"same": False}),
        {**row("refusing", 1.0), "failed": "no such model"},
    )
    assert "quicker 1.2: 0.5 (0.4 to 0.6)" in tables.losses().data
    assert "elsewhere" not in tables.losses().data
    shown = tables.shown("mmrm").data
    assert "A &lt;question&gt;." in shown
    assert "<strong>\N{MINUS SIGN}3e\N{MINUS SIGN}01</strong>" in shown
    assert "no such model" in shown
    assert "18 to 22 ms" in shown
    assert "<strong>missed</strong>" in tables.targets().data
    assert "a floor" in tables.targets().data


def test_a_target_that_was_not_measured_stays_on_the_page(tables, tmp_path):
    missing = {
        "text": "50 million rows",
        "limit": 2.0,
        "measured": None,
        "unit": "GB",
        "met": None,
        "why": "",
    }
    (tmp_path / "stream.json").write_text(json.dumps({"cases": [], "targets": [missing]}))
    assert "50 million rows" in tables.targets().data
    assert "not measured" in tables.targets().data


def test_what_was_not_measured_is_said(tables):
    assert "make bench ONLY=power" in tables.shown("power").data
    assert tables.machines().data == tables.targets().data == tables.losses().data
    assert "Nothing has been measured" in tables.losses().data


def test_that_no_program_was_faster_is_said(tables, tmp_path):
    kept(tmp_path, row("msclong", 0.01), row("slower", 0.02, ratio=2.0, ratio_range=[1.8, 2.2]))
    assert "None" in tables.losses().data


def test_other_df_and_less_memory_are_told(tables, tmp_path):
    compared = {"ratio": 2.0, "ratio_range": [1.9, 2.1], "loglik": -10.0, "loglik_difference": 0.0}
    kept(
        tmp_path,
        row("msclong", 0.02, loglik=-10.0, peak_mb=400.0),
        row("lean", 0.04, df_difference=0.01, **compared),
        row("crude", 0.04, df_difference=4.2, peak_mb=390.0, **compared),
    )
    shown = tables.shown("mmrm").data
    assert "df by 420%" in shown
    assert "df by 1%" not in shown
    assert "lean 1.2: 100 MB, msclong 400 MB" in tables.hungrier().data
    assert "crude" not in tables.hungrier().data
