"""The child process of one Python program: reads the table, prepares, times, and prints one line of JSON.

Run as `python worker.py folder data budget most`: the folder holds prepare.py, run.py and answer.py. It imports
nothing of msclong or of the harness, for a peer's interpreter has neither.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import signal
import sys
import time
from collections import Counter
from pathlib import Path

PATIENCE = 8.0
"""Seconds; what takes longer is run once, its first run being its figure; repeats take no longer either."""


def memory(key: str) -> float:
    """Megabytes of this process: VmRSS, in memory now, or VmHWM, the most so far."""
    try:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(key)) / 1024
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_peak() -> None:
    """VmHWM begins again at VmRSS: what reading the table took is no part of the program's peak."""
    with contextlib.suppress(OSError):  # no Linux, or not allowed: the peak includes the reading
        Path("/proc/self/clear_refs").write_text("5")


def finite(value: object) -> object:
    """`value` with None for what JSON has no number for, arrays as lists."""
    value = getattr(value, "tolist", lambda: value)()
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    if isinstance(value, (str, int)) or value is None:
        return value
    return number if math.isfinite(number := float(value)) else None


def tell(found: dict) -> None:
    print("\n" + json.dumps(finite(found), allow_nan=False), flush=True)


def profile(code, space: dict, seconds: float) -> dict[str, float]:
    """Share of the time spent under each package of msclong (and what it called), seen by an interval timer.

    A sample counts as long as it took to come, because Python's signals wait for a call into C to end.
    """
    spent: Counter[str] = Counter()
    last = time.perf_counter()

    def look(_signal, frame) -> None:
        nonlocal last
        now = time.perf_counter()
        while frame is not None:
            module = frame.f_globals.get("__name__", "")
            if module.startswith("msclong."):
                spent[".".join(module.split(".")[1:])] += now - last
                break
            frame = frame.f_back
        last = time.perf_counter()

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    started = last = time.perf_counter()
    while time.perf_counter() - started < seconds:
        exec(code, space)
    signal.setitimer(signal.ITIMER_REAL, 0)
    total = sum(spent.values())
    return {name: round(value / total, 3) for name, value in spent.most_common(8)} if total else {}


def main(folder: str, data: str, budget: str, most: str, *flags: str) -> None:
    space: dict = {"path": data}
    if "load" in flags:
        import pandas as pd

        space["table"] = pd.read_parquet(data)
    code = {name: (Path(folder) / f"{name}.py").read_text() for name in ("prepare", "run", "answer")}
    exec(compile(code["prepare"], "prepare", "exec"), space)
    run = compile(code["run"], "run", "exec")
    gc.collect()
    forget_peak()
    base = memory("VmRSS")
    started = time.perf_counter()
    exec(run, space)
    first = time.perf_counter() - started
    peak = memory("VmHWM")
    answer = eval(code["answer"], space)
    found = {"answer": answer, "seconds": [first], "first": first, "base_mb": base, "peak_mb": peak}
    tell(found)  # stands where the process is ended during its repeats
    again = first < PATIENCE and int(most) > 0
    seconds = [] if again else [first]
    begun = time.perf_counter()
    while again and len(seconds) < int(most):
        started = time.perf_counter()
        exec(run, space)
        ended = time.perf_counter()
        seconds.append(ended - started)
        if ended - begun > (float(budget) if len(seconds) >= 3 else PATIENCE):
            break
    found["seconds"] = seconds
    if "profile" in flags:
        found["profile"] = profile(run, space, min(float(budget), 2.0))
    tell(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
