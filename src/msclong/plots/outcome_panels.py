"""Many outcomes over time, one small panel each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from msclong.plots.forest import logarithmic
from msclong.plots.style import RULE, WIDTH, capitalised, colour, journal, legend, line, marker, wrapped
from msclong.plots.svg import tipped
from msclong.plots.trajectories import label_spacing, mean_tips, thinned

COLUMNS = 2
TITLE = 30
"""Characters of a line of a panel's title."""


@journal
def outcome_panels(
    means: pd.DataFrame,
    positions: Mapping[str, Mapping[str, float]],
    titles: Mapping[str, str],
    ratio: Sequence[str],
    time: str,
) -> Figure:
    """Means with intervals by visit: a panel for each outcome with an axis of its own, a line for each arm.

    means : columns `outcome`, `arm`, `visit` (text), `estimate`, `lower`, `upper`. positions : by outcome, the place of
    each visit on the time axis. titles : by outcome. ratio : outcomes with a logarithmic axis. time : title of that
    of time.
    """
    names = list(dict.fromkeys(means["outcome"]))
    arms = list(dict.fromkeys(means["arm"]))
    rows = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(WIDTH, 0.45 + 1.4 * rows))
    grid = figure.subplots(rows, COLUMNS, squeeze=False)
    for i, (axes, name) in enumerate(zip(grid.flat, names, strict=False)):
        _panel(axes, means[means["outcome"] == name], positions[name], arms, time)
        axes.set_title(wrapped(titles[name], TITLE), fontsize=8.5)
        axes.tick_params(labelsize=8)
        if name in ratio:
            drawn = means[means["outcome"] == name]
            axes.set_yscale("log")
            logarithmic(axes.yaxis, drawn["lower"].min(), drawn["upper"].max())
        if i >= len(names) - COLUMNS:
            axes.set_xlabel(capitalised(time))
    for axes in list(grid.flat)[len(names) :]:
        axes.set_visible(False)
    if len(arms) > 1:
        legend(figure, *grid[0, 0].get_legend_handles_labels())
    return figure


def _panel(
    axes: Axes, means: pd.DataFrame, positions: Mapping[str, float], arms: list[str], time: str
) -> None:
    span = max(positions.values()) - min(positions.values()) or 1.0
    for i, arm in enumerate(arms):
        rows = means[means["arm"] == arm].dropna(subset="estimate")
        x = rows["visit"].map(positions).to_numpy(float) + (i - (len(arms) - 1) / 2) * 0.03 * span
        (dots,) = axes.plot(x, rows["estimate"], color=colour(i), linestyle=line(i), marker=marker(i), markersize=3.2,
                  linewidth=1.1, label=arm)  # fmt: skip
        tipped(dots, mean_tips(rows, time))
        axes.vlines(x, rows["lower"], rows["upper"], color=colour(i), linewidth=0.9)
    places, labels = list(positions.values()), list(positions)
    kept = thinned(places, WIDTH / COLUMNS - 0.5, label_spacing(labels))
    axes.set_xticks([places[j] for j in kept], [labels[j] for j in kept])
    axes.margins(x=0.08, y=0.12)
    axes.grid(axis="y", color=RULE, linewidth=0.4)
    axes.set_axisbelow(True)
