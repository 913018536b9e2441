"""The effect that is left of a change, over what the mean of an untreated population may be."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from msclong.plots.style import COLOURS, INK, MUTED, RULE, WIDTH, journal, wrapped


@journal
def effect_over_population_means(
    effects: pd.DataFrame, start: float, without: Sequence[tuple[float, float]], outcome: str, effect: str
) -> Figure:
    """Effect beyond regression to the mean, with its interval, by assumed population mean.

    effects : columns population_mean (ascending), estimate, lower, upper, in the outcome's unit.
    start : the patients' own mean before treatment. without : intervals of population means without a clear effect,
    shaded. outcome, effect : axis titles.
    """
    figure = Figure(figsize=(WIDTH, 2.7))
    axes = figure.subplots()
    x = effects["population_mean"]
    low, high = float(x.min()), float(x.max())
    for left, right in without:
        if right > low and left < high:
            axes.axvspan(max(left, low), min(right, high), color=RULE, alpha=0.45, linewidth=0, zorder=0)
    axes.fill_between(x, effects["lower"], effects["upper"], color=COLOURS[0], alpha=0.2, linewidth=0)
    axes.plot(x, effects["estimate"], color=COLOURS[0])
    axes.axhline(0, color=MUTED, linewidth=0.7)
    axes.axvline(start, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate(
        "these patients\nat baseline",
        (start, 0),
        xycoords=("data", "axes fraction"),
        xytext=(4, 4),
        textcoords="offset points",
        va="bottom",
        fontsize=8,
    )
    axes.set_xlim(low, high)
    axes.set_xlabel(wrapped(outcome, 60))
    axes.set_ylabel(wrapped(effect, 30))
    return figure
