"""Which visits were observed together: patterns as rows of tiles, with how many participants have each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from msclong.plots.style import INK, MUTED, PAPER, RULE, WIDTH, colour, journal, within
from msclong.plots.svg import tipped

MOST_PATTERNS = 20
"""More patterns than this, and the rarest stand together in a last row without tiles."""


def pattern_counts(patterns: pd.DataFrame) -> pd.DataFrame:
    """`patterns` (arm, pattern of '1' observed and '0' missing, n) with a row for each pattern, a column for each arm.

    The order is from most to fewest participants; ties by the pattern, those with more visits first. Beyond
    MOST_PATTERNS the rest is one row, 'other'.
    """
    table = patterns.pivot_table(
        index="pattern", columns="arm", values="n", aggfunc="sum", fill_value=0, sort=False, observed=True
    )
    table = table[list(dict.fromkeys(patterns["arm"]))].astype(int)
    order = sorted(table.index, key=lambda p: (-table.loc[p].sum(), -p.count("1"), p.replace("1", " ")))
    table = table.loc[order]
    if len(table) > MOST_PATTERNS:
        rest = table.iloc[MOST_PATTERNS - 1 :].sum().rename("other")
        table = pd.concat([table.iloc[: MOST_PATTERNS - 1], rest.to_frame().T.rename_axis("pattern")])
    return table


@journal
def missing_map(patterns: pd.DataFrame, visits: Sequence[str]) -> Figure:
    """Tiles, full where the outcome was observed and hollow where it is missing; beside them, participants by arm.

    patterns : columns arm, pattern (a '1' or '0' for each visit), n. visits : their labels, in order.
    """
    table = pattern_counts(patterns)
    arms, rows = list(table.columns), len(table)
    # The headings of many arms and the tiles of many visits share one line.
    share = min(max(2.2, 0.42 * len(visits)), max(3.5, len(arms)))
    room = (WIDTH - 0.2) / (share + len(arms)) - 0.04
    headings = [within(arm or "Participants", room, 8, True, most=3) for arm in arms]
    lines = max(heading.count("\n") for heading in headings)
    figure = Figure(figsize=(WIDTH, 0.75 + 0.21 * rows + 0.15 * lines))
    tiles, *panels = figure.subplots(1, 1 + len(arms), sharey=True, width_ratios=[share, *[1] * len(arms)])
    observed = [(j, i) for i, p in enumerate(table.index) for j, c in enumerate(p) if c == "1"]
    missing = [(j, i) for i, p in enumerate(table.index) for j, c in enumerate(p) if c == "0"]
    for places, face in ((observed, MUTED), (missing, PAPER)):
        tiles.add_collection(
            PolyCollection([_tile(*p) for p in places], facecolors=face, edgecolors=MUTED, linewidths=0.7)
        )
    if table.index[-1] == "other":
        tiles.text(-0.4, rows - 1, "all other patterns", va="center", color=INK, fontsize=8.5)
    every = max(1, -(-len(visits) // 12))
    tiles.set_xticks(range(0, len(visits), every), list(visits)[::every])
    tiles.set_xlim(-0.5, len(visits) - 0.5)
    tiles.set_ylim(rows - 0.5, -0.5)
    tiles.set_yticks([])
    key = within("Observed (full), missing (hollow)", room * share, 8.5)
    tiles.set_title(key, fontweight="normal", color=MUTED, fontsize=8.5)
    most = int(table.to_numpy().max())
    for i, (axes, arm) in enumerate(zip(panels, arms, strict=True)):
        bars = axes.barh(range(rows), table[arm], height=0.62, color=colour(i))
        for y, (bar, n) in enumerate(zip(bars, table[arm], strict=True)):
            tipped(bar, [f"{arm}: {n}" if arm else str(n)])
            axes.text(n + 0.03 * most, y, str(n), va="center", color=INK, fontsize=8.5)
        axes.set_xlim(0, 1.35 * most)
        axes.set_xticks([])
        axes.set_title(headings[i], fontsize=8)
    for axes in (tiles, *panels):
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        if axes is not tiles:
            axes.axvline(0, color=RULE, linewidth=0.8)
    return figure


def _tile(x: float, y: float) -> list[tuple[float, float]]:
    a, b = 0.42, 0.36
    return [(x - a, y - b), (x + a, y - b), (x + a, y + b), (x - a, y + b)]
