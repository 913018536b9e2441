"""Figures of studies: small panels, the effect over population means, and a forest plot with named sides."""

from __future__ import annotations

import pandas as pd

from msclong.plots.forest import forest, forest_rows
from msclong.plots.outcome_panels import outcome_panels
from msclong.plots.selection import effect_over_population_means


def means(outcome: str, arms: tuple[str, ...] = ("",)) -> pd.DataFrame:
    rows = [
        (outcome, arm, visit, value, value * 0.9, value * 1.1)
        for arm in arms
        for visit, value in (("0", 1.0), ("6", 2.0), ("12", 4.0))
    ]
    return pd.DataFrame(rows, columns=["outcome", "arm", "visit", "estimate", "lower", "upper"])


def test_a_panel_for_each_outcome_with_an_axis_of_its_own():
    data = pd.concat([means(name) for name in "abcd"])
    places = {name: {"0": 0.0, "6": 6.0, "12": 12.0} for name in "abcd"}
    figure = outcome_panels(data, places, {name: f"Outcome {name}" for name in "abcd"}, ["b"], "month")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == [f"Outcome {name}" for name in "abcd"]
    assert [axes.get_yscale() for axes in shown] == ["linear", "log", "linear", "linear"]
    assert shown[0].lines[0].get_xdata().tolist() == [0.0, 6.0, 12.0]
    assert [axes.get_xlabel() for axes in shown] == ["", "", "Month", "Month"]
    assert figure.legends == []


def test_arms_of_panels_have_a_legend():
    figure = outcome_panels(
        means("a", ("old", "new")), {"a": {"0": 0, "6": 6, "12": 12}}, {"a": "A"}, [], "month"
    )
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["old", "new"]


def test_population_means_without_a_clear_effect_are_shaded_within_the_axis():
    effects = pd.DataFrame(
        {
            "population_mean": [1.0, 2.0, 3.0],
            "estimate": [0.0, -1, -2],
            "lower": [-1.0, -2, -3],
            "upper": [1.0, 0, -1],
        }
    )
    figure = effect_over_population_means(effects, 2.5, [(-float("inf"), 1.5), (9, 10)], "Mean", "Effect")
    (axes,) = figure.axes
    (shade,) = [patch for patch in axes.patches if patch.get_alpha()]
    assert shade.get_x() == 1.0
    assert shade.get_width() == 0.5
    assert axes.get_xlim() == (1.0, 3.0)


def test_the_sides_of_a_forest_plot_are_named():
    table = pd.DataFrame({"estimate": [1.0], "lower": [0.5], "upper": [1.5]})
    figure = forest(forest_rows({"Frequentist": table}, [""], ["a"]), "SDs", sides=("worse", "better"))
    assert [text.get_text() for text in figure.axes[0].texts] == ["← worse", "better →"]
