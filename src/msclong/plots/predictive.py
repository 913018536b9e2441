"""Posterior predictive checks by visit: what was observed, over what the model would have produced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from msclong.plots.style import INK, WIDTH, capitalised, colour, journal, within, wrapped
from msclong.plots.svg import tipped
from msclong.plots.trajectories import label_spacing, thinned
from msclong.printing import numbers


@journal
def predictive_bands(bands: pd.DataFrame, positions: Mapping[str, float], outcome: str, time: str) -> Figure:
    """A row of panels for each statistic, a panel for each arm: 50 % and 95 % bands of replicated data, dots observed.

    Parameters
    ----------
    bands : columns `statistic` (such as 'Mean', 'SD'), `arm`, `visit` (text), `observed`, and the quantiles of the same
        statistic in data sets drawn from the posterior predictive distribution: `lower` (2.5 %), `lower_50` (25 %),
        `median`, `upper_50` (75 %), `upper` (97.5 %).
    positions : place of each visit on the time axis, ascending.
    outcome, time : axis titles. A dot outside the 95 % band is hollow.
    """
    statistics, arms = (list(dict.fromkeys(bands[name])) for name in ("statistic", "arm"))
    figure = Figure(figsize=(WIDTH, 0.6 + 1.5 * len(statistics)))
    grid = figure.subplots(len(statistics), len(arms), sharex=True, sharey="row", squeeze=False)
    for k, statistic in enumerate(statistics):
        for i, arm in enumerate(arms):
            axes = grid[k, i]
            rows = bands[(bands["statistic"] == statistic) & (bands["arm"] == arm)].dropna(subset="observed")
            x = rows["visit"].map(positions).to_numpy(float)
            axes.fill_between(x, rows["lower"], rows["upper"], color=colour(i), alpha=0.16, linewidth=0)
            axes.fill_between(x, rows["lower_50"], rows["upper_50"], color=colour(i), alpha=0.3, linewidth=0)
            axes.plot(x, rows["median"], color=colour(i), linewidth=1.1)
            outside = ((rows["observed"] < rows["lower"]) | (rows["observed"] > rows["upper"])).to_numpy()
            for some, face in ((~outside, INK), (outside, "none")):
                if some.any():
                    (dots,) = axes.plot(x[some], rows["observed"][some], "o", color=INK, markersize=4.2,
                                        markerfacecolor=face)  # fmt: skip
                    tipped(dots, [_tip(row, time) for row in rows[some].itertuples()])
            if k == 0 and len(arms) > 1:
                axes.set_title(within(arm, (WIDTH - 0.8) / len(arms) - 0.1, 9, True, most=2))
            axes.margins(x=0.06)
        grid[k, 0].set_ylabel(statistic)
    places, labels = list(positions.values()), list(positions)
    kept = thinned(places, (WIDTH - 0.8) / len(arms) - 0.2, label_spacing(labels))
    grid[0, 0].set_xticks([places[i] for i in kept], [labels[i] for i in kept])
    figure.supylabel(wrapped(outcome, 48), fontsize=9)
    figure.supxlabel(capitalised(time), fontsize=9)
    return figure


def _tip(row: Any, time: str) -> str:
    band = f"{numbers.significant(row.lower)} to {numbers.significant(row.upper)}"
    where = f"{time} {row.visit}" + (f", {row.arm}" if row.arm else "")
    return f"{where}\n{row.statistic} {numbers.significant(row.observed)}\n95% of replicated data {band}"
