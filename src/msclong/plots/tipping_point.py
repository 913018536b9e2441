"""Tipping points: an estimate over shifts of missing outcomes, or a p-value over the shifts of two arms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from msclong.plots.style import INK, MUTED, PAPER, RULE, WIDTH, colour, journal, wrapped
from msclong.plots.svg import tipped
from msclong.printing import numbers

MOST_PRINTED = 9
"""Shifts on an axis up to which p-values are printed in their cells."""


@journal
def tipping_curve(
    table: pd.DataFrame, changes: Sequence[float], null: float, title: str, axis: str
) -> Figure:
    """The estimate with its interval over shifts, the null, and the shifts at which a limit reaches it.

    table : columns delta, estimate, se, lower, upper, p_value, a row for each shift. title : what is estimated.
    """
    table = table.sort_values("delta")
    figure = Figure(figsize=(WIDTH, 3.0))
    axes = figure.subplots()
    axes.fill_between(
        table["delta"], table["lower"], table["upper"], facecolor=colour(0), alpha=0.2, linewidth=0
    )
    axes.plot(table["delta"], table["estimate"], color=colour(0))
    (marks,) = axes.plot(
        table["delta"], table["estimate"], "o", color=colour(0), markersize=4, markerfacecolor=PAPER
    )
    decimals = numbers.decimals_for(table["se"])
    tipped(
        marks,
        [
            f"shift {numbers.stated(round(delta, 10))}\n{numbers.fixed(estimate, decimals)} "
            f"({numbers.interval(lower, upper, decimals)})\np {numbers.p_value(p)}"
            for delta, estimate, lower, upper, p in zip(
                *(table[name].tolist() for name in ("delta", "estimate", "lower", "upper", "p_value")),
                strict=True,
            )
        ],
    )
    axes.axhline(null, color=MUTED, linewidth=0.8, zorder=0)
    axes.axvline(0, color=RULE, linewidth=0.8, zorder=0)
    ends = table["delta"].min(), table["delta"].max()
    for tipping in (change for change in changes if ends[0] <= change <= ends[1]):
        axes.axvline(tipping, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
        words = f"tipping point {numbers.significant(tipping, 2)}"
        axes.annotate(
            words, (tipping, 1), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
            ha="center", va="bottom", fontsize=8.5, color=INK, annotation_clip=False,
        )  # fmt: skip
    axes.set_xlabel(wrapped(axis, 60))
    axes.set_ylabel(wrapped(title, 34))
    return figure


@journal
def tipping_map(
    table: pd.DataFrame, boundary: pd.Series, alpha: float, title: str, axes_named: Sequence[str]
) -> Figure:
    """p-values over the shifts of two arms: shaded where the conclusion is significant, with the line in between.

    table : the two shifts in its first two columns, then p_value. boundary : second shift by the first, NaN where none.
    """
    grid = table.pivot_table(index=table.columns[1], columns=table.columns[0], values="p_value")
    x, y, p = grid.columns.to_numpy(float), grid.index.to_numpy(float), grid.to_numpy()
    figure = Figure(figsize=(WIDTH, 3.9))
    axes = figure.subplots()
    shade = np.where(p < alpha, 1.0, np.nan)
    axes.pcolormesh(_edges(x), _edges(y), shade, cmap=ListedColormap([colour(0)]), vmin=0, vmax=1, alpha=0.22)
    if max(len(x), len(y)) <= MOST_PRINTED:
        for j, i in np.ndindex(p.shape):
            text = numbers.p_value(float(p[j, i]))
            axes.text(float(x[i]), float(y[j]), text, ha="center", va="center", fontsize=7.5, color=INK)
    inside = boundary.where(boundary.between(_edges(y)[0], _edges(y)[-1]))
    axes.plot(inside.index, inside.to_numpy(), color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.set_title(
        wrapped(f"{title}: p-value, shaded where below {numbers.stated(round(alpha, 10))}", 62),
        fontweight="normal",
    )
    axes.set_xlim(float(_edges(x)[0]), float(_edges(x)[-1]))
    axes.set_ylim(float(_edges(y)[0]), float(_edges(y)[-1]))
    axes.set_xlabel(wrapped(axes_named[0], 60))
    axes.set_ylabel(wrapped(axes_named[1], 40))
    return figure


def _edges(centres: np.ndarray) -> np.ndarray:
    """Cell borders halfway between the centres."""
    if len(centres) == 1:
        return centres[0] + np.array([-0.5, 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.r_[2 * centres[0] - middle[0], middle, 2 * centres[-1] - middle[-1]]
