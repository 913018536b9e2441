"""The colours of the page and of its figures, from style.css itself: contrast by WCAG 2.2, on every paper."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from msclong.plots.covariance import MOST_OPAQUE, shade
from msclong.plots.style import COLOURS, ENGINE_COLOURS, INK, MUTED, VARIABLES

TEXT, GRAPHICS = 4.5, 3.0
"""WCAG 2.2, success criteria 1.4.3 and 1.4.11."""

CSS = (files("msclong.reporting") / "templates" / "style.css").read_text(encoding="utf-8")


def palette(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", css))


FIGURE = {name: value for value, name in VARIABLES.items()}
LIGHT = FIGURE | palette(CSS[: CSS.index("@media")])
DARK = LIGHT | palette(
    re.search(r"@media screen and \(prefers-color-scheme: dark\) \{(.*?)\n\}", CSS, re.S)[1]
)
PRINT = LIGHT | palette(CSS[CSS.index("@media print") :])
PAPERS = pytest.mark.parametrize("paper", [LIGHT, DARK, PRINT], ids=["light", "dark", "print"])


def channels(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def luminance(rgb: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: list[float], second: list[float]) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_black_on_white_is_21():
    assert contrast(channels("#000000"), channels("#ffffff")) == pytest.approx(21)


@PAPERS
def test_text_is_readable(paper):
    for name in ("ink", "muted", "link", "warn", "fig-ink", "fig-muted"):
        for ground in ("paper", "tint") if not name.startswith("fig") else ("paper", "fig-paper"):
            ratio = contrast(channels(paper[name]), channels(paper[ground]))
            assert ratio >= TEXT, (name, ground, ratio)


@PAPERS
def test_every_colour_of_a_figure_is_seen(paper):
    assert set(ENGINE_COLOURS) <= {INK, MUTED, *COLOURS}
    for colour in COLOURS:
        ratio = contrast(channels(paper[VARIABLES[colour]]), channels(paper["paper"]))
        assert ratio >= GRAPHICS, (colour, ratio)


def test_dark_sets_every_colour_of_figures_anew():
    assert {f"--{name}" for name in VARIABLES.values()} <= set(
        re.findall(r"--fig-[\w-]+", CSS[: CSS.index("* {")])
    )
    assert all(DARK[name] != LIGHT[name] for name in VARIABLES.values())


@PAPERS
@pytest.mark.parametrize("correlation", [1.0, 0.5, -0.5, -1.0])
def test_numbers_are_readable_on_the_darkest_cell_of_a_heat_map(paper, correlation):
    colour, opacity = shade(correlation)
    assert opacity <= MOST_OPAQUE
    ground = [
        opacity * over + (1 - opacity) * under
        for over, under in zip(channels(paper[VARIABLES[colour]]), channels(paper["paper"]), strict=True)
    ]
    assert contrast(channels(paper["fig-ink"]), ground) >= TEXT
