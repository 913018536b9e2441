"""Half-eyes: posterior densities with their estimates and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from msclong.plots.style import INK, MUTED, PAPER, WIDTH, colour, journal, within, wrapped
from msclong.plots.svg import tipped
from msclong.printing import numbers

GRID = 160
"""Points at which a density is drawn."""

ROW = 0.44
"""Inches of one row."""


def density(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where and how high: a Gaussian kernel density (Scott's bandwidth) between the 0.1 % and 99.9 % quantiles.

    A constant has no density; its two arrays are empty.
    """
    flat = np.asarray(values, dtype=float).reshape(-1)
    if flat.std() <= 1e-12 * max(1.0, float(np.abs(flat).max())):
        return np.empty(0), np.empty(0)
    low, high = np.quantile(flat, (0.001, 0.999))
    x = np.linspace(low, high, GRID)
    return x, gaussian_kde(flat)(x)


@journal
def half_eye(
    draws: Mapping[str, np.ndarray],
    table: pd.DataFrame,
    decimals: int,
    title: str,
    null: float = 0,
    margin: float | None = None,
) -> Figure:
    """A row for each row of `table`: a posterior's density, its 50 % (thick) and 95 % interval, and its estimate.

    draws : of any shape by label, for the densities alone. table : label, estimate, lower_50, upper_50, lower, upper;
    what is told of them has so many `decimals`.
    title : of the horizontal axis. null : the value of no effect, a line; margin : the one that matters, dashed.
    Densities are scaled to one height, so that the rows are told apart by their place and width.
    """
    figure = Figure(figsize=(WIDTH, 0.62 + ROW * len(table)))
    axes = figure.subplots()
    row: Any
    for y, row in enumerate(table.itertuples()):
        x, height = density(draws[row.label])
        if len(x):
            axes.fill_between(x, y - 0.12, y - 0.12 - 0.7 * height / height.max(), facecolor=colour(0), alpha=0.3,
                              edgecolor=colour(0), linewidth=0.8)  # fmt: skip
        axes.plot([row.lower, row.upper], [y, y], color=INK, linewidth=1.0)
        axes.plot([row.lower_50, row.upper_50], [y, y], color=INK, linewidth=3.2, solid_capstyle="butt")
        (estimate,) = axes.plot(
            row.estimate, y, "o", color=INK, markersize=5.0, markerfacecolor=PAPER, markeredgewidth=1.2
        )
        half, whole = (
            numbers.interval(*ends, decimals)
            for ends in ((row.lower_50, row.upper_50), (row.lower, row.upper))
        )
        tipped(
            estimate,
            [
                f"{row.label}\n{numbers.fixed(row.estimate, decimals)}\n50% interval {half}\n95% interval {whole}"
            ],
        )
    axes.axvline(null, color=MUTED, linewidth=0.8, zorder=0)
    if margin is not None:
        axes.axvline(margin, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set_yticks(range(len(table)), [within(label, 1.9, 8.5, most=3) for label in table["label"]])
    axes.set_ylim(len(table) - 0.6, -1.0)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(wrapped(title, 60))
    return figure
