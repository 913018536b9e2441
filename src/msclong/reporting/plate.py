"""A drawing as a figure of the record."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure as Drawing

from msclong.plots.svg import to_svg
from msclong.reporting.record import Figure


def plate(key: str, caption: str, alt: str, drawing: Drawing, data: pd.DataFrame) -> Figure:
    """`drawing` as SVG for pages, and itself for writers that need pixels. data : what it draws, one row a mark."""
    return Figure(key, caption, alt, to_svg(drawing, key), data, drawing=drawing)
