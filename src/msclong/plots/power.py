"""Power against the number of subjects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from msclong.plots.style import (
    INK,
    MUTED,
    PAPER,
    WIDTH,
    colour,
    journal,
    line,
    marker,
    within,
)
from msclong.plots.svg import tipped

LABEL = 8.5
"""Points of the names at the ends of the lines."""

MOST_LABEL = 1.5
"""Inches that the names may take."""


@journal
def power_curves(
    table: pd.DataFrame, wanted: float | None, trials: int, width: float = WIDTH, height: float = 3.0
) -> Figure:
    """A line each contrast with the limits of the simulation, named at its right end.

    table : indexed by n first, with columns contrast, power, lower, upper. wanted : a power to be marked, if any.
    trials : simulated for each n. width, height : inches.
    """
    figure = Figure(figsize=(width, height))
    axes = figure.subplots()
    sizes = np.unique(table.index.get_level_values(0))
    names = list(dict.fromkeys(table["contrast"]))
    ends = []
    for i, name in enumerate(names):
        rows = table[table["contrast"] == name]
        n = rows.index.get_level_values(0).to_numpy()
        axes.fill_between(n, rows["lower"], rows["upper"], color=colour(i), alpha=0.18, linewidth=0)
        (dots,) = axes.plot(
            n, rows["power"], color=colour(i), linestyle=line(i // 7), marker=marker(i), markersize=4,
            markerfacecolor=PAPER,
        )  # fmt: skip
        tipped(
            dots,
            [
                f"{name}, n = {size}\npower {power:.3f} ({lower:.3f} to {upper:.3f})"
                for size, power, lower, upper in zip(
                    n, rows["power"], rows["lower"], rows["upper"], strict=True
                )
            ],
        )
        ends.append(float(rows["power"].iloc[-1]))
    if wanted is not None:
        axes.axhline(wanted, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set_ylim(0, 1.02)
    axes.set_yticks(np.unique([*np.arange(0, 1.01, 0.2).round(1), *([] if wanted is None else [wanted])]))
    axes.set_xticks(sizes if len(sizes) <= 8 else sizes[:: int(np.ceil(len(sizes) / 8))])
    axes.set_xlabel("Subjects who start")
    axes.set_ylabel("Power")
    shown = [within(name, min(MOST_LABEL, 0.35 * width), LABEL, most=3) for name in names]
    # Lines of type in the units of the axis.
    tall = LABEL * 1.25 / 72 / (0.72 * height)
    places = _apart(np.array(ends), tall * np.array([text.count("\n") + 1 for text in shown]))
    for i, (text, end, place) in enumerate(zip(shown, ends, places, strict=True)):
        axes.annotate(
            text, (float(sizes[-1]), end), xytext=(1.04, place), textcoords=axes.get_yaxis_transform(),
            va="center", fontsize=LABEL, color=INK, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour(i), "linewidth": 0.8, "shrinkA": 1, "shrinkB": 3},
        )  # fmt: skip
    return figure


def _apart(wanted: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Centres as near to `wanted` as texts of these heights can stand without meeting, between 0 and 1.02."""
    order = np.argsort(wanted, kind="stable")
    tall = heights[order]
    steps = np.r_[0.0, np.cumsum((tall[1:] + tall[:-1]) / 2)]
    # Distances of at least these are an ascending order of what is left without them.
    near = isotonic_regression(wanted[order] - steps).x
    low, high = tall[0] / 2, 1.02 - tall[-1] / 2 - steps[-1]
    result = np.empty_like(steps)
    result[order] = near.clip(low, max(low, high)) + steps
    return result
