"""Forest plot: estimates with intervals, one row for each contrast and one mark for each engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import blended_transform_factory

from msclong.plots.style import (
    INK,
    MUTED,
    PAPER,
    RULE,
    WIDTH,
    engine_colour,
    journal,
    legend,
    marker,
    within,
    wrapped,
)
from msclong.plots.svg import tipped
from msclong.plots.trajectories import decimals_of
from msclong.printing import numbers

ROW = 0.27
"""Inches of one row."""


def forest_rows(
    tables: Mapping[str, pd.DataFrame], groups: Sequence[str], labels: Sequence[str]
) -> pd.DataFrame:
    """What the forest plot shows, as data: one row for each contrast and engine.

    Parameters
    ----------
    tables : the contrast table of each engine, by engine name; all with the same rows.
    groups, labels : heading and label of each row; neighbours with one heading stand together.

    Returns
    -------
    DataFrame with `y` (0 at the top; a heading takes a place of its own), `offset` (the engines' distance within
    the row), `group`, `label`, `engine`, `estimate`, `lower`, `upper`, and `se` where the tables have it.
    """
    places, y, before = [], -1, None
    for group in groups:
        y += 1 if group in ("", before) else 2
        before = group
        places.append(y)
    step = 0.7 / max(len(tables), 2)
    parts = []
    for i, (engine, table) in enumerate(tables.items()):
        shown = [name for name in ("estimate", "lower", "upper", "se") if name in table]
        part = table[shown].reset_index(drop=True)
        part.insert(0, "y", places)
        part.insert(1, "offset", (i - (len(tables) - 1) / 2) * step)
        part.insert(2, "group", list(groups))
        part.insert(3, "label", list(labels))
        part.insert(4, "engine", engine)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


@journal
def forest(
    rows: pd.DataFrame,
    title: str,
    margin: float | None = None,
    null: float = 0,
    sides: tuple[str, str] | None = None,
    decimals: int | None = None,
) -> Figure:
    """Draw `forest_rows`; `title` names the horizontal axis, `margin` is marked where there is one.

    null : the value of no effect; of ratios 1, and the axis is logarithmic. sides : what lies left and right of it.
    decimals : of the figures that are shown where a mark is pointed at; None for the rule of tables.
    """
    last = rows["y"].max()
    first = rows["y"].min() - (1 if (rows["group"] != "").any() else 0)
    figure = Figure(figsize=(WIDTH, 0.75 + ROW * (last - first + 1)))
    axes = figure.subplots()
    engines = list(dict.fromkeys(rows["engine"]))
    decimals = decimals_of(rows) if decimals is None else decimals
    for i, engine in enumerate(engines):
        part = rows[rows["engine"] == engine].dropna(subset="estimate")
        y = part["y"] + part["offset"]
        axes.hlines(y, part["lower"], part["upper"], color=engine_colour(i), linewidth=1.2)
        face = engine_colour(i) if i == 0 else PAPER
        (dots,) = axes.plot(
            part["estimate"],
            y,
            marker(i),
            color=engine_colour(i),
            markersize=4.2,
            markerfacecolor=face,
            markeredgewidth=1.1,
        )
        tipped(dots, [_tip(row, decimals) for row in part.itertuples()])
    if null > 0:
        axes.set_xscale("log")
        ends = (1.0, null if margin is None else margin)
        logarithmic(axes.xaxis, min(rows["lower"].min(), *ends), max(rows["upper"].max(), *ends))
    axes.axvline(null, color=MUTED, linewidth=0.7, zorder=0)
    if margin is not None:
        axes.axvline(margin, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)), zorder=0)
    named = rows.drop_duplicates("y")
    headings = named[named["group"] != ""].groupby("group", sort=False)["y"].min() - 1
    axes.set_yticks(named["y"], [within(label, 2.2, 8.5, most=2) for label in named["label"]])
    # A heading has its row to itself, from edge to edge; it covers the line of no effect behind it.
    across = blended_transform_factory(figure.transFigure, axes.transData)
    for heading, y in headings.items():
        words = within(str(heading), WIDTH - 0.1, 8.5, True, most=2)
        cover = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}
        text = axes.text(
            0.01, y, words, transform=across, va="center", fontweight="bold", fontsize=8.5, bbox=cover
        )
        text.set_in_layout(False)
    for y in headings[headings > first]:
        axes.axhline(y - 0.5, color=RULE, linewidth=0.6, zorder=0)
    axes.set_ylim(last + 0.6, first - 0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(wrapped(title, 60))
    if sides is not None:
        axes.axvline(null, color=INK, linewidth=0.7, zorder=0)
        both = (
            (0, "left", f"\N{LEFTWARDS ARROW} {sides[0]}"),
            (1, "right", f"{sides[1]} \N{RIGHTWARDS ARROW}"),
        )
        for x, align, words in both:
            axes.text(x, 1, words, transform=axes.transAxes, ha=align, va="bottom", color=MUTED, fontsize=8.5)
    if len(engines) > 1:
        handles = [
            Line2D([], [], color=engine_colour(i), marker=marker(i), markersize=4.2, linewidth=1.2,
                   markerfacecolor=engine_colour(i) if i == 0 else PAPER, label=engine)
            for i, engine in enumerate(engines)
        ]  # fmt: skip
        legend(figure, handles, engines)
    return figure


def _tip(row: Any, decimals: int) -> str:
    name = f"{row.label}, {row.group}" if row.group else row.label
    limits = numbers.interval(row.lower, row.upper, decimals)
    return f"{name}\n{row.engine}: {numbers.fixed(row.estimate, decimals)} ({limits})"


def logarithmic(axis: Axis, low: float, high: float) -> None:
    """Ticks at 1, 2, 5 and their powers of ten, at finer ratios in a short span; the scale is logarithmic already."""
    steps = (1, 1.1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9) if high / low < 4 else (1, 2, 5)
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
