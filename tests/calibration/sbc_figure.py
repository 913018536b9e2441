"""The figure and the table of docs/validation.md from what `simulation_based` stored.

`PYTHONPATH=tests python -m calibration.sbc_figure` writes docs/figures/simulation_based.svg and the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from calibration.docs_table import in_markdown, print_table
from calibration.ecdf import EDGES, band
from calibration.simulated_trials import LOG_LIKELIHOOD
from calibration.simulation_based import p_values, stored

FIGURE = Path(__file__).parents[2] / "docs" / "figures" / "simulation_based.svg"
COLUMNS, WIDTH, HEIGHT, GAP, TITLE = 5, 130, 70, 14, 16
LIMIT = 0.16
"""Largest difference of an ECDF from the diagonal that a panel shows."""

LEVEL = 0.95
"""All lines of a panel lie within its band with this probability at least."""

STYLE = """text { font: 10px system-ui, sans-serif; fill: #1d2530 } .band { fill: #dde3ea } .zero { stroke: #95a1af }
polyline { fill: none; stroke: #5b6775; stroke-width: .6; opacity: .7 }
.data { stroke: #c2410c; stroke-width: 1.4; opacity: 1 }
@media (prefers-color-scheme: dark) { text { fill: #dde3ea } .band { fill: #2c343d } polyline { stroke: #95a1af }
.data { stroke: #fb923c } }"""


def ranked(record: Mapping[str, Any]) -> int:
    """Replicates whose ranks were counted."""
    return int(sum(next(iter(record["counts"].values()))))


def figure(records: Mapping[str, Mapping[str, Any]]) -> str:
    """ECDF of the ranks minus the diagonal, a panel for each model."""
    rows = -(-len(records) // COLUMNS)
    width, height = COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + GAP + TITLE) + GAP
    panels = [
        f'<g transform="translate({GAP + i % COLUMNS * (WIDTH + GAP)},{GAP + i // COLUMNS * (HEIGHT + GAP + TITLE)})">'
        f"{panel(name, record)}</g>"
        for i, (name, record) in enumerate(records.items())
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="Ranks of true values among posterior draws: distribution functions minus the diagonal">\n'
        f"<style>{STYLE}</style>\n" + "\n".join(panels) + "\n</svg>\n"
    )


def panel(name: str, record: Mapping[str, Any]) -> str:
    n = ranked(record)
    lower, upper = band(n, 1 - (1 - LEVEL) / len(record["counts"]))
    above, below = (list(zip(EDGES, limit - EDGES, strict=True)) for limit in (upper, lower))
    outline = points([(0.0, 0.0), *above, (1.0, 0.0), *below[::-1]])
    lines = []
    for quantity, counts in record["counts"].items():
        difference = np.cumsum(counts)[:-1] / n - EDGES
        line = points([(0.0, 0.0), *zip(EDGES, difference, strict=True), (1.0, 0.0)])
        kind = ' class="data"' if quantity == LOG_LIKELIHOOD else ""
        lines.append((kind, f'<polyline{kind} points="{line}"/>'))
    middle = TITLE + HEIGHT / 2
    return (
        f'<text y="10">{escape(name)}</text><polygon class="band" points="{outline}"/>'
        f'<line class="zero" x2="{WIDTH}" y1="{middle:g}" y2="{middle:g}"/>'
        + "".join(line for _, line in sorted(lines))
    )


def points(values: list[tuple[float, float]]) -> str:
    return " ".join(
        f"{x * WIDTH:.1f},{TITLE + HEIGHT / 2 * (1 - np.clip(y / LIMIT, -1, 1)):.1f}" for x, y in values
    )


def table(records: Mapping[str, Mapping[str, Any]]) -> str:
    """A row for each model, in Markdown."""
    rows = [
        ["model", "trials", "left to NUTS", "quantities", "least p x quantities", "p of the log-likelihood"]
    ]
    for name, record in records.items():
        p = p_values(record)
        left = len(record["unreliable"]) + len(record["refused"])
        least = min(1.0, min(p.values()) * len(p))
        informed = f"{p[LOG_LIKELIHOOD]:.2g}" if LOG_LIKELIHOOD in p else ""
        rows.append([name, str(record["replicates"]), str(left), str(len(p)), f"{least:.2g}", informed])
    return in_markdown(rows)


if __name__ == "__main__":
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_text(figure(stored()), encoding="utf-8")
    print_table("simulation-based calibration", table(stored()))
