"""Long names of arms and many visits: what is written in a figure stays in it, apart, and readable elsewhere if cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from msclong.plots.chains import traces
from msclong.plots.covariance import covariance_heatmap, sd_and_correlation
from msclong.plots.forest import forest, forest_rows
from msclong.plots.half_eye import half_eye
from msclong.plots.influence import influence_stems
from msclong.plots.missing_map import missing_map
from msclong.plots.outcome_panels import outcome_panels
from msclong.plots.predictive import predictive_bands
from msclong.plots.prior_posterior import prior_posterior
from msclong.plots.style import ELLIPSIS, WIDTH, journal, legend, text_width, within
from msclong.plots.subject_panels import subject_panels
from msclong.plots.trajectories import individual_trajectories, means_over_time
from msclong.plots.waterfall import waterfall

ROUNDING = 1.0
"""Pixels of 1/100 inch by which a letter may lean over its box."""
LINE = 4.0
"""Pixels by which boxes of text may overlap where their letters do not: air above and below them."""

LONG = (
    "Placebo once weekly + lifestyle",
    "Semaglutide 1.0 mg once weekly",
    "Semaglutide 2.4 mg once weekly",
    "Tirzepatide 15 mg once weekly",
)
LONGEST = tuple(f"{name} {'and advice on diet ' * 4}".strip() for name in LONG)
VISITS = ("1", "2", "4", "6", "8")
POSITIONS = {visit: float(visit) for visit in VISITS}


def by_visit(arms: tuple[str, ...], **columns: float) -> pd.DataFrame:
    rows = pd.DataFrame([(arm, visit) for arm in arms for visit in VISITS], columns=["arm", "visit"])
    return rows.assign(estimate=np.linspace(-1, -8, len(rows)), **columns).assign(
        lower=lambda t: t["estimate"] - 1, upper=lambda t: t["estimate"] + 1
    )


def drawn(arms: tuple[str, ...]) -> Iterator[Figure]:
    """Every figure in which arms are named."""
    rng = np.random.default_rng(2)
    means = by_visit(arms, se=0.5, observed=25)
    yield means_over_time(means, POSITIONS, "Change in weight (kg)", "week", means)
    differences = [f"{arm} \N{MINUS SIGN} {arms[0]}" for arm in arms[1:]]
    table = means[["estimate", "se", "lower", "upper"]].head(3)
    yield forest(forest_rows({"One": table, "Two": table}, differences, ["week 8"] * 3), "Difference")
    yield forest(forest_rows({"One": table}, [""] * 3, differences), "Difference")
    courses = pd.DataFrame(
        [
            (arm, f"{i}{j}", t, float(rng.normal()))
            for i, arm in enumerate(arms)
            for j in range(4)
            for t in (1, 8)
        ],
        columns=["arm", "subject", "position", "value"],
    )
    yield individual_trajectories(courses, POSITIONS, "Change", "week")
    fitted = courses.rename(columns={"value": "estimate"}).assign(lower=-1.0, upper=1.0)
    yield subject_panels(courses, fitted, POSITIONS, "Change", "week")
    yield waterfall(courses.assign(change=courses["value"]), "Change", margin=-3, better="lower")
    patterns = [(arm, pattern, 9) for arm in arms for pattern in ("11111", "11100")]
    yield missing_map(pd.DataFrame(patterns, columns=["arm", "pattern", "n"]), VISITS)
    bands = means.assign(
        statistic="Mean", observed=means["estimate"], lower_50=-4.0, median=-3.0, upper_50=-2.0
    )
    yield predictive_bands(bands, POSITIONS, "Change", "week")
    yield outcome_panels(means.assign(outcome="a"), {"a": POSITIONS}, {"a": "Weight"}, [], "week")
    distances = pd.DataFrame({"arm": np.repeat(arms, 5), "case": range(20), "cook_d": rng.uniform(size=20)})
    yield influence_stems(distances, "Participants")
    draws = {name: rng.normal(size=(2, 90)) for name in differences}
    limits = pd.DataFrame({"label": differences, "estimate": 0.0, "lower_50": -0.7, "upper_50": 0.7})
    yield half_eye(draws, limits.assign(lower=-2.0, upper=2.0), 2, "Difference")
    yield prior_posterior({name: (one[0], one[1]) for name, one in draws.items()})
    yield traces(draws)


@journal
def crowded(figure: Figure) -> list[str]:
    """Words, of four letters or more, that run out of the figure or over others."""
    figure.draw_without_rendering()
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if text.get_visible() and len(text.get_text()) > 3 and any(map(str.isalpha, text.get_text()))
    ]
    assert boxes
    wrong = [
        words
        for words, box in boxes
        if box.x0 < -ROUNDING
        or box.y0 < -ROUNDING
        or box.x1 > figure.bbox.x1 + ROUNDING
        or box.y1 > figure.bbox.y1 + ROUNDING
    ]
    for i, (words, box) in enumerate(boxes):
        for other, place in boxes[i + 1 :]:
            across = min(box.x1, place.x1) - max(box.x0, place.x0)
            down = min(box.y1, place.y1) - max(box.y0, place.y0)
            if words != other and across > ROUNDING and down > LINE:
                wrong.append(f"{words} / {other}")
    return wrong


@pytest.mark.parametrize("arms", [LONG, LONGEST], ids=["30 characters", "100 characters"])
def test_names_of_arms_stay_in_their_figure_and_apart(arms):
    assert [(i, words) for i, figure in enumerate(drawn(arms)) for words in crowded(figure)] == []


@pytest.mark.parametrize("visits", [10, 30])
def test_the_axes_of_a_large_covariance_are_named_within_it(visits):
    values = sd_and_correlation(pd.DataFrame(np.eye(visits) + 1))
    labels = [str(i) for i in range(visits)]
    assert crowded(covariance_heatmap(values, labels, "week", 2, values)) == []


def test_legends_name_all_arms_in_full():
    figure = next(drawn(LONGEST))
    (shown,) = figure.legends
    assert [" ".join(text.get_text().split()) for text in shown.get_texts()] == list(LONGEST)


@journal
def columns_of(names: tuple[str, ...]) -> tuple[int, float]:
    figure = Figure(figsize=(WIDTH, 2))
    lines = figure.subplots().plot(np.zeros((2, len(names))))
    legend(figure, lines, names)
    return figure.legends[0]._ncols, figure.get_figheight()


def test_legends_have_the_columns_that_there_is_room_for_and_the_figure_grows_by_the_others():
    assert columns_of(("TRT 1", "TRT 2")) == (2, 2.0)
    assert columns_of(LONG) == (1, pytest.approx(2 + 3 * 0.17))
    columns, height = columns_of(tuple(f"Active {dose} mg" for dose in (1, 5, 10, 20)))
    assert (columns, height) == (3, pytest.approx(2.17))


@journal
def test_words_are_broken_by_their_width_and_what_has_no_room_becomes_an_ellipsis():
    words = within("narrow iiii wide WWWW", 0.6)
    assert words.replace("\n", " ") == "narrow iiii wide WWWW"
    assert all(text_width(line) <= 0.6 for line in words.split("\n"))
    cut = within("narrow iiii wide WWWW", 0.6, most=2)
    assert cut.count("\n") == 1
    assert cut.endswith(ELLIPSIS)
    assert text_width(cut.split("\n")[1]) <= 0.6
    assert within("Electroencephalography", 0.6).endswith(ELLIPSIS)
    assert within("", 1) == ""
    assert text_width("W", bold=True) >= text_width("W") > text_width("i")


@journal
def test_a_short_last_word_does_not_stand_alone():
    assert within("sialography at month 12", text_width("sialography at month")) == "sialography at\nmonth 12"
    assert within("Placebo 2", text_width("Placebo")) == "Placebo\n2"
