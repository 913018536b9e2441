"""Ask one question of all programs: their answers are compared before their times; results are printed and kept."""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.machine import machine
from harness.measure import BUDGET, MOST, measure
from harness.places import RESULTS, SCRATCH
from harness.program import Program
from harness.tables import Table

SAME = 0.01
"""Log-likelihoods further apart than this are different answers: no inference would notice less."""

MEMORY = ("peak_mb", "base_mb")
"""Figures of a worker that are None where the system does not tell them."""

NEAR, DRAWN = 0.05, 0.15
"""Estimates further apart than this, in standard errors, are different answers; posterior means, in their SDs."""


@dataclass(frozen=True)
class Case:
    """One data set and model, and the programs that are asked; the first one of each `asks` is the yardstick.

    A case of a growth plot has an `axis`, what grows, and `x`, how large it is; a program that took longer than `cut`
    seconds is not asked of a larger one.
    """

    name: str
    programs: tuple[Program, ...]
    table: Table | None = None
    model: str = ""
    note: str = ""
    full: bool = False
    """Only with FULL=1."""
    quick: bool = True
    """Also with --quick."""
    axis: str = ""
    x: float = 0.0
    cut: float = 20.0
    budget: float = BUDGET
    """Seconds of repeats for each program."""


@dataclass(frozen=True)
class Target:
    """A limit that was set before anything was measured; `measured` finds the figure among the results."""

    text: str
    limit: float
    measured: Callable[[Results], float | None]
    """None where the case was not measured, or failed; infinite where what it is measured by is another answer."""
    unit: str = "s"
    why: str = ""
    """Where it is missed: what the profile says, and the floor."""


@dataclass(frozen=True)
class Question:
    name: str
    title: str
    about: str
    """What is asked, and when the clock starts and stops."""
    cases: tuple[Case, ...]
    targets: tuple[Target, ...] = ()


@dataclass
class Results:
    """Rows by case and program."""

    cases: list[dict[str, Any]] = field(default_factory=list)

    def row(self, case: str, program: str, asks: str | None = None) -> dict[str, Any] | None:
        """The first of the program in the case, or its first that asks just this."""
        rows = (row for found in self.cases if found["name"] == case for row in found["rows"])
        of = (row for row in rows if row["program"] == program and asks in (None, row["asks"]))
        return next((row for row in of if "median" in row), None)

    def seconds(self, case: str, program: str, asks: str | None = None) -> float | None:
        row = self.row(case, program, asks)
        return row and row["median"]

    def ratio(self, case: str, program: str, to: str, asks: str | None = None) -> float | None:
        above, below = self.seconds(case, program, asks), self.seconds(case, to, asks)
        return above / below if above is not None and below is not None else None

    def peak(self, case: str, program: str) -> float | None:
        row = self.row(case, program)
        return row["peak_mb"] / 1000 if row and row["peak_mb"] is not None else None

    def apart(self, case: str, program: str) -> float | None:
        """The largest difference from the yardstick: log-likelihood relatively, estimates in SEs, SEs and df."""
        row = self.row(case, program)
        if row is None or row.get("loglik_difference") is None:
            return None
        told = [row.get(f"{name}_difference", 0.0) for name in ("estimate", "se", "df")]
        return None if None in told else max(abs(row["loglik_difference"] / row["loglik"]), *told)


def ask(question: Question) -> None:
    """Run the question as the command line tells: --quick for a look, --full for what takes long."""
    parser = argparse.ArgumentParser(description=question.title)
    parser.add_argument("--quick", action="store_true", help="few repeats, small cases; results are not kept")
    parser.add_argument("--once", action="store_true", help="every program once; results are not kept")
    parser.add_argument("--full", action="store_true", help="also the cases that take many minutes")
    parser.add_argument("--case", help="only cases whose name holds this; results are not kept")
    parser.add_argument("--program", help="only these programs beside msclong; results are not kept")
    chosen = parser.parse_args()
    full = chosen.full or bool(os.environ.get("FULL"))
    most = 0 if chosen.once else 5 if chosen.quick else MOST
    partial = chosen.quick or chosen.once or chosen.case or chosen.program
    file = (SCRATCH / "partial" if partial else RESULTS) / f"{question.name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    results = Results()
    stopped: set[tuple[str, str]] = set()
    print(f"\n{question.title}\n{question.about}")
    for case in question.cases:
        wanted = (case.quick if chosen.quick else full or not case.full) and (chosen.case or "") in case.name
        if not wanted:
            continue
        programs = [
            program
            for program in case.programs
            if ("msclong" in program.packages or (chosen.program or "") in program.name)
            and (case.axis, program.name) not in stopped
        ]
        found = _case(case, programs, most, chosen.quick)
        results.cases.append(found)
        for row in found["rows"]:
            slow = row.get("median", 0) > (case.cut / 10 if chosen.quick else case.cut) or "failed" in row
            if case.axis and slow:
                stopped.add((case.axis, row["program"]))
        file.write_text(_told(question, results))  # after each case: what was measured outlives a later crash
    for target in json.loads(_told(question, results))["targets"]:
        met = {True: "met", False: "MISSED", None: "not measured"}[target["met"]]
        figure = "" if target["measured"] is None else f": {target['measured']:.3g} {target['unit']}"
        print(f"  {met:12s} {target['text']}{figure}")


def _told(question: Question, results: Results) -> str:
    told = {
        "question": question.name,
        "title": question.title,
        "about": question.about,
        "machine": machine(),
        "cases": results.cases,
        "targets": [_judged(target, results) for target in question.targets],
    }
    return json.dumps(told, indent=1, allow_nan=False) + "\n"


def _case(case: Case, programs: list[Program], most: int, quick: bool) -> dict[str, Any]:
    print(f"\n{case.name}{': ' if case.model else ''}{case.model}", flush=True)
    yardsticks: dict[str, dict[str, Any]] = {}
    heads = {program.asks: program.name for program in reversed(case.programs)}
    rows, skipped = [], []
    for program in programs:
        found = measure(program, case.table, case.budget, most, quick)
        if "skipped" in found:
            skipped.append({"program": program.name, "why": found["skipped"]})
            print(f"  {program.name:44s} left out: {found['skipped']}", flush=True)
            continue
        row = _row(program, found, yardsticks)
        if heads[program.asks] == program.name and "median" in row:
            yardsticks[program.asks] = {**row, "answer": found["answer"]}
        rows.append(row)
        print(_line(row), flush=True)
    return {
        "name": case.name,
        "model": case.model,
        "note": case.note,
        "rows": rows,
        "skipped": skipped,
        **({"axis": case.axis, "x": case.x} if case.axis else {}),
    }


def _row(program: Program, found: dict, yardsticks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "program": program.name,
        "asks": program.asks,
        "versions": found["versions"],
        "threads": program.threads,
        "note": program.note,
        "code": program.run.strip(),
    }
    if "failed" in found:
        return {**row, "failed": found["failed"], **({"limit": found["limit"]} if "limit" in found else {})}
    low, median, high = np.percentile(found["seconds"], [25, 50, 75]).tolist()
    row |= {
        "median": median,
        "quartiles": [low, high],
        "repeats": len(found["seconds"]),
        "first": found["first"],
        **{name: megabytes and round(megabytes, 1) for name in MEMORY for megabytes in (found[name],)},
    }
    row |= {"share": program.share} if program.share != 1 else {}
    row |= {"profile": found["profile"]} if "profile" in found else {}
    answer = found["answer"]
    row |= {name: value for name, value in answer.items() if not isinstance(value, list)}
    if answer.get("ess"):
        row["ess_per_second"] = answer["ess"] / median
    yardstick = yardsticks.get(program.asks)
    if yardstick:
        row["ratio"] = median / yardstick["median"]
        first, last = yardstick["quartiles"]
        row["ratio_range"] = [low / last, high / first]
        row |= _apart(answer, yardstick["answer"], program.same)
    return row


def _apart(answer: dict, ours: dict, same: bool) -> dict[str, Any]:
    """How far an answer is from the yardstick's: log-likelihood, estimates in SEs, SEs and df relatively."""
    told: dict[str, Any] = {"same": same}
    if answer.get("loglik") is not None and ours.get("loglik") is not None:
        told["loglik_difference"] = answer["loglik"] - ours["loglik"]
        told["same"] = same and abs(told["loglik_difference"]) <= SAME
    for name, unit in (("estimate", "se"), ("se", "se"), ("df", "df")):
        theirs, mine, scale = (
            np.atleast_1d(np.asarray(one, dtype=float))
            for one in (answer.get(name, []), ours.get(name, []), ours.get(unit, []))
        )
        if theirs.size and theirs.shape == mine.shape == scale.shape:
            both = np.isnan(theirs) & np.isnan(mine)  # infinite df of both
            apart = np.where(both, 0.0, np.abs(theirs - mine) / scale)
            told[f"{name}_difference"] = float(apart.max()) if np.isfinite(apart).all() else None
    apart_by = told.get("estimate_difference", 0.0)
    if apart_by is None or apart_by > (DRAWN if "ess" in ours else NEAR):
        told["same"] = False
    return told


def _judged(target: Target, results: Results) -> dict[str, Any]:
    measured = target.measured(results)
    met = None if measured is None else measured <= target.limit
    return {
        "text": target.text,
        "limit": target.limit,
        "measured": None if measured is None or math.isinf(measured) else measured,
        "unit": target.unit,
        "met": met,
        "why": target.why if met is False else "",
    }


def _line(row: dict[str, Any]) -> str:
    name = row["program"] + (f" ({row['asks']})" if row["asks"] else "")
    if "failed" in row:
        return f"  {name:60s} {row['failed']}"
    spread = "-".join(f"{1e3 * value:.4g}" for value in row["quartiles"])
    line = f"  {name:60s}{1e3 * row['median']:11.4g} ms ({spread}, {row['repeats']} runs)"
    if "ratio" in row:
        low, high = row["ratio_range"]
        line += f"  ratio {row['ratio']:.3g} ({low:.3g}-{high:.3g})"
    line += f"  {row['peak_mb']:.0f} MB" if row["peak_mb"] is not None else ""
    if "loglik" in row:
        line += f"  log-likelihood {row['loglik']:.5f}"
    if "loglik_difference" in row:
        line += f" ({row['loglik_difference']:+.1e}{'' if row['same'] else ', ANOTHER ANSWER'})"
    if "ess_per_second" in row:
        line += f"  {row['ess_per_second']:.4g} effective draws a second"
    for name in ("estimate", "se", "df"):
        if row.get(f"{name}_difference") is not None:
            line += f"  {name} {row[f'{name}_difference']:.0e}"
    return line
