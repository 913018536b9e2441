"""Chains of posterior draws: traces, and ranks by chain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import rankdata

from msclong.plots.style import MUTED, WIDTH, colour, journal, within

MOST_DRAWS = 400
"""Draws of a chain that a trace shows; longer chains are thinned in the drawing."""


def rank_counts(draws: np.ndarray, bins: int = 20) -> pd.DataFrame:
    """How often the pooled ranks of each chain's draws (chains, draws) fall in each of `bins` equal classes.

    One row for each bin, one column for each chain; chains that mix are uniform (Vehtari et al. 2021, Bayesian
    Analysis 16:667).
    """
    chains, n = draws.shape
    ranks = rankdata(draws.reshape(-1), method="ordinal").reshape(chains, n) - 1
    classes = ranks * bins // (chains * n)
    counts = np.stack([np.bincount(row, minlength=bins) for row in classes.astype(int)], axis=1)
    return pd.DataFrame(counts, columns=[f"chain {i + 1}" for i in range(chains)])


@journal
def traces(draws: dict[str, np.ndarray]) -> Figure:
    """For each named quantity, (chains, draws): its trace on the left, the ranks of each chain on the right."""
    figure = Figure(figsize=(WIDTH, 0.35 + 1.25 * len(draws)))
    grid = figure.subplots(len(draws), 2, width_ratios=[1.7, 1], squeeze=False, sharex="col")
    for (trace, ranks), (name, values) in zip(grid, draws.items(), strict=True):
        every = max(1, -(-values.shape[1] // MOST_DRAWS))
        for i, chain in enumerate(values):
            trace.plot(
                np.arange(0, len(chain), every), chain[::every], color=colour(i), linewidth=0.5, alpha=0.75
            )
        counts = rank_counts(values)
        expected = values.shape[1] / len(counts)
        for i, chain in enumerate(counts):
            ranks.stairs(
                counts[chain] / expected,
                np.linspace(0, 1, len(counts) + 1),
                color=colour(i),
                linewidth=0.9,
                baseline=None,
            )
        ranks.axhline(1, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        ranks.set_ylim(0, max(2, float((counts / expected).to_numpy().max()) * 1.05))
        trace.set_title(within(name, 0.54 * WIDTH, 9, True, most=2))
        trace.margins(x=0.01)
    grid[-1, 0].set_xlabel("Draw")
    grid[-1, 1].set_xlabel("Pooled rank (0 to 1)")
    grid[0, 1].set_title(within("Ranks, relative to uniform", 0.27 * WIDTH, 9, True))
    return figure
