"""Figures of the record as files of their own: SVG that stands alone, PNG for writers that cannot set SVG."""

from __future__ import annotations

import io

import numpy as np
from matplotlib import image
from matplotlib.figure import Figure as Drawing

from msclong.errors import SpecError
from msclong.plots.style import journal
from msclong.reporting.record import Figure
from msclong.reporting.stamp import COLOUR, STRIP

DPI = 220

FONTS = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"


def svg_file(figure: Figure) -> str:
    """The figure's SVG, which takes its namespaces, type and ground from a page, with its own."""
    own = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'font-family="{FONTS}" style="background:#ffffff" '
    )
    return figure.svg.replace("<svg ", own, 1) + "\n"


@journal
def png(figure: Figure) -> bytes:
    """The figure at DPI on white, with its stamp on a strip above, as `stamp.drawn_into` sets it in SVG."""
    if figure.drawing is None:
        raise SpecError(f"Figure {figure.key!r} has no drawing, so it has no pixels: write HTML or Markdown.")
    pixels = _pixels(figure.drawing)
    if figure.stamp:
        height, width = (length / DPI for length in pixels.shape[:2])
        frame = Drawing(figsize=(width, height + STRIP / 72), dpi=DPI)
        frame.figimage(pixels, 0, 0)
        word = frame.text(1 - 3 / 72 / width, 1, f"{figure.stamp} data", size=8, weight="bold")
        word.set(color=COLOUR, ha="right", va="top")
        pixels = _pixels(frame)
    buffer = io.BytesIO()
    image.imsave(buffer, pixels, format="png", dpi=DPI)
    return buffer.getvalue()


def _pixels(drawing: Drawing) -> np.ndarray:
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    buffer.seek(0)
    return np.asarray(image.imread(buffer))
