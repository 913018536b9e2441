"""What a figure was measured on, and when."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path

from harness.places import ROOT, r_packages, versions

OURS = ("msclong", "numpy", "scipy", "pandas", "patsy", "numba", "polars", "pyarrow")


@cache
def machine() -> dict[str, object]:
    """Processor, cores, memory, system, versions, commit and day."""
    told: dict[str, object] = {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "blas": python_blas(),
        "versions": {name: found[name] for name in OURS if (found := versions("", (name,)))},
        "commit": commit(),
    }
    if shutil.which("Rscript"):
        told |= {"r": r_packages().get("R"), "r_blas": r_packages().get("BLAS")}
    return told


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def python_blas() -> str:
    import numpy  # noqa: F401
    from threadpoolctl import threadpool_info

    found = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return f"{found[0]['internal_api']} {found[0]['version']}" if found else "unknown"


def commit() -> str:
    """The commit that is checked out, with + where files differ from it; '' outside a repository."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run(
        [*git, "status", "--porcelain", "src"], capture_output=True, text=True, check=False
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
