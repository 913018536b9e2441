"""Outcomes over time: marginal means with intervals, and the individual patients behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from msclong.plots.style import (
    INK,
    MUTED,
    RULE,
    WIDTH,
    capitalised,
    colour,
    journal,
    legend_above,
    line,
    marker,
    wrapped,
)

NUMBER_SPACING = 0.3
"""Inches that a number in the strip below the axis needs."""


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
    means : columns `arm`, `visit` (text), `estimate`, `lower`, `upper` in the outcome's unit.
    positions : place of each visit on the time axis, ascending.
    outcome, time : axis titles.
    counts : columns `arm`, `visit`, `observed`; None leaves the strip out.
    zero_line : mark zero, where the outcome is a change.
    """
    arms = list(dict.fromkeys(means["arm"]))
    strip = 0.0 if counts is None else 0.22 + 0.155 * len(arms)
    figure = Figure(figsize=(WIDTH, 3.1 + strip))
    if counts is None:
        axes, numbers = figure.subplots(), None
    else:
        axes, numbers = figure.subplots(2, sharex=True, height_ratios=[3.0, strip])
    span = max(positions.values()) - min(positions.values()) or 1.0
    for i, arm in enumerate(arms):
        rows = means[means["arm"] == arm]
        # Neighbouring arms stand 1.2 % of the axis apart, so that intervals do not cover each other.
        x = rows["visit"].map(positions).to_numpy(float) + (i - (len(arms) - 1) / 2) * 0.012 * span
        y = rows["estimate"].to_numpy()
        axes.plot(x, y, color=colour(i), linestyle=line(i), marker=marker(i), markersize=5, label=arm)
        axes.vlines(x, rows["lower"], rows["upper"], color=colour(i), linewidth=1.1)
    if zero_line:
        axes.axhline(0, color=MUTED, linewidth=0.6, zorder=0)
    if len(arms) > 1:
        legend_above(axes, min(len(arms), 4))
    axes.set_ylabel(wrapped(outcome))
    bottom = axes if numbers is None else numbers
    _time_ticks(bottom, positions, time)
    if numbers is not None and counts is not None:
        axes.tick_params(labelbottom=False)
        _number_strip(numbers, counts, positions, arms)
    return figure


def _time_ticks(axes: Axes, positions: Mapping[str, float], time: str) -> None:
    labels, places = list(positions), list(positions.values())
    kept = thinned(places, WIDTH - 1, label_spacing(labels))
    axes.set_xticks([places[i] for i in kept], [labels[i] for i in kept])
    axes.set_xlabel(capitalised(time))


def _number_strip(axes: Axes, counts: pd.DataFrame, positions: Mapping[str, float], arms: list[str]) -> None:
    """Rows of numbers below the plot, in the arms' colours."""
    places = list(positions.values())
    shown = {list(positions)[i] for i in thinned(places, WIDTH - 1, NUMBER_SPACING)}
    axes.set_ylim(len(arms) - 0.45, -0.6)
    axes.set_yticks(range(len(arms)), arms if len(arms) > 1 else ["n"])
    axes.tick_params(axis="y", length=0)
    for spine in ("left", "bottom"):
        axes.spines[spine].set_visible(False)
    axes.set_title("Number observed", fontweight="normal", color=MUTED, pad=3)
    for i, arm in enumerate(arms):
        axes.get_yticklabels()[i].set_color(colour(i))
        rows = counts[counts["arm"] == arm]
        for visit, observed in zip(rows["visit"], rows["observed"], strict=True):
            if visit in shown:
                axes.text(
                    positions[visit],
                    i,
                    str(observed),
                    ha="center",
                    va="center",
                    color=INK,
                    fontsize=8.5,
                )


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
        series = [
            part[["position", "value"]].to_numpy() for _, part in chosen.groupby("subject", observed=True)
        ]
        drawn = [series[j] for j in evenly(len(series), most)]
        axes.add_collection(LineCollection(drawn, colors=colour(i), linewidths=0.6, alpha=0.3))
        # A subject seen once is a point, not a line.
        single = np.array([part[0] for part in drawn if len(part) == 1]).reshape(-1, 2)
        axes.plot(single[:, 0], single[:, 1], ".", color=colour(i), markersize=2.5, alpha=0.5)
        if positions is not None:
            mean = chosen.groupby("position")["value"].mean()
            axes.plot(mean.index, mean, color="white", linewidth=3.6)
            axes.plot(mean.index, mean, color=INK, marker="o", markersize=3.5, linewidth=1.6)
        axes.set_title(arm if len(arms) > 1 else "")
        axes.autoscale()
        axes.margins(x=0.04)
        axes.axhline(0, color=RULE, linewidth=0.6, zorder=0) if axes.get_ylim()[0] < 0 < axes.get_ylim()[
            1
        ] else None
    for axes in list(grid.flat)[len(arms) :]:
        axes.set_visible(False)
    if positions is not None:
        places, labels = list(positions.values()), list(positions)
        kept = thinned(places, (WIDTH - 0.8) / columns, label_spacing(labels))
        grid[0, 0].set_xticks([places[i] for i in kept], [labels[i] for i in kept])
    figure.supylabel(wrapped(outcome, 48), fontsize=9)
    figure.supxlabel(capitalised(time), fontsize=9)
    return figure


def evenly(n: int, most: int) -> list[int]:
    """At most `most` of 0 .. n-1, evenly spread."""
    return list(range(n)) if n <= most else [int(i) for i in np.linspace(0, n - 1, most).round()]
