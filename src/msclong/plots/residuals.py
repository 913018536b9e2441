"""Scaled residuals: against the normal distribution, against fitted values, and by visit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtri

from msclong.plots.style import INK, MUTED, WIDTH, capitalised, colour, journal
from msclong.plots.trajectories import evenly

MOST_POINTS = 1000
"""More residuals than this are thinned in the drawing: evenly in rank in the QQ plot, so the tails stay."""


def normal_quantiles(values: np.ndarray) -> pd.DataFrame:
    """Sorted `values` with the normal quantiles they would have, at (i - 3/8) / (n + 1/4) (Blom 1958)."""
    n = len(values)
    return pd.DataFrame(
        {"normal": ndtri((np.arange(1, n + 1) - 0.375) / (n + 0.25)), "residual": np.sort(values)}
    )


@journal
def residual_panels(residuals: pd.DataFrame, visit: str | None, name: str = "Scaled residual") -> Figure:
    """Three panels of residuals that have variance one where the model holds.

    residuals : columns `scaled`, `fitted` (in the outcome's unit) and, where visits are known, `visit` (text, in
    order). visit : the axis title of the third panel; None leaves it out. name : of the residuals' axes.
    """
    figure = Figure(figsize=(WIDTH, 2.5 if visit is None else 4.3))
    if visit is None:
        panels = figure.subplot_mosaic([["qq", "fitted"]])
    else:
        panels = figure.subplot_mosaic([["qq", "fitted"], ["visit", "visit"]], height_ratios=[1.15, 1])
    quantiles = normal_quantiles(residuals["scaled"].to_numpy())
    n = len(quantiles)
    ends = quantiles["normal"].iloc[[0, -1]] * 1.08
    panels["qq"].plot(ends, ends, color=MUTED, linewidth=0.8)
    # The outermost hundred of either tail are always drawn.
    kept = sorted({*range(min(100, n)), *range(max(0, n - 100), n), *evenly(n, MOST_POINTS)})
    panels["qq"].plot(
        quantiles["normal"].iloc[kept], quantiles["residual"].iloc[kept], ".", color=colour(0), markersize=3.2
    )
    panels["qq"].set(title="(a) Normal QQ", xlabel="Normal quantile", ylabel=name)
    shown = residuals.iloc[evenly(n, MOST_POINTS)]
    panels["fitted"].plot(shown["fitted"], shown["scaled"], ".", color=colour(0), markersize=3.2, alpha=0.55)
    panels["fitted"].axhline(0, color=MUTED, linewidth=0.8)
    panels["fitted"].set(title="(b) Against fitted values", xlabel="Fitted mean", ylabel=name)
    if visit is not None:
        _by_visit(panels["visit"], residuals, visit, name)
    return figure


def _by_visit(axes: Axes, residuals: pd.DataFrame, visit: str, name: str) -> None:
    visits = list(dict.fromkeys(residuals["visit"]))
    boxes = axes.boxplot(
        [residuals.loc[residuals["visit"] == one, "scaled"] for one in visits],
        tick_labels=visits,
        widths=0.5,
        flierprops={"marker": ".", "markersize": 3.2, "markeredgecolor": colour(0)},
        medianprops={"color": INK, "linewidth": 1.4},
    )
    for part in (*boxes["boxes"], *boxes["whiskers"], *boxes["caps"]):
        part.set(color=MUTED, linewidth=0.9)
    axes.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    every = max(1, -(-len(visits) // 15))
    axes.set_xticks(range(1, len(visits) + 1, every), visits[::every])
    axes.set(title="(c) By visit", xlabel=capitalised(visit), ylabel=name)
