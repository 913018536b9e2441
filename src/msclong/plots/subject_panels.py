"""Small multiples: one panel for each subject, its observations and the model's curve for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from msclong.plots.style import RULE, WIDTH, capitalised, colour, journal, legend, line, marker, wrapped
from msclong.plots.svg import tipped
from msclong.plots.trajectories import course, evenly, label_spacing, thinned

COLUMNS = 4


def chosen_subjects(observed: pd.DataFrame, most: int) -> list[str]:
    """At most `most` subjects of `observed` (subject, arm, position, value): every arm and kind of course is seen.

    They are evenly chosen from those ordered by arm and by their last value.
    """
    last = observed.sort_values("position", kind="stable").groupby("subject", sort=False).last()
    order = {arm: i for i, arm in enumerate(dict.fromkeys(observed["arm"]))}
    last = last.assign(_arm=last["arm"].map(order)).sort_values(["_arm", "value"], kind="stable")
    return [last.index[i] for i in evenly(len(last), most)]


@journal
def subject_panels(
    observed: pd.DataFrame,
    fitted: pd.DataFrame,
    positions: Mapping[str, float] | None,
    outcome: str,
    time: str,
    most: int = 24,
) -> Figure:
    """Each subject's points with its own fitted curve and the interval of it.

    observed : columns subject, arm, position, value. fitted : columns subject, position, estimate, lower, upper;
    subjects without rows have points alone. positions : visits on the time axis, for ticks; None for a plain axis.
    outcome, time : axis titles. most : panels at most, evenly chosen (`chosen_subjects`).
    """
    chosen = chosen_subjects(observed, most)
    arms = list(dict.fromkeys(observed["arm"]))
    rows = -(-len(chosen) // COLUMNS)
    figure = Figure(figsize=(WIDTH, 0.75 + 0.78 * rows))
    grid = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    for axes, subject in zip(grid.flat, chosen, strict=False):
        points = observed[observed["subject"] == subject].sort_values("position", kind="stable")
        curve = fitted[fitted["subject"] == subject].sort_values("position", kind="stable")
        arm = points["arm"].iloc[0]
        i = arms.index(arm)
        axes.fill_between(
            curve["position"], curve["lower"], curve["upper"], color=colour(i), alpha=0.2, linewidth=0
        )
        axes.plot(curve["position"], curve["estimate"], color=colour(i), linestyle=line(i), linewidth=1.1)
        (drawn,) = axes.plot(points["position"], points["value"], marker(i), color=colour(i), markersize=3.2)
        tipped(drawn, [course(str(subject), points, positions)])
        axes.set_title(str(subject), fontsize=8, fontweight="normal", pad=2)
        axes.tick_params(labelsize=7.5)
        axes.grid(axis="y", color=RULE, linewidth=0.4)
        axes.set_axisbelow(True)
        axes.margins(x=0.08)
    for axes in list(grid.flat)[len(chosen) :]:
        axes.set_visible(False)
        # The panel above the gap is the last of its column.
        above = grid[-2, list(grid[-1]).index(axes)]
        above.tick_params(labelbottom=True)
        above.xaxis.set_in_layout(False)
    if positions is not None:
        places, labels = list(positions.values()), list(positions)
        kept = thinned(places, (WIDTH - 0.8) / COLUMNS - 0.15, label_spacing(labels))
        grid[0, 0].set_xticks([places[i] for i in kept], [labels[i] for i in kept])
    if len(arms) > 1:
        shown = set(observed.loc[observed["subject"].isin(chosen), "arm"])
        handles: dict[str, Line2D] = {}
        for i, arm in enumerate(arms):
            if arm in shown:
                style: dict[str, Any] = {"linestyle": line(i), "linewidth": 1.1, "markersize": 3.2}
                handles[arm] = Line2D([], [], color=colour(i), marker=marker(i), **style)
        legend(figure, list(handles.values()), list(handles))
    figure.supylabel(wrapped(outcome, 60), fontsize=9)
    figure.supxlabel(capitalised(time), fontsize=9)
    return figure
