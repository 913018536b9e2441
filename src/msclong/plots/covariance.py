"""The covariance over visits as a heat map: fitted and observed correlations, standard deviations on the diagonal."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from msclong.plots.style import INK, WIDTH, capitalised, journal

MOST_NUMBERS = 12
"""More visits than this, and cells are too small for numbers."""


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
    """Shades are correlations: of `values`, a `sd_and_correlation`, below the diagonal, of `observed`, likewise, above.

    The framed diagonal holds the SDs, the observed ones second and in brackets. Observed values may be missing.
    negative : shade as if there were negative correlations (there may be in a figure beside this one).
    """
    T = len(values)
    fitted = values.to_numpy()
    seen = np.full((T, T), np.nan) if observed is None else observed.to_numpy()
    matrix = np.where(np.tri(T, dtype=bool), fitted, seen)
    shades = np.where(np.eye(T, dtype=bool), np.nan, matrix)
    positive = not (negative or (shades < 0).any())
    side = min(WIDTH, 1.7 + 0.55 * T)
    figure = Figure(figsize=(WIDTH, side * 0.78))
    axes = figure.subplots()
    # Steps of 0.1 (0.2 where there are negative ones), drawn as vectors: an SVG without pixels.
    cmap = colormaps["Blues" if positive else "PuOr"].resampled(10)
    edges = np.arange(T + 1) - 0.5
    image = axes.pcolormesh(edges, edges, shades, cmap=cmap, vmin=0 if positive else -1, vmax=1)
    axes.set(aspect="equal", xlim=(-0.5, T - 0.5), ylim=(T - 0.5, -0.5))
    for i in range(T):
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, facecolor="white", edgecolor=INK, linewidth=0.7))
        for j in range(T):
            if T <= MOST_NUMBERS and np.isfinite(matrix[i, j]):
                text = f"{matrix[i, j]:.{sd_decimals if i == j else 2}f}".replace("-", "\N{MINUS SIGN}")
                if i == j and np.isfinite(seen[i, i]):
                    text += f"\n({seen[i, i]:.{sd_decimals}f})"
                dark = abs(shades[i, j]) >= 0.6
                axes.text(j, i, text, ha="center", va="center", color="white" if dark else INK, fontsize=8.5)
    every = max(1, T // 12)
    axes.set_xticks(range(0, T, every), labels[::every])
    axes.set_yticks(range(0, T, every), labels[::every])
    axes.set_xlabel(capitalised(visit))
    axes.set_ylabel(capitalised(visit))
    if observed is not None:
        axes.set_title("Below the diagonal fitted, above it observed", fontsize=8.5, color=INK)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if T > 1:
        bar = figure.colorbar(image, ax=axes, shrink=0.75, aspect=18)
        bar.outline.set_visible(False)
        bar.set_label("Correlation")
    return figure
