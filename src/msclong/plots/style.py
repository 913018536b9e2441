"""One visual language for all figures: sizes, type, colours that colour-blind readers tell apart, SVG output."""

from __future__ import annotations

import io
import re
import textwrap
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 4.8
"""Inches. One column: at this width 9 pt type stays legible on a telephone and in print."""

INK, MUTED, RULE = "#222222", "#5a5a5a", "#c8c8c8"
"""Text and main marks; secondary text; hairlines."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito (2008), Color Universal Design, ordered for contrast on white; for arms."""

ENGINE_COLOURS = (INK, "#009E73", "#CC79A7", "#E69F00")
"""For engines, apart from those of the first two arms."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
"""Arms and engines differ in marker and line as well as in colour."""

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
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


def legend_above(axes: Axes, columns: int) -> None:
    """The legend in one line above the axes, where it hides no data."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        borderpad=0,
        handlelength=2.6,
        columnspacing=1.6,
    )


@journal
def to_svg(figure: Figure, name: str) -> str:
    """The figure as an SVG element for an HTML page: no XML prologue, no metadata, ids that begin with `name`.

    Text stays text, set in the font of the page around it; coordinates are cut to two decimals of a point.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].rstrip()
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(?:xmlns(?::xlink)?|version)="[^"]*"', "", svg)
    svg = re.sub(r"(<g) id=\"[^\"]*\"", r"\1", svg)
    svg = _renamed(svg.replace("xlink:href", "href"), name)
    svg = _USES.sub(_hoisted, svg)
    svg = re.sub(r" font-family: [^;\"]*;?| transform=\"rotate\(-0 [^\"]*\"", "", svg)
    svg = re.sub(r'\b(d|x|y|transform|points)="([^"]*)"', _shortened, svg)
    # The page sizes the figure and gives the font; the viewBox keeps the proportions.
    return re.sub(r"^<svg[^>]*?(viewBox=\"[^\"]*\")[^>]*>", r"<svg \1>", svg)


def _shortened(attribute: re.Match[str]) -> str:
    numbers = re.sub(r"(\.\d\d)\d+", r"\1", attribute.group(2))
    return f'{attribute.group(1)}="{re.sub(r"\s+", " ", numbers).strip()}"'


_USES = re.compile(r"<g((?: clip-path=\"[^\"]*\")?)>((?:\s*<use [^>]*/>)+)\s*</g>")


def _hoisted(group: re.Match[str]) -> str:
    """Markers that share a style state it once: a scatter of a thousand points is a third of the size."""
    styles = set(re.findall(r' style="([^"]*)"', group[2]))
    if len(styles) != 1:
        return group[0]
    uses = re.sub(r' style="[^"]*"', "", group[2])
    return f'<g{group[1]} style="{styles.pop()}">{uses}</g>'


def _renamed(svg: str, name: str) -> str:
    """Ids as `name`-1, `name`-2, ..., in order of appearance: short, and unique in a page of several figures."""
    numbers = {
        old: str(i) for i, old in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg)), start=1)
    }
    svg = re.sub(r'\bid="([^"]+)"', lambda found: f'id="{name}-{numbers[found[1]]}"', svg)
    return re.sub(r'(href="|url\()#([^")]+)', lambda found: f"{found[1]}#{name}-{numbers[found[2]]}", svg)
