"""Figures become SVG elements that can stand side by side in one page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from msclong.plots.chains import traces
from msclong.plots.covariance import covariance_heatmap, sd_and_correlation
from msclong.plots.forest import forest, forest_rows
from msclong.plots.residuals import residual_panels
from msclong.plots.style import COLOURS, VARIABLES
from msclong.plots.svg import standalone, tipped, to_svg
from msclong.plots.trajectories import individual_trajectories, means_over_time

MEANS = pd.DataFrame(
    {
        "arm": ["A", "A", "B", "B"],
        "visit": ["1", "8"] * 2,
        "estimate": [-1.0, -5.0, -1.5, -8.0],
        "lower": [-2.0, -6.0, -2.5, -9.0],
        "upper": [0.0, -4.0, -0.5, -7.0],
    }
)
COUNTS = MEANS[["arm", "visit"]].assign(observed=[100, 61, 100, 70])


def figures():
    rng = np.random.default_rng(0)
    positions = {"1": 1.0, "8": 8.0}
    yield means_over_time(MEANS, positions, "Change (points)", "week", COUNTS, zero_line=True)
    yield means_over_time(MEANS, positions, "Change (points)", "week")
    yield forest(
        forest_rows({"One": MEANS.assign(se=1)}, ["A", "A", "B", "B"], ["1", "8"] * 2), "Change", margin=-3
    )
    observed = pd.DataFrame(
        {"arm": "A", "subject": [1, 1, 2, 3, 3], "position": [1.0, 8, 1, 1, 8], "value": [0.0, -3, 2, 1, -4]}
    )
    yield individual_trajectories(observed, positions, "Change", "week")
    yield individual_trajectories(observed, None, "Change", "week", most=2)
    sigma = pd.DataFrame(np.array([[4.0, -1.0], [-1.0, 9.0]]))
    yield covariance_heatmap(sd_and_correlation(sigma), ["1", "8"], "week", 2)
    yield covariance_heatmap(sd_and_correlation(sigma), ["1", "8"], "week", 2, sd_and_correlation(2 * sigma))
    wide = sd_and_correlation(pd.DataFrame(np.eye(9) + 1))
    yield covariance_heatmap(wide, [str(i) for i in range(9)], "week", 2, wide.where(wide > 1))
    residuals = pd.DataFrame({"scaled": rng.normal(size=4000), "fitted": rng.normal(size=4000)})
    yield residual_panels(residuals.assign(visit=["1", "8"] * 2000), "week")
    yield residual_panels(residuals, None)
    yield traces({"b": rng.normal(size=(4, 900))})


@pytest.mark.parametrize("figure", list(figures()))
def test_svg_is_well_formed_self_contained_and_prefixed(figure):
    svg = to_svg(figure, "fig")
    ElementTree.fromstring(svg)
    assert svg.startswith('<svg viewBox="0 0 ')
    assert "http" not in svg
    assert "<style" not in svg
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("fig-") for name in ids)
    referred = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
    assert {a or b for a, b in referred} <= set(ids)
    assert len(svg) < 200_000


def test_numbers_stay_text_and_keep_their_digits():
    svg = to_svg(covariance_heatmap(pd.DataFrame([[1.23456]]), ["1"], "week", 5), "fig")
    assert ">1.23456<" in svg


def test_colours_of_the_palette_follow_the_page_and_stand_alone_without_one():
    svg = to_svg(next(figures()), "fig")
    used = set(re.findall(r"var\(--([\w-]+),(#\w+)\)", svg))
    assert ("fig-1", COLOURS[0]) in used
    assert ("fig-2", COLOURS[1]) in used
    assert used <= {(name, value) for value, name in VARIABLES.items()}
    assert not set(re.findall(r"(?<!,)#[0-9a-f]{6}", svg))
    alone = standalone(svg)
    assert "var(" not in alone
    assert alone.startswith('<svg xmlns="http://www.w3.org/2000/svg" ')
    assert COLOURS[0] in alone
    ElementTree.fromstring(alone)


def test_marks_tell_their_figures():
    svg = to_svg(next(figures()), "fig")
    titles = [title.text for title in ElementTree.fromstring(svg).iter("title")]
    assert titles[0] == "week 1, A\n\N{MINUS SIGN}1.00 (\N{MINUS SIGN}2.00 to 0.00)\nn = 100"
    assert len(titles) == 4


def test_a_text_for_each_mark_or_one_for_all():
    figure = Figure()
    (dots,) = figure.subplots().plot([0, 1], [0, 1], "o")
    tipped(dots, ["both <&>"])
    assert "<title>both &lt;&amp;&gt;</title>" in to_svg(figure, "fig")
    tipped(dots, ["one", "two", "three"])
    with pytest.raises(ValueError, match="2 marks for 3 texts"):
        to_svg(figure, "fig")


def test_marks_that_share_their_style_state_it_once_and_stay_as_opaque_as_they_were():
    figure = Figure()
    figure.subplots().plot(range(50), range(50), ".", color=COLOURS[0], alpha=0.5)
    svg = to_svg(figure, "fig")
    assert "fill-opacity:0.5" in svg
    assert not re.search(r"[;\"]opacity", svg)
    assert svg.count("fill-opacity") <= 2


def test_the_strip_shows_the_numbers_observed():
    svg = to_svg(next(figures()), "fig")
    assert [int(n) for n in re.findall(r">(100|61|70)</text>", svg)] == [100, 61, 100, 70]


def test_equal_figures_are_equal_text():
    first, second = next(figures()), next(figures())
    assert to_svg(first, "fig") == to_svg(second, "fig")


def test_the_users_matplotlib_settings_are_left_alone():
    before = dict(matplotlib.rcParams)
    to_svg(next(figures()), "fig")
    assert dict(matplotlib.rcParams) == before
