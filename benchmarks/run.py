"""Ask all questions, or those named: python benchmarks/run.py [mmrm power ...]; `make bench` calls it.

Each script runs in a process of its own; one that fails is told at the end, and does not stop the others. FULL=1 adds
what takes many minutes. BENCH_RESUME=1 takes again what was measured before on the same data by the same code.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    scripts = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    names = sys.argv[1:] or list(scripts)
    if unknown := [name for name in names if name not in scripts]:
        raise SystemExit(f"There is no {', '.join(unknown)}; the questions are {', '.join(scripts)}.")
    settings = {**os.environ, "PYTHONPATH": str(HERE.parent / "src")}
    failed = [
        name
        for name in names
        if subprocess.run([sys.executable, scripts[name]], env=settings, check=False).returncode
    ]
    if failed:
        raise SystemExit(f"Failed: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
