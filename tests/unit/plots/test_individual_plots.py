"""Figures of single subjects, of posteriors and of what is missing: their data, and what is drawn of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from msclong.plots.half_eye import density, half_eye
from msclong.plots.missing_map import MOST_PATTERNS, missing_map, pattern_counts
from msclong.plots.predictive import predictive_bands
from msclong.plots.prior_posterior import WIDEST, prior_posterior, shown_range
from msclong.plots.subject_panels import chosen_subjects, subject_panels
from msclong.plots.svg import to_svg
from msclong.plots.trajectories import course, spread
from msclong.plots.waterfall import waterfall, waterfall_bars

ROUNDING = 1e-9
"""Of double precision."""
INTEGRAL = 0.01
"""A density between its 0.1 % and 99.9 % quantiles, by the trapezoidal rule, lacks 0.2 % and the kernel's tails."""

CHANGES = pd.DataFrame(
    {
        "arm": ["old", "old", "new", "new", "new"],
        "subject": ["a", "b", "c", "d", "e"],
        "change": [-1.0, 2.0, -5.0, np.nan, -3.0],
    }
)


def shown(figure) -> list:
    return [axes for axes in figure.axes if axes.get_visible()]


def test_waterfall_bars_fall_within_their_arm_and_skip_the_missing():
    bars = waterfall_bars(CHANGES)
    assert bars["subject"].tolist() == ["b", "a", "e", "c"]
    assert bars["place"].tolist() == [0, 1, 0, 1]


def test_waterfall_counts_the_bars_beyond_the_margin():
    figure = waterfall(CHANGES, "Change", margin=-3, better="lower")
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "old\n0 of 2 at or beyond \N{MINUS SIGN}3",
        "new\n2 of 2 at or beyond \N{MINUS SIGN}3",
    ]
    assert figure.axes[0].get_ylabel() == "Change\n(lower is better)"
    svg = to_svg(figure, "w")
    assert "<title>c, new\n\N{MINUS SIGN}5.00</title>" in svg
    assert svg.count("<title>") == 4
    upward = waterfall(CHANGES.assign(change=-CHANGES["change"]), "Change", margin=3)
    assert upward.axes[1].get_title(loc="left").endswith("2 of 2 at or beyond 3")


def test_density_integrates_to_one_and_a_constant_has_none():
    x, height = density(np.random.default_rng(3).normal(size=4000))
    assert np.trapezoid(height, x) == pytest.approx(1, abs=INTEGRAL)
    assert density(np.full(50, 3.0))[0].size == 0


def test_half_eyes_have_a_row_each_and_both_lines():
    rng = np.random.default_rng(1)
    draws = {"week 1": rng.normal(size=(2, 300)), "none": np.zeros(9)}
    table = pd.DataFrame(
        [("week 1", 0.1, -0.7, 0.7, -2.04, 1.96), ("none", 0.0, 0.0, 0.0, 0.0, 0.0)],
        columns=["label", "estimate", "lower_50", "upper_50", "lower", "upper"],
    )
    figure = half_eye(draws, table, 1, "Change", margin=-2)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["week 1", "none"]
    vertical = [line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [0, 1]]
    assert vertical == [0, -2]
    told = "week 1\n0.1\n50% interval \N{MINUS SIGN}0.7 to 0.7\n95% interval \N{MINUS SIGN}2.0 to 2.0"
    assert told in to_svg(figure, "h")


def test_patterns_are_ordered_by_how_many_have_them_and_the_rare_stand_together():
    patterns = pd.DataFrame(
        [("A", "11", 5), ("B", "11", 4), ("B", "10", 20), ("A", "01", 9)], columns=["arm", "pattern", "n"]
    )
    table = pattern_counts(patterns)
    assert table.index.tolist() == ["10", "11", "01"]
    assert table.loc["11"].to_dict() == {"A": 5, "B": 4}
    many = pd.DataFrame({"arm": "", "pattern": [f"{i:06b}" for i in range(40)], "n": range(40, 0, -1)})
    table = pattern_counts(many)
    assert len(table) == MOST_PATTERNS
    assert table.index[-1] == "other"
    assert table.to_numpy().sum() == many["n"].sum()


def test_the_map_prints_the_numbers_of_each_arm():
    patterns = pd.DataFrame([("A", "11", 5), ("B", "10", 20)], columns=["arm", "pattern", "n"])
    figure = missing_map(patterns, ["week 1", "week 2"])
    tiles, first, second = figure.axes
    assert [text.get_text() for text in tiles.get_xticklabels()] == ["week 1", "week 2"]
    assert [text.get_text() for text in first.texts] == ["0", "5"]
    assert [text.get_text() for text in second.texts] == ["20", "0"]
    full, hollow = (len(collection.get_paths()) for collection in tiles.collections)
    assert (full, hollow) == (3, 1)


def courses(n: int) -> pd.DataFrame:
    rows = [(f"s{i}", "AB"[i % 2], t, float(i + t)) for i in range(n) for t in (0.0, 6.0)]
    return pd.DataFrame(rows, columns=["subject", "arm", "position", "value"])


def test_chosen_subjects_are_of_every_arm_and_kind():
    assert chosen_subjects(courses(6), 9) == ["s0", "s2", "s4", "s1", "s3", "s5"]
    assert chosen_subjects(courses(6), 2) == ["s0", "s5"]


def test_a_panel_for_each_subject_with_its_points_and_its_curve():
    observed = courses(5)
    curve = observed.rename(columns={"value": "estimate"}).drop(columns="arm")
    curve = curve.assign(lower=curve["estimate"] - 1, upper=curve["estimate"] + 1)
    figure = subject_panels(observed, curve[curve["subject"] != "s4"], {"0": 0, "6": 6}, "Score", "month")
    panels = shown(figure)
    assert [axes.get_title(loc="left") for axes in panels] == ["s0", "s2", "s4", "s1", "s3"]
    line, points = panels[0].lines
    assert line.get_ydata().tolist() == points.get_ydata().tolist() == [0, 6]
    assert panels[2].lines[0].get_ydata().size == 0
    assert panels[2].lines[1].get_ydata().tolist() == [4, 10]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["A", "B"]


def test_a_course_in_words():
    rows = courses(1)
    assert course("s0", rows, {"baseline": 0, "month 6": 6}) == "s0, A\nbaseline: 0; month 6: 6"
    assert course("s0", rows.assign(arm=""), None) == "s0\n0: 0; 6: 6"


def test_the_axis_shows_the_posterior_and_what_there_is_room_for_of_the_prior():
    rng = np.random.default_rng(5)
    posterior, narrow, wide = rng.normal(0, 1, 4000), rng.normal(1, 1.2, 4000), rng.normal(0, 500, 4000)
    low, high = np.quantile(posterior, (0.001, 0.999))
    left, right = shown_range(wide, posterior)
    assert right - left == pytest.approx(WIDEST * (high - low))
    left, right = shown_range(narrow, posterior)
    assert left == pytest.approx(low)
    assert right >= np.quantile(narrow, 0.975) - ROUNDING
    figure = prior_posterior({"a": (wide, posterior), "b": (narrow, posterior)})
    assert len(shown(figure)) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["posterior", "prior"]


def test_what_lies_outside_the_band_is_hollow():
    bands = pd.DataFrame(
        [("Mean", "", "1", 5.0, 4, 4.5, 5, 5.5, 6), ("Mean", "", "8", 9.0, 4, 4.5, 5, 5.5, 6)],
        columns=["statistic", "arm", "visit", "observed", "lower", "lower_50", "median", "upper_50", "upper"],
    )
    figure = predictive_bands(bands, {"1": 1.0, "8": 8.0}, "Score", "week")
    (axes,) = figure.axes
    _, inside, outside = axes.lines
    assert inside.get_xdata().tolist() == [1.0]
    assert outside.get_xdata().tolist() == [8.0]
    assert outside.get_markerfacecolor() == "none"
    assert (axes.get_ylabel(), figure.get_supylabel()) == ("Mean", "Score")
    assert "week 8\nMean 9.00" in to_svg(figure, "p")


def test_labels_of_near_visits_stand_apart_and_those_of_others_at_their_place():
    places = [0.0, 0.5, 1.0, 3.0, 6.0, 12.0]
    moved = spread(places, width=4, spacing=0.3)
    assert np.diff(moved).min() >= 0.9 - ROUNDING
    assert moved[0] == 0
    assert moved[3:] == pytest.approx(places[3:])
    assert spread([0.0, 6.0, 12.0], 4, 0.3) == pytest.approx([0, 6, 12])
    assert spread([5.0], 4, 0.3) == [5]
    # What does not fit stands evenly.
    assert np.diff(spread([0.0, 1, 2, 10], 1, 0.5)) == pytest.approx([10 / 3] * 3)
