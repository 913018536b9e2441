"""How cost grows, from benchmarks/results: one plot for each thing that grows, on logarithmic axes."""

from __future__ import annotations

import math

from benchmark_tables import results
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from msclong.plots import style
from msclong.plots.svg import tipped, to_svg

QUESTIONS = {"outcomes": "many_outcomes"}
"""The question that holds a growth curve, where that is not `growth`."""


def growth(axis: str) -> HTML:
    """Seconds against what grows, a line for each program, up to where it was not asked for more."""
    question = QUESTIONS.get(axis, "growth")
    found = results(question)
    cases = [case for case in found["cases"] if case.get("axis") == axis] if found else []
    if not cases:
        return HTML(f"<p>Not measured yet: <code>make bench ONLY={question}</code>.</p>")
    every = [case for case in found["cases"] if "axis" in case] if found else []
    programs = list(dict.fromkeys(_maker(row["program"]) for case in every for row in case["rows"]))
    return HTML(to_svg(_figure(axis, cases, programs), f"growth-{axis}-"))


def _maker(program: str) -> str:
    """Who makes a program, whichever of its functions is asked; msclong's own lines are told apart."""
    return program if program.startswith("msclong") else program.split(",")[0].split("::")[0]


@style.journal
def _figure(axis: str, cases: list[dict], programs: list[str]) -> Figure:
    """A program has its colour and marker by the place of its maker among `programs`: the same in each plot."""
    series: dict[str, list[tuple[float, float]]] = {}
    for case in cases:
        for row in case["rows"]:
            if "median" in row:
                series.setdefault(row["program"], []).append((case["x"], row["median"]))
    figure = Figure(figsize=(1.35 * style.WIDTH, 0.78 * style.WIDTH))
    axes: Axes = figure.subplots()
    lines = [_line(axes, programs.index(_maker(name)), name, points, axis) for name, points in series.items()]
    axes.set(xscale="log", yscale="log", xlabel=axis.capitalize(), ylabel="Seconds")
    for which in (axes.xaxis, axes.yaxis):
        which.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        which.set_minor_formatter(NullFormatter())
    axes.set_xticks(sorted({case["x"] for case in cases}))
    axes.xaxis.set_minor_locator(NullLocator())
    exponents = [math.log10(seconds) for points in series.values() for _, seconds in points]
    axes.set_ylim(10.0 ** math.floor(min(exponents)), 10.0 ** math.ceil(max(exponents)))
    axes.grid(axis="y", color=style.RULE, linewidth=0.4)
    style.legend(figure, lines, list(series))
    return figure


def _line(axes: Axes, i: int, name: str, points: list[tuple[float, float]], axis: str):
    """msclong's own lines are thick and in ink."""
    ours = name.startswith("msclong")
    (line,) = axes.plot(
        *zip(*points, strict=True),
        color=style.INK if ours else style.colour(i - 2),
        marker=style.marker(i),
        markersize=4.5 if ours else 3.5,
        linestyle="-" if i == 0 or not ours else style.line(1),
        linewidth=2.0 if ours else 1.0,
        zorder=3 if ours else 2,
    )
    tipped(line, [f"{name}, {x:,.0f} {axis}: {seconds:.3g} s" for x, seconds in points])
    return line
