"""Forest plot: estimates with intervals, one row for each contrast and one mark for each engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from msclong.plots.style import INK, MUTED, RULE, WIDTH, engine_colour, journal, marker, wrapped

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
    the row), `group`, `label`, `engine`, `estimate`, `lower`, `upper`.
    """
    places, y, before = [], -1, None
    for group in groups:
        y += 1 if group in ("", before) else 2
        before = group
        places.append(y)
    step = 0.7 / max(len(tables), 2)
    parts = []
    for i, (engine, table) in enumerate(tables.items()):
        part = table[["estimate", "lower", "upper"]].reset_index(drop=True)
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
) -> Figure:
    """Draw `forest_rows`; `title` names the horizontal axis, `margin` is marked where there is one.

    null : the value of no effect; of ratios 1, and the axis is logarithmic. sides : what lies left and right of it.
    """
    last = rows["y"].max()
    first = rows["y"].min() - (1 if (rows["group"] != "").any() else 0)
    figure = Figure(figsize=(WIDTH, 0.75 + ROW * (last - first + 1)))
    axes = figure.subplots()
    engines = list(dict.fromkeys(rows["engine"]))
    for i, engine in enumerate(engines):
        part = rows[rows["engine"] == engine]
        y = part["y"] + part["offset"]
        axes.hlines(y, part["lower"], part["upper"], color=engine_colour(i), linewidth=1.2)
        face = engine_colour(i) if i == 0 else "white"
        axes.plot(
            part["estimate"],
            y,
            marker(i),
            color=engine_colour(i),
            markersize=4.2,
            markerfacecolor=face,
            markeredgewidth=1.1,
        )
    if null > 0:
        axes.set_xscale("log")
        ends = (1.0, null if margin is None else margin)
        logarithmic(axes.xaxis, min(rows["lower"].min(), *ends), max(rows["upper"].max(), *ends))
    axes.axvline(null, color=MUTED, linewidth=0.7, zorder=0)
    if margin is not None:
        axes.axvline(margin, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)), zorder=0)
    named = rows.drop_duplicates("y")
    headings = named[named["group"] != ""].groupby("group", sort=False)["y"].min() - 1
    axes.set_yticks([*named["y"], *headings], [*named["label"], *headings.index])
    for text in axes.get_yticklabels()[len(named) :]:
        text.set_fontweight("bold")
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
                   markerfacecolor=engine_colour(i) if i == 0 else "white", label=engine)
            for i, engine in enumerate(engines)
        ]  # fmt: skip
        figure.legend(handles=handles, loc="outside upper left", ncols=len(engines), borderpad=0)
    return figure


def logarithmic(axis: Axis, low: float, high: float) -> None:
    """Ticks at 1, 2, 5 and their powers of ten, at finer ratios in a short span; the scale is logarithmic already."""
    steps = (1, 1.1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9) if high / low < 4 else (1, 2, 5)
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
