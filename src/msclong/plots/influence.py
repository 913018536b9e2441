"""Cook's distances as stems, the largest named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from msclong.plots.style import INK, MUTED, WIDTH, colour, journal, legend
from msclong.plots.svg import tipped
from msclong.printing import numbers

NAMED = 3
"""How many of the largest bear their name."""


@journal
def influence_stems(distances: pd.DataFrame, case: str, arms: Sequence[str] = ("",)) -> Figure:
    """One stem for each case, in the order of the table; the largest are named.

    distances : columns case (text), arm, cook_d; NaN is left out. case : what is left out, the axis title. arms : in
    their order.
    """
    rows = distances.dropna(subset="cook_d").reset_index(drop=True)
    figure = Figure(figsize=(WIDTH, 2.3))
    axes = figure.subplots()
    for i, arm in enumerate(arms):
        part = rows[rows["arm"] == arm]
        axes.vlines(part.index, 0, part["cook_d"], color=colour(i), linewidth=0.8)
        (dots,) = axes.plot(part.index, part["cook_d"], "o", color=colour(i), markersize=2.4)
        tips = zip(part["case"], part["cook_d"], strict=True)
        tipped(dots, [f"{name}: {numbers.significant(float(distance))}" for name, distance in tips])
    for at in rows["cook_d"].nlargest(NAMED).index:
        axes.annotate(rows["case"][at], (at, rows["cook_d"][at]), (0, 3), textcoords="offset points",
                      ha="center", color=INK, fontsize=7.5)  # fmt: skip
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.set_ylim(0, 1.12 * float(rows["cook_d"].max()) or 1)
    axes.set_xticks([])
    axes.set_xlabel(case)
    axes.set_ylabel("Cook\N{RIGHT SINGLE QUOTATION MARK}s distance")
    if len(arms) > 1:
        style: dict[str, Any] = {"linewidth": 0.8, "marker": "o", "markersize": 2.4}
        legend(figure, [Line2D([], [], color=colour(i), **style) for i in range(len(arms))], arms)
    return figure
