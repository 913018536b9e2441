"""Run one program in a process of its own and read what it measured."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from harness.places import HARNESS, ROOT, SCRATCH, interpreter, missing, r_packages, threads, versions
from harness.program import Program
from harness.tables import Table, UnavailableError

BUDGET = 2.0
"""Seconds of repeats of one program, after its first run; at least three repeats."""
MOST = 40
"""Repeats."""


def measure(
    program: Program, table: Table | None, budget: float, most: int = MOST, quick: bool = False
) -> dict:
    """What the worker found: answer, seconds of each repeat, seconds of the first, memory; or why there is none.

    most : repeats at most; 0: its first run is all. quick : a sixth of the repeats' time, a quarter of the patience.
    With BENCH_RESUME set, what the same program was measured to take on the same data before is taken again.
    """
    why = missing(program.language, program.environment, program.packages)
    if why:
        return {"skipped": why}
    suffix = {"python": "py", "r": "R"}[program.language]
    try:
        data = table.file("csv" if program.language == "r" else "parquet") if table else ""
    except UnavailableError as error:
        return {"skipped": str(error)}
    settings = [str(budget / 6 if quick else budget), str(most)]
    flags = [flag for flag in ("load", "profile") if getattr(program, flag) and (table or flag != "load")]
    kept = SCRATCH / "measured" / f"{_key(program, table, settings)}.json"
    if os.environ.get("BENCH_RESUME") and kept.exists():
        return json.loads(kept.read_text())
    with tempfile.TemporaryDirectory() as folder:
        for part in ("prepare", "run", "answer"):
            (Path(folder) / f"{part}.{suffix}").write_text(getattr(program, part))
        start = (
            [interpreter(program.environment)] if program.language == "python" else ["Rscript", "--vanilla"]
        )
        command = [*start, str(HARNESS / f"worker.{suffix}"), folder, str(data), *settings, *flags]
        found = _child(
            command,
            threads(program.threads, program.language),
            program.limit * (0.25 if quick else 1),
        )
    if "answer" in found:
        found["seconds"] = [seconds / program.share for seconds in found["seconds"]]
        found["first"] /= program.share
    found["versions"] = _versions(program)
    if "answer" in found or "limit" in found:  # what crashed is tried again
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found))
    return found


def _child(command: list[str], environment: dict[str, str], limit: float) -> dict:
    """What the child told last; its whole process group is ended where it takes longer than `limit`."""
    child = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        told, wrong = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        told, _ = child.communicate()
        return _last(told) or {"failed": f"not done after {limit:,.0f} s", "limit": limit}
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        raise
    if child.returncode != 0:
        return {"failed": _reason(wrong) if child.returncode > 0 else f"ended by signal {-child.returncode}"}
    return _last(told) or {"failed": "ended without an answer"}


def _last(told: str) -> dict | None:
    """The last line that is a worker's JSON: after the first run there is one, after the repeats another."""
    for line in reversed(told.splitlines()):
        if line.startswith('{"answer"'):
            try:
                return json.loads(line)
            except ValueError:
                continue  # cut off
    return None


def _reason(wrong: str) -> str:
    """The error message of Python, its last line, or of R, from `Error` on."""
    lines = [line.strip() for line in wrong.splitlines() if line.strip()] or ["stopped without a word"]
    at = next((i for i, line in enumerate(lines) if line.startswith("Error")), len(lines) - 1)
    kept = [line for line in lines[at:] if not line.startswith(("Calls:", "Execution halted"))]
    return " ".join(kept)[:300]


def _versions(program: Program) -> dict[str, str]:
    if program.language == "r":
        return {package: r_packages()[package] for package in program.packages}
    return versions(program.environment, program.packages) or {}


def _key(program: Program, table: Table | None, settings: list[str]) -> str:
    """Of all that a measurement depends on: the program, its data, and msclong's files where it runs them."""
    parts = [repr(program), repr(table), repr(settings), repr(_versions(program))]
    if "msclong" in program.packages:
        parts.append(_source())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


@cache
def _source() -> str:
    found = hashlib.sha256()
    for file in sorted((ROOT / "src" / "msclong").rglob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()
