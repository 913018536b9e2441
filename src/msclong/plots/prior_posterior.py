"""What the data added: each parameter's posterior density over its prior one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from msclong.plots.half_eye import density
from msclong.plots.style import MUTED, WIDTH, colour, journal, legend, within

COLUMNS = 3
WIDEST = 6.0
"""The axis is at most so many times as wide as the posterior; a prior beyond that runs out of it."""


def shown_range(prior: np.ndarray, posterior: np.ndarray) -> tuple[float, float]:
    """The horizontal axis: all of the posterior, and of the prior's central 95 % what WIDEST leaves room for."""
    low, high = np.quantile(posterior, (0.001, 0.999))
    middle, half = (low + high) / 2, WIDEST * (high - low) / 2
    left, right = np.quantile(prior, (0.025, 0.975))
    if half == 0:
        return float(left), float(right)
    return float(min(low, max(left, middle - half))), float(max(high, min(right, middle + half)))


@journal
def prior_posterior(draws: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """A panel for each parameter: (prior draws, posterior draws), both as densities on one scale.

    The posterior is filled, the prior dashed; a prior much wider than the posterior is a low line, as it should be.
    """
    columns = min(COLUMNS, len(draws))
    rows = -(-len(draws) // columns)
    figure = Figure(figsize=(WIDTH, 0.4 + 1.15 * rows))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (name, (prior, posterior)) in zip(grid.flat, draws.items(), strict=False):
        low, high = shown_range(prior, posterior)
        x, height = density(posterior)
        if len(x):
            axes.fill_between(
                x, 0, height, facecolor=colour(0), edgecolor=colour(0), alpha=0.3, linewidth=0.9
            )
        x, height = density(prior)
        axes.plot(x, height, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_xlim(low, high)
        axes.set_ylim(0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", nbins=4)
        axes.tick_params(labelsize=7.5)
        axes.set_title(within(name, WIDTH / columns - 0.15, 8, True, most=3), fontsize=8)
    for axes in list(grid.flat)[len(draws) :]:
        axes.set_visible(False)
    handles = [
        Patch(facecolor=(colour(0), 0.3), edgecolor=colour(0), label="posterior"),
        Line2D([], [], color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)), label="prior"),
    ]
    legend(figure, handles, [str(handle.get_label()) for handle in handles])
    return figure
