"""Outcomes over time: marginal means with intervals, and the individual patients behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from msclong.plots.style import (
    INK,
    MUTED,
    PAPER,
    RULE,
    WIDTH,
    capitalised,
    colour,
    journal,
    legend,
    line,
    marker,
    text_width,
    within,
    wrapped,
)
from msclong.plots.svg import tipped
from msclong.printing import numbers


def thinned(positions: Sequence[float], width: float, spacing: float) -> list[int]:
    """Which of the ascending `positions`, drawn over `width` inches, keep a label; the first and the last do."""
    span = positions[-1] - positions[0]
    least = spacing / width * span if span > 0 else 0
    kept = [0]
    for i in range(1, len(positions)):
        if positions[i] - positions[kept[-1]] >= least:
            kept.append(i)
    if kept[-1] != len(positions) - 1 and len(kept) > 1:
        kept[-1] = len(positions) - 1
    return kept


def label_spacing(labels: Sequence[str]) -> float:
    """Inches from one tick label to the next."""
    return 0.12 + 0.07 * max(map(len, labels))


def spread(positions: Sequence[float], width: float, spacing: float) -> list[float]:
    """Places of labels for the ascending `positions`, drawn over `width` inches: `spacing` inches apart or more.

    They are as near to their positions as that allows, by least squares; where they do not fit, they stand evenly.
    """
    n, span = len(positions), positions[-1] - positions[0]
    if span == 0:
        return list(positions)
    least = min(spacing * span / width, span / (n - 1))
    steps = least * np.arange(n)
    # Distances of at least `least` are an ascending order of what is left without the steps.
    apart = isotonic_regression(np.asarray(positions, dtype=float) - steps).x
    return list(np.clip(apart, positions[0], positions[-1] - steps[-1]) + steps)


@journal
def means_over_time(
    means: pd.DataFrame,
    positions: Mapping[str, float],
    outcome: str,
    time: str,
    counts: pd.DataFrame | None = None,
    zero_line: bool = False,
) -> Figure:
    """Means with intervals on the time axis, one line for each arm, numbers observed below.

    Parameters
    ----------
    means : columns `arm`, `visit` (text), `estimate`, `lower`, `upper` in the outcome's unit, and `se` for the decimals
        that are shown where a mean is pointed at.
    positions : place of each visit on the time axis, ascending.
    outcome, time : axis titles.
    counts : columns `arm`, `visit`, `observed`; None leaves the strip out.
    zero_line : mark zero, where the outcome is a change.
    """
    arms = list(dict.fromkeys(means["arm"]))
    named = {arm: within(f"n, {arm}" if arm else "n", 1.15, 8.5, most=2) for arm in arms}
    rows = {} if counts is None else named
    step = 1.9 if any("\n" in name for name in rows.values()) else 1.0
    strip = 0.22 + 0.165 * (1 + step * len(rows))
    figure = Figure(figsize=(WIDTH, 3.0 + strip))
    axes, below = figure.subplots(2, sharex=True, height_ratios=[3.0, strip])
    span = max(positions.values()) - min(positions.values()) or 1.0
    for i, arm in enumerate(arms):
        drawn = means[means["arm"] == arm].dropna(subset="estimate")
        # Neighbouring arms stand 1.2 % of the axis apart, so that intervals do not cover each other.
        x = drawn["visit"].map(positions).to_numpy(float) + (i - (len(arms) - 1) / 2) * 0.012 * span
        (dots,) = axes.plot(
            x,
            drawn["estimate"],
            color=colour(i),
            linestyle=line(i),
            marker=marker(i),
            markersize=5,
            label=arm,
        )
        tipped(dots, mean_tips(drawn, time, counts))
        axes.vlines(x, drawn["lower"], drawn["upper"], color=colour(i), linewidth=1.1)
    if zero_line:
        axes.axhline(0, color=MUTED, linewidth=0.6, zorder=0)
    if len(arms) > 1:
        legend(figure, *axes.get_legend_handles_labels())
    axes.set_ylabel(wrapped(outcome))
    axes.tick_params(labelbottom=False)
    _strip(below, positions, time, rows, step, counts)
    return figure


def mean_tips(rows: pd.DataFrame, time: str, counts: pd.DataFrame | None = None) -> list[str]:
    """'week 8, Placebo', the mean and its interval, and how many were observed, for each of `rows`."""
    decimals = decimals_of(rows)
    observed = {} if counts is None else counts.set_index(["arm", "visit"])["observed"].to_dict()
    tips = []
    row: Any
    for row in rows.itertuples():
        head = f"{time} {row.visit}" + (f", {row.arm}" if row.arm else "")
        limits = numbers.interval(row.lower, row.upper, decimals)
        n = observed.get((row.arm, row.visit))
        tips.append(
            f"{head}\n{numbers.fixed(row.estimate, decimals)} ({limits})"
            + ("" if n is None else f"\nn = {n}")
        )
    return tips


def decimals_of(rows: pd.DataFrame) -> int:
    """Decimals by the rule of tables: from column `se`, or from the intervals where there is none."""
    if "se" in rows:
        return numbers.decimals_for(rows["se"])
    return numbers.decimals_for((rows["upper"] - rows["lower"]) / 3.92)


def _strip(
    axes: Axes,
    positions: Mapping[str, float],
    time: str,
    rows: Mapping[str, str],
    step: float,
    counts: pd.DataFrame | None,
) -> None:
    """Below the time axis: each visit's label, and the numbers observed at it, a row of height `step` for each arm.

    Visits near each other have their labels side by side, with a line from each to its place on the axis.
    """
    labels, places = list(positions), list(positions.values())
    texts = [*labels, *([] if counts is None else counts["observed"].astype(str))]
    beside = max((text_width(name, 8.5) for row in rows.values() for name in row.split("\n")), default=0)
    width = WIDTH - 0.6 - max(0.5, beside)
    kept = thinned(range(len(labels)), width, label_spacing(texts))
    shown, true = [labels[i] for i in kept], [places[i] for i in kept]
    at = spread(true, width, label_spacing(texts))
    axes.set_xticks(places)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    heights = [0.5 + step * (i + 0.5) for i in range(len(rows))]
    top = -1.15 if np.allclose(at, true) else -1.9
    for place, x, label in zip(true, at, shown, strict=True):
        if top < -1.5:
            axes.plot([place, x], [top, -0.6], color=MUTED, linewidth=0.5, clip_on=False)
        axes.text(x, 0, label, ha="center", va="center", color=INK, fontsize=8.5)
    if counts is not None:
        observed = counts.set_index(["arm", "visit"])["observed"]
        for y, arm in zip(heights, rows, strict=True):
            for x, label in zip(at, shown, strict=True):
                if (arm, label) in observed.index:
                    n = str(observed[arm, label])
                    axes.text(x, y, n, ha="center", va="center", color=MUTED, fontsize=8.5)
    axes.set_ylim(0.6 + step * len(rows), top)
    axes.set_yticks([0, *heights], [within(capitalised(time), 1.15, 8.5, most=1), *rows.values()])
    axes.tick_params(axis="y", length=0)
    for spine in ("left", "bottom"):
        axes.spines[spine].set_visible(False)


@journal
def individual_trajectories(
    observed: pd.DataFrame, positions: Mapping[str, float] | None, outcome: str, time: str, most: int = 100
) -> Figure:
    """Small multiples by arm: each subject's observed values, and the observed mean at each visit.

    Parameters
    ----------
    observed : columns `arm`, `subject`, `position` (on the time axis), `value` in the outcome's unit.
    positions : visits on the time axis, for ticks and the mean; None for times that differ between subjects.
    most : at most this many subjects of an arm are drawn, evenly chosen by subject; the mean is of all.
    """
    arms = list(dict.fromkeys(observed["arm"]))
    columns = min(len(arms), 2 if len(arms) in (2, 4) else 3)
    rows = -(-len(arms) // columns)
    figure = Figure(figsize=(WIDTH, 0.6 + 2.4 * rows))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for i, (axes, arm) in enumerate(zip(grid.flat, arms, strict=False)):
        chosen = observed[observed["arm"] == arm].sort_values(["subject", "position"], kind="stable")
        _courses(axes, chosen, positions, most, colour(i))
        if positions is not None:
            mean = chosen.groupby("position")["value"].mean()
            axes.plot(mean.index, mean, color=PAPER, linewidth=3.6)
            (drawn,) = axes.plot(mean.index, mean, color=INK, marker="o", markersize=3.5, linewidth=1.6)
            tipped(
                drawn, [f"mean at {visit_at(positions, at)}: {plain(value)}" for at, value in mean.items()]
            )
        axes.set_title(within(arm, (WIDTH - 0.7) / columns - 0.1, 9, True, most=2) if len(arms) > 1 else "")
        axes.autoscale()
        axes.margins(x=0.04)
        low, high = axes.get_ylim()
        if low < 0 < high:
            axes.axhline(0, color=RULE, linewidth=0.6, zorder=0)
    for axes in list(grid.flat)[len(arms) :]:
        axes.set_visible(False)
    if positions is not None:
        places, labels = list(positions.values()), list(positions)
        kept = thinned(places, (WIDTH - 0.8) / columns, label_spacing(labels))
        grid[0, 0].set_xticks([places[i] for i in kept], [labels[i] for i in kept])
    figure.supylabel(wrapped(outcome, 48), fontsize=9)
    figure.supxlabel(capitalised(time), fontsize=9)
    return figure


def _courses(
    axes: Axes, chosen: pd.DataFrame, positions: Mapping[str, float] | None, most: int, shade: str
) -> None:
    """A thin line for each subject; one seen once is a point."""
    every = [(str(name), part) for name, part in chosen.groupby("subject", observed=True)]
    drawn = [every[j] for j in evenly(len(every), most)]
    lines = [(name, part) for name, part in drawn if len(part) > 1]
    points = [(name, part) for name, part in drawn if len(part) == 1]
    if lines:
        collection = LineCollection(
            [part[["position", "value"]].to_numpy() for _, part in lines],
            colors=shade,
            linewidths=0.7,
            alpha=0.4,
        )
        tipped(collection, [course(name, part, positions) for name, part in lines])
        axes.add_collection(collection)
    if points:
        at = np.concatenate([part[["position", "value"]].to_numpy() for _, part in points])
        (dots,) = axes.plot(at[:, 0], at[:, 1], ".", color=shade, markersize=3.5, alpha=0.6)
        tipped(dots, [course(name, part, positions) for name, part in points])


def course(subject: str, rows: pd.DataFrame, positions: Mapping[str, float] | None) -> str:
    """A subject's values (columns arm, position, value) in words: its name and arm, then a value a visit."""
    arm = rows["arm"].iloc[0]
    values = [
        f"{visit_at(positions, at)}: {plain(value)}"
        for at, value in zip(rows["position"], rows["value"], strict=True)
    ]
    return f"{subject}, {arm}\n{'; '.join(values)}" if arm else f"{subject}\n{'; '.join(values)}"


def visit_at(positions: Mapping[str, float] | None, position: float) -> str:
    """The label of the visit at a place on the time axis; the place itself where there is none."""
    found = [] if positions is None else [label for label, place in positions.items() if place == position]
    return found[0] if found else plain(position)


def plain(value: float) -> str:
    """At most four significant digits, none added."""
    return numbers.stated(float(f"{value:.4g}"))


def evenly(n: int, most: int) -> list[int]:
    """At most `most` of 0 .. n-1, evenly spread."""
    return list(range(n)) if n <= most else [int(i) for i in np.linspace(0, n - 1, most).round()]
