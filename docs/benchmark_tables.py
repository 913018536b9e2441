"""benchmarks/results/*.json, which `make bench` writes, as tables and plots of the page Benchmarks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from IPython.display import HTML

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"

QUESTIONS = (
    "mmrm",
    "random_slopes",
    "crossed",
    "million",
    "stream",
    "many_outcomes",
    "power",
    "federated",
    "bayesian",
    "first_touch",
    "growth",
)
"""In the order of the page."""

DF = 0.05
"""Degrees of freedom that differ by more than this part are another test, and said so."""

LESS = 50.0
"""Megabytes by which a program needs less memory, to be named."""

NOTHING = "<p>Nothing has been measured yet: run <code>make bench</code>.</p>"


def results(question: str) -> dict[str, Any] | None:
    """What was measured; None before `make bench` was run. BENCH_RESULTS names another folder to look at."""
    file = Path(os.environ.get("BENCH_RESULTS", RESULTS)) / f"{question}.json"
    return json.loads(file.read_text()) if file.exists() else None


def measured() -> Iterator[dict[str, Any]]:
    """All questions that have results."""
    yield from (found for name in QUESTIONS if (found := results(name)))


def machines() -> HTML:
    """On what, with what and when everything was measured."""
    told = []
    for found in measured():
        on = found["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in on["versions"].items())
        line = (
            f"{on['date']}, {on['processor']}, {on['cores']} cores, {on['memory_gb']:.0f} GB, {on['system']}; Python "
            f"{on['python']} with {on['blas']}, {versions}"
        )
        if on.get("r"):
            line += f"; R {on['r']} with {on['r_blas']}"
        if on.get("commit"):
            line += f"; commit {on['commit']}"
        told.append((line, found["title"]))
    if not told:
        return HTML(NOTHING)
    lines = dict.fromkeys(line for line, _ in told)
    if len(lines) == 1:
        return HTML(f"<p>{escape(next(iter(lines)))}.</p>")
    each = ((line, ", ".join(title for other, title in told if other == line)) for line in lines)
    return HTML(
        "<ul>" + "".join(f"<li>{escape(titles)}: {escape(line)}.</li>" for line, titles in each) + "</ul>"
    )


def targets() -> HTML:
    """Every limit that was set before anything was measured; of those missed, where the time goes."""
    rows = []
    for found in measured():
        for target in found["targets"]:
            unit = target["unit"]
            figures = [_amount(target[which], unit) for which in ("limit", "measured")]
            word = {True: "met", False: "<strong>missed</strong>", None: "not measured"}[target["met"]]
            rows.append([escape(target["text"]), *figures, word])
            if target["why"]:
                rows.append([f"<em>{escape(target['why'])}</em>"])
    return _table(["", "limit", "measured", ""], rows) if rows else HTML(NOTHING)


def hungrier() -> HTML:
    """Every program that gave the same answer in much less memory than msclong's first row of the question."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for found in measured():
        for case in found["cases"]:
            for row in case["rows"]:
                ours = next((r for r in case["rows"] if r["asks"] == row["asks"] and "peak_mb" in r), None)
                if ours is None or "ratio" not in row or not row["same"] or row["peak_mb"] is None:
                    continue
                if row["peak_mb"] + LESS < (ours["peak_mb"] or 0):
                    told = f"{_named(row)}: {row['peak_mb']:,.0f} MB, msclong {ours['peak_mb']:,.0f} MB"
                    rows.setdefault((found["title"], case["name"], row["asks"]), []).append(told)
    return _listed(rows, "program: its peak memory")


def losses() -> HTML:
    """Every program that gave the same answer to the same question in less time than msclong."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for found in measured():
        for case in found["cases"]:
            for row in case["rows"]:
                if (
                    row.get("ratio", 1) < 1
                    and row["same"]
                    and not row["program"].startswith(("msclong", "python"))
                ):
                    where = found["title"], case["name"], row["asks"]
                    rows.setdefault(where, []).append(f"{_named(row)}: {_ratio(row)}")
    return _listed(rows, "program: its time over msclong's")


def _listed(rows: dict[tuple[str, str, str], list[str]], heading: str) -> HTML:
    """Lines about programs, by question, case and what was asked."""
    if not rows:
        return HTML("<p>None.</p>" if any(measured()) else NOTHING)
    told = [
        [
            escape(f"{title}, {case}: {asks}"),
            f'<div style="text-align: left">{"<br>".join(map(escape, lines))}</div>',
        ]
        for (title, case, asks), lines in rows.items()
    ]
    return _table(["", heading], told)


def shown(question: str) -> HTML:
    """The tables of one question, and the code that was timed."""
    found = results(question)
    if found is None:
        return HTML(f"<p>Not measured yet: <code>make bench ONLY={question}</code>.</p>")
    tables = "".join(_case(case) for case in found["cases"] if "axis" not in case)
    return HTML(f"<p>{escape(found['about'])}</p>{tables}{_code(found)}")


def _case(case: dict[str, Any]) -> str:
    heading = f"<p><strong>{escape(case['name'])}</strong>"
    if case["model"]:
        heading += f" <code>{escape(case['model'])}</code>"
    if case["note"]:
        heading += f"<br>{escape(case['note'])}"
    told = case["rows"]
    keys = {
        "ess_per_second": "draws a second",
        "loglik": "log-likelihood",
        "estimate_difference": "estimates, SE",
    }
    last = next((key for key in keys if any(key in row for row in told)), "")
    columns = ["", "median", "quartiles", "ratio", "MB"]
    sent = any("bytes" in row for row in told)
    columns += ([keys[last]] if last else []) + (["kB sent"] if sent else [])
    rows: list[Sequence[str]] = []
    asked = None
    for row in told:
        if row["asks"] != asked:
            asked = row["asks"]
            if asked:
                rows.append([f"<em>{escape(asked)}</em>"])
        rows.append([*_row(row, last), *([f"{row['bytes'] / 1000:,.0f}"] if "bytes" in row else [])])
    notes: dict[str, dict[str, None]] = {}
    for row in told:
        if row["note"]:
            notes.setdefault(row["note"], {})[row["program"]] = None
    for one in case["skipped"]:
        notes.setdefault(f"left out, for {one['why']}", {})[one["program"]] = None
    small = "".join(f"<br>{escape(', '.join(names))}: {escape(note)}." for note, names in notes.items())
    profile = _profile(told)
    return heading + "</p>" + _table(columns, rows).data + (f"<p><small>{profile}{small}</small></p>")


def _row(row: dict[str, Any], last: str) -> Sequence[str]:
    if "failed" in row:
        return [escape(_named(row)), escape(row["failed"])]
    quartiles = _range(*row["quartiles"]) if row["repeats"] > 1 else "one run"
    memory = "" if row["peak_mb"] is None else f"{row['peak_mb']:,.0f}"
    cells = [escape(_named(row)), _seconds(row["median"]), quartiles, _ratio(row), memory]
    return [*cells, _agreement(row, last)] if last else cells


def _agreement(row: dict[str, Any], key: str) -> str:
    """The last cell: msclong's log-likelihood, a peer's difference from it, in bold where it is another answer."""
    if key == "ess_per_second":
        return f"{row[key]:,.0f}"
    if key == "loglik" and key in row and "loglik_difference" not in row:
        return _minus(f"{row[key]:,.4f}")
    apart = row.get("loglik_difference" if key == "loglik" else key)
    if apart is None:
        return ""
    told = "0" if apart == 0 else _minus(f"{apart:+.0e}" if key == "loglik" else f"{apart:.0e}")
    if not row["same"]:
        return f"<strong>{told}</strong>"
    df = row.get("df_difference")
    return told if df is None or df <= DF else f"{told}; <strong>df by {df:.0%}</strong>"


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _profile(rows: list[dict[str, Any]]) -> str:
    """Where the time of msclong's first row that was looked at goes."""
    row = next((row for row in rows if row.get("profile")), None)
    if row is None:
        return ""
    shares = ", ".join(f"{name} {share:.0%}" for name, share in list(row["profile"].items())[:5])
    return f"Where {escape(row['program'])}'s time goes: {escape(shares)}."


def _code(found: dict[str, Any]) -> str:
    """The timed lines of every program, once each."""
    seen = {
        f"{row['program']}{': ' if row['asks'] else ''}{row['asks']}": row["code"]
        for case in reversed(found["cases"])
        for row in case["rows"]
    }
    parts = "".join(
        f"<p><small>{escape(name)}</small></p><pre>{escape(code)}</pre>"
        for name, code in reversed(seen.items())
    )
    return f"<details><summary>The code that was timed</summary>{parts}</details>"


def _named(row: dict[str, Any]) -> str:
    versions = [version for name, version in row["versions"].items() if name != "msclong"]
    return f"{row['program']} {', '.join(versions)}".strip()


def _ratio(row: dict[str, Any]) -> str:
    if "ratio" not in row:
        return ""
    low, high = row["ratio_range"]
    return f"{_digits(row['ratio'])} ({_digits(low)} to {_digits(high)})"


def _digits(value: float) -> str:
    """Two significant digits, without an exponent."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _seconds(value: float) -> str:
    if value < 1:
        return f"{1000 * value:.3g} ms"
    return (
        f"{value:.3g} s"
        if value < 120
        else f"{value / 60:,.3g} min"
        if value < 7200
        else f"{value / 3600:,.3g} h"
    )


def _range(low: float, high: float) -> str:
    """Two durations, the unit said once where it is the same."""
    (first, unit), (last, other) = (_seconds(value).split() for value in (low, high))
    return f"{first} to {last} {unit}" if unit == other else f"{first} {unit} to {last} {other}"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "s":
        return _seconds(value)
    return _minus(f"{value:.3g}") + (f" {unit}" if unit else "")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> HTML:
    """A table whose first cell of each row is its heading; a row of fewer cells runs across the rest."""
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = ""
    for first, *rest in rows:
        span = len(columns) - len(rest)
        heading = f'<th style="white-space: normal; min-width: 12em">{first}</th>'
        if len(rest) + 1 == len(columns):
            cells = "".join(f"<td>{cell}</td>" for cell in rest)
            body += f"<tr>{heading}{cells}</tr>"
        elif rest:
            style = "text-align: left; white-space: normal"
            body += f'<tr>{heading}<td colspan="{span}" style="{style}">{rest[0]}</td></tr>'
        else:
            body += f'<tr><th colspan="{len(columns)}" style="white-space: normal">{first}</th></tr>'
    return HTML(
        f'<table style="font-size: 0.8125rem"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )
