"""Install the peers of peers.txt, each into an environment of its own: python benchmarks/harness/peers.py."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "build" / "peers"
READING = ("pandas==3.1.1", "pyarrow==26.0.1")
"""What worker.py reads tables with."""


def main() -> None:
    lines = (ROOT / "benchmarks" / "peers.txt").read_text().splitlines()
    for requirement in (line.strip() for line in lines if line.strip() and not line.startswith("#")):
        name = requirement.partition("==")[0]
        python = PEERS / name / "bin" / "python"
        if python.exists():
            continue
        print(f"installing {requirement}", flush=True)
        venv.create(PEERS / name, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", requirement, *READING]
        if subprocess.run(command, check=False).returncode != 0:
            python.unlink()
            print(f"{requirement} could not be installed: it will be left out", file=sys.stderr)


if __name__ == "__main__":
    main()
