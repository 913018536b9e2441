"""Waterfall: each subject's change as a bar, in order of size."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from msclong.plots.style import MUTED, WIDTH, colour, journal, within, wrapped
from msclong.plots.svg import tipped
from msclong.printing import numbers


def waterfall_bars(changes: pd.DataFrame) -> pd.DataFrame:
    """`changes` (arm, subject, change) with the `place` of each bar within its arm: 0 for the largest change.

    Subjects without a change have no bar.
    """
    bars = changes.dropna(subset="change")
    order = {arm: i for i, arm in enumerate(dict.fromkeys(bars["arm"]))}
    bars = bars.sort_values("change", ascending=False, kind="stable")
    bars = bars.sort_values("arm", key=lambda arms: arms.map(order), kind="stable", ignore_index=True)
    return bars.assign(place=bars.groupby("arm", sort=False).cumcount())


@journal
def waterfall(
    changes: pd.DataFrame, outcome: str, margin: float | None = None, better: str | None = None
) -> Figure:
    """A panel for each arm, as wide as it has subjects; one bar for each subject.

    changes : columns arm, subject, change. outcome : axis title. margin : the change that matters, with its sign,
    dashed. better : 'lower' or 'higher', told beside the axis; bars beyond the margin on that side are full, others
    pale, and the panels' titles count them.
    """
    bars = waterfall_bars(changes)
    arms = list(dict.fromkeys(bars["arm"]))
    sizes = bars.groupby("arm", sort=False).size()
    figure = Figure(figsize=(WIDTH, 2.5))
    # An arm of few subjects still has room for its title.
    widths = [max(sizes[arm], 0.35 * sizes.max()) for arm in arms]
    panels = figure.subplots(1, len(arms), sharey=True, squeeze=False, width_ratios=widths)[0]
    for i, (axes, arm) in enumerate(zip(panels, arms, strict=True)):
        part = bars[bars["arm"] == arm]
        beyond = _beyond(part["change"], margin)
        for some, alpha in ((beyond, 1.0), (~beyond, 0.45)):
            _bars(axes, part[some], colour(i), alpha)
        axes.axhline(0, color=MUTED, linewidth=0.8)
        room = (WIDTH - 0.7) * widths[i] / sum(widths) - 0.1
        title = f"{within(arm, room, 8.5, True, most=2)}\n" if len(arms) > 1 else ""
        if margin is not None:
            axes.axhline(margin, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
            count = f"{int(beyond.sum())} of {len(part)} at or beyond {numbers.stated(margin)}"
        else:
            count = f"{len(part)} participants"
        title += within(count, room, 8.5, True)
        axes.set_title(title, fontsize=8.5)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(-1, max(len(part), 1))
    low, high = min(bars["change"].min(), 0, margin or 0), max(bars["change"].max(), 0, margin or 0)
    room = 0.05 * ((high - low) or 1)
    panels[0].set_ylim(low - room, high + room)
    arrow = {"lower": "\n(lower is better)", "higher": "\n(higher is better)"}.get(better or "", "")
    panels[0].set_ylabel(wrapped(outcome, 32) + arrow)
    return figure


def _beyond(change: pd.Series, margin: float | None) -> pd.Series:
    if margin is None:
        return pd.Series(True, index=change.index)
    return change <= margin if margin < 0 else change >= margin


def _bars(axes: Axes, bars: pd.DataFrame, shade: str, alpha: float) -> None:
    if bars.empty:
        return
    # A change of zero is a hairline, not nothing.
    boxes = [
        [(place - 0.4, 0), (place - 0.4, change), (place + 0.4, change), (place + 0.4, 0)]
        for place, change in zip(bars["place"], bars["change"], strict=True)
    ]
    drawn = PolyCollection(boxes, facecolors=shade, edgecolors=shade, linewidths=0.4, alpha=alpha)
    tipped(
        drawn,
        [
            f"{subject}" + (f", {arm}" if arm else "") + f"\n{numbers.significant(change)}"
            for subject, arm, change in zip(bars["subject"], bars["arm"], bars["change"], strict=True)
        ],
    )
    axes.add_collection(drawn)
