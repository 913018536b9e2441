"""Where things are, and the interpreters of the peers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "benchmarks" / "harness"
RESULTS = ROOT / "benchmarks" / "results"
SCRATCH = ROOT / "build" / "bench"
PEERS = ROOT / "build" / "peers"

VERSIONS = """
import json, sys
from importlib.metadata import version
def told(name):  # msclong is run from src, installed or not
    return __import__(name).__version__ if name == "msclong" else version(name)
print(json.dumps([told(name) for name in sys.argv[1:]]))
"""


def interpreter(environment: str) -> str:
    """The Python of a peer that `peers.py` installed, or this one."""
    return str(PEERS / environment / "bin" / "python") if environment else sys.executable


def threads(count: int, language: str = "python") -> dict[str, str]:
    """The environment of a child: so many threads for BLAS, OpenMP, numba and rayon; R's BLAS where R_BLAS tells."""
    names = ("OPENBLAS", "OMP", "MKL", "NUMBA", "RAYON", "POLARS")
    fixed = {f"{name}_{'MAX' if name == 'POLARS' else 'NUM'}_THREADS": str(count) for name in names}
    fixed |= {"OMP_THREAD_LIMIT": str(count), "R_DATATABLE_NUM_THREADS": str(count)}
    if language == "r" and (blas := os.environ.get("R_BLAS")):
        fixed["LD_PRELOAD"] = blas
    paths = [str(ROOT / "src"), str(ROOT / "benchmarks")]
    return {**os.environ, **fixed, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore"}


@cache
def missing(language: str, environment: str, packages: tuple[str, ...]) -> str | None:
    """Why a program cannot run here; None where it can."""
    if language == "r":
        if shutil.which("Rscript") is None:
            return "there is no Rscript here"
        absent = [package for package in packages if package not in r_packages()]
        return f"R's {', '.join(absent)} is not installed here" if absent else None
    if not Path(interpreter(environment)).exists():
        return f"{environment} is not installed in build/peers (python benchmarks/harness/peers.py)"
    if packages and versions(environment, packages) is None:
        return f"{', '.join(packages)} is not installed here"
    return None


@cache
def versions(environment: str, packages: tuple[str, ...]) -> dict[str, str] | None:
    """Of Python packages, by their names on PyPI."""
    command = [interpreter(environment), "-c", VERSIONS, *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=threads(1))
    return dict(zip(packages, json.loads(done.stdout), strict=True)) if done.returncode == 0 else None


@cache
def r_packages() -> dict[str, str]:
    """Installed packages and their versions, R itself and its BLAS among them."""
    code = (
        'p <- installed.packages()[, "Version"]; cat(paste(names(p), p), sep = "\\n");'
        'cat("\\nR", paste(R.version$major, R.version$minor, sep = "."),'
        '"\\nBLAS", sub(".*/(.*/.*)", "\\\\1", extSoftVersion()[["BLAS"]]), "\\n")'
    )
    done = subprocess.run(
        ["Rscript", "-e", code], capture_output=True, text=True, check=False, env=threads(1, "r")
    )
    return dict(line.split()[:2] for line in done.stdout.splitlines() if len(line.split()) == 2)
