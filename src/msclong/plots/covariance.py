"""The covariance over visits as a heat map: fitted and observed correlations, standard deviations on the diagonal."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from msclong.plots.style import INK, PAPER, WIDTH, capitalised, colour, journal
from msclong.plots.svg import tipped
from msclong.printing import numbers

MOST_NUMBERS = 12
"""More visits than this, and cells are too small for numbers."""

MOST_BESIDE = 7
"""More visits than this, and two matrices stand one above the other."""

MOST_OPAQUE = 0.56
"""The shade of a correlation of one: text in INK is legible on it, on light paper and on dark."""


def sd_and_correlation(sigma: pd.DataFrame) -> pd.DataFrame:
    """Correlations of a covariance matrix (T, T), with the SDs, in the outcome's unit, on the diagonal.

    NaN for correlations with what has no variance.
    """
    sd = np.sqrt(np.diag(sigma))
    product = np.outer(sd, sd)
    values = np.divide(sigma.to_numpy(), product, out=np.full(product.shape, np.nan), where=product > 0)
    np.fill_diagonal(values, sd)
    return pd.DataFrame(values, index=sigma.index, columns=sigma.columns)


@journal
def covariance_heatmap(
    values: pd.DataFrame,
    labels: list[str],
    visit: str,
    sd_decimals: int,
    observed: pd.DataFrame | None = None,
    negative: bool = False,
) -> Figure:
    """Shades are the correlations of `values`, a `sd_and_correlation`; those of `observed`, likewise, stand beside it.

    The framed diagonal holds the SDs. Observed values may be missing. Each half below the diagonal is drawn once.
    negative : shade as if there were negative correlations (there may be in a figure beside this one).
    """
    T = len(values)
    panels = {"Fitted": values} if observed is None else {"Fitted": values, "Observed": observed}
    below = [frame.to_numpy()[np.tril_indices(T, -1)] for frame in panels.values()]
    negative = negative or any((part < 0).any() for part in below)
    # Side by side while cells have room for their numbers, else one above the other.
    stacked = len(panels) > 1 and T > MOST_BESIDE
    across = 1 if stacked else len(panels)
    side = min(WIDTH - 0.9, 0.7 + 0.55 * T) if across == 1 else WIDTH / 2
    height = len(panels) // across * (side + 0.15) + 0.35
    figure = Figure(figsize=(WIDTH, height), layout="compressed")
    grid = figure.subplots(len(panels) // across, across, squeeze=False)
    for axes, (name, frame) in zip(grid.flat, panels.items(), strict=True):
        _panel(axes, frame.to_numpy(), labels, sd_decimals, across)
        axes.set_xlabel(capitalised(visit))
        if stacked or axes is grid[0, 0]:
            axes.set_ylabel(capitalised(visit))
        if len(panels) > 1:
            axes.set_title(name)
    if T > 1:
        steps = np.arange(-1.0 if negative else 0.0, 1.01, 0.1).round(1)
        shades = ListedColormap([shade(value) for value in (steps[:-1] + steps[1:]) / 2])
        bar = figure.colorbar(
            ScalarMappable(BoundaryNorm(steps, len(steps) - 1), shades),
            ax=grid.ravel().tolist(),
            orientation="vertical" if across == 1 else "horizontal",
            shrink=0.75 if across == 1 else 0.5,
            aspect=18 if across == 1 else 26,
            ticks=steps[:: 5 if negative else 2],
        )
        bar.outline.set_visible(False)
        bar.set_label("Correlation")
        bar.ax.tick_params(length=0)
    return figure


def shade(correlation: float) -> tuple[str, float]:
    """Blue, of negative ones vermilion, the more opaque the stronger in steps of 0.1: on light paper and on dark."""
    strength = min(0.95, np.floor(abs(correlation) * 10 + 1e-9) / 10 + 0.05)
    return colour(0 if correlation >= 0 else 1), MOST_OPAQUE * strength


def _panel(axes: Axes, matrix: np.ndarray, labels: list[str], sd_decimals: int, across: int) -> None:
    T = len(matrix)
    cells = [(i, j) for i in range(T) for j in range(i + 1) if np.isfinite(matrix[i, j])]
    off = [(i, j) for i, j in cells if i != j]
    for wanted, faces in ((off, [shade(matrix[i, j]) for i, j in off]), ([(i, i) for i in range(T)], "none")):
        boxes = [
            [(j - 0.5, i - 0.5), (j + 0.5, i - 0.5), (j + 0.5, i + 0.5), (j - 0.5, i + 0.5)]
            for i, j in wanted
        ]
        if boxes:
            frame = PolyCollection(
                boxes, facecolors=faces, edgecolors=INK if faces == "none" else PAPER, linewidths=0.7
            )
            tipped(frame, [_tip(matrix, labels, i, j, sd_decimals) for i, j in wanted])
            axes.add_collection(frame)
    size = 8.5 if across == 1 or T <= 5 else 7.5
    for i, j in cells if T <= MOST_NUMBERS else []:
        text = numbers.fixed(matrix[i, j], sd_decimals if i == j else 2)
        if i != j and across > 1:
            text = text.replace("0.", ".")
        axes.text(j, i, text, ha="center", va="center", color=INK, fontsize=size)
    every = max(1, -(-T // 12))
    axes.set(aspect="equal", xlim=(-0.5, T - 0.5), ylim=(T - 0.5, -0.5))
    axes.set_xticks(range(0, T, every), labels[::every])
    axes.set_yticks(range(0, T, every), labels[::every])
    axes.tick_params(length=0, pad=2)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _tip(matrix: np.ndarray, labels: list[str], i: int, j: int, decimals: int) -> str:
    if i == j:
        return f"{labels[i]}\nSD {numbers.fixed(matrix[i, i], decimals)}"
    return f"{labels[j]} and {labels[i]}\ncorrelation {numbers.fixed(matrix[i, j], 2)}"
