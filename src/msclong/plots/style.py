"""One visual language for all figures: sizes, type, colours that colour-blind readers tell apart."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

WIDTH = 4.8
"""Inches. One column: at this width 9 pt type stays legible on a telephone and in print."""

INK, MUTED, RULE, PAPER = "#222222", "#5a5a5a", "#c8c8c8", "#ffffff"
"""Text and main marks; secondary text; hairlines; the inside of hollow marks."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b5508b", "#8a6d00", "#5b4fa2", "#000000")
"""For arms: after Okabe and Ito (2008), Color Universal Design; their lighter ones darkened to 3:1 on white."""

ENGINE_COLOURS = (INK, COLOURS[2], COLOURS[3], COLOURS[4])
"""For engines, apart from those of the first two arms."""

VARIABLES = {INK: "fig-ink", MUTED: "fig-muted", RULE: "fig-rule", PAPER: "fig-paper"} | {
    value: f"fig-{i}" for i, value in enumerate(COLOURS, start=1)
}
"""The CSS variable of each colour, which pages set anew where they are dark (templates/style.css)."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
"""Arms and engines differ in marker and line as well as in colour."""

FAMILY = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

LEGEND = {"handlelength": 2.6, "handletextpad": 0.8, "columnspacing": 1.6}
"""Of a legend, in ems of its type."""

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": FAMILY.split(", ")[:-1],
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "text.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "msclong",
    "figure.constrained_layout.use": True,
}

journal = rc_context(STYLE)
"""Decorator: draw with STYLE, whatever the user's own matplotlib settings are."""


def colour(i: int) -> str:
    return COLOURS[i % len(COLOURS)]


def engine_colour(i: int) -> str:
    return ENGINE_COLOURS[i % len(ENGINE_COLOURS)]


def marker(i: int) -> str:
    return MARKERS[i % len(MARKERS)]


def line(i: int) -> object:
    return LINES[i % len(LINES)]


def wrapped(label: str, width: int = 40) -> str:
    """An axis label broken into lines."""
    return "\n".join(textwrap.wrap(label, width))


def capitalised(name: str) -> str:
    """A column name as an axis title: 'week' reads 'Week'; anything with capitals stays as it is."""
    return name.capitalize() if name.islower() else name


def text_width(text: str, size: float = 9, bold: bool = False) -> float:
    """Inches that `text`, one line, takes at `size` points; to be called where `journal` holds, as its font counts."""
    font = FontProperties(size=size, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return width / 72


def within(text: str, inches: float, size: float = 9, bold: bool = False, most: int | None = None) -> str:
    """`text` broken into lines no wider than `inches`.

    What `most` lines have no room for, and the end of a word that is wider than a line, becomes an ellipsis: the full
    text must be read elsewhere, in a legend, a caption or a tip.
    """
    lines: list[str] = []
    parts = text.split()
    last = " ".join(parts[-2:])
    if len(parts) > 1 and len(parts[-1]) < 3 and text_width(last, size, bold) <= inches:
        parts[-2:] = [last]  # 'month 12' stays together
    for word in parts:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold) <= inches:
            lines[-1] = longer
        else:
            lines.append(word)
    if most is not None and len(lines) > most:
        lines[most - 1 :] = [lines[most - 1] + ELLIPSIS]
    for i, words in enumerate(lines):
        while text_width(lines[i], size, bold) > inches and len(words) > 1:
            words = words.removesuffix(ELLIPSIS)[:-1].rstrip()
            lines[i] = words + ELLIPSIS
    return "\n".join(lines)


def legend(figure: Figure, handles: Sequence[Artist], names: Sequence[str]) -> None:
    """A legend above the axes, in as many columns as there is room for; the figure grows by its rows but the first."""
    room = figure.get_figwidth() - 0.2
    own = (LEGEND["handlelength"] + LEGEND["handletextpad"]) * 9 / 72
    broken = [within(name, room - own) for name in names]
    widths = [own + max(map(text_width, name.split("\n"))) for name in broken]
    space = LEGEND["columnspacing"] * 9 / 72
    columns = next(
        n
        for n in range(len(names), 0, -1)
        if n == 1 or sum(max(column) + space for column in np.array_split(widths, n)) <= room + space
    )
    lines = max(sum(name.count("\n") + 1 for name in part) for part in np.array_split(broken, columns))
    figure.set_figheight(figure.get_figheight() + 0.17 * (lines - 1))
    figure.legend(handles, broken, loc="outside upper left", ncols=columns, borderpad=0, **LEGEND)
