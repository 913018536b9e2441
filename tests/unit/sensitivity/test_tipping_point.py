"""The tipping point is where the interval of the shifted analysis ends at the null."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import HypothesisError, SpecError
from msclong.sensitivity import tipping
from trials_with_dropout import saturated, trial

SAME = 1e-8
"""The same jackknife by two ways: relative."""


@pytest.fixture(scope="module")
def fit():
    return saturated(n=120, seed=4)


def test_the_table_is_that_of_delta_at_each_shift(fit):
    found = ml.sensitivity.tipping_point(fit, [0, 1.5, 3])
    for delta, row in found.table.iterrows():
        expected = ml.sensitivity.delta(fit, delta).contrasts().iloc[-1]
        np.testing.assert_allclose(row[expected.index], expected, rtol=SAME)


def test_at_the_tipping_point_p_is_the_level_and_at_the_reversal_the_estimate_is_the_null(fit):
    found = ml.sensitivity.tipping_point(fit)
    assert found.significant
    assert found.tipping > 0
    at = ml.sensitivity.delta(fit, found.tipping).contrasts().iloc[-1]
    assert at["p_value"] == pytest.approx(0.05, rel=1e-7)
    assert at["upper"] == pytest.approx(0.0, abs=1e-8)
    assert ml.sensitivity.delta(fit, found.reversal).contrasts().iloc[-1]["estimate"] == pytest.approx(
        0, abs=1e-8
    )
    assert found.table.index[0] == 0
    assert found.table.index[-1] > found.tipping
    assert f"{found.tipping:.4g}" in repr(found)


def test_a_margin_and_another_contrast_have_a_point_of_their_own(fit):
    found = ml.sensitivity.tipping_point(fit, contrast=("B - A", "w4"), null=-0.5, level=0.9)
    at = ml.sensitivity.delta(fit, found.tipping).contrasts(level=0.9).loc[("B - A", "w4")]
    assert min(abs(at["upper"] + 0.5), abs(at["lower"] + 0.5)) < 1e-8
    by_hand = fit.hypothesis(versus="A", factor="arm", by="visit", at={"visit": ["w4"]})
    same = ml.sensitivity.tipping_point(fit, contrast=by_hand, null=-0.5, level=0.9)
    assert same.tipping == pytest.approx(found.tipping, rel=SAME)


def moved(fit, by):
    """The fit of the same trial with `by` added to every outcome of arm B: its contrasts there move by as much."""
    data = trial(n=120, seed=4)
    data.loc[data["arm"] == "B", "y"] += by
    return ml.fit(fit.spec, data)


@pytest.mark.parametrize("away", [-0.6, 0.6])
def test_where_nothing_is_significant_the_shifts_on_both_sides_are_found_and_the_nearer_is_the_tipping_point(
    fit, away
):
    """`away` is the estimate without a shift: it lies on one side of zero, and the other can be reached as well."""
    near = moved(fit, away - fit.contrasts().iloc[-1]["estimate"])
    found = ml.sensitivity.tipping_point(near)
    assert not found.significant
    below, above = found.changes
    assert below < 0 < above
    assert found.tipping == min(found.changes, key=abs)
    assert np.sign(found.tipping) == np.sign(away)
    assert found.sides == tuple(sorted(found.changes, key=abs))
    for shift in found.changes:
        for beyond, significant in ((1.01, True), (0.99, False)):
            at = ml.sensitivity.delta(near, shift * beyond).contrasts().iloc[-1]
            assert (at["p_value"] < 0.05) == significant
        assert f"{shift:.4g}" in found.sentence


def test_where_significance_is_lost_on_one_side_and_found_again_beyond_only_the_nearer_is_told(fit):
    found = ml.sensitivity.tipping_point(fit)
    assert 0 < found.changes[0] < found.reversal < found.changes[1]
    assert found.sides == found.changes[:1]
    assert found.tipping == found.changes[0]
    for shift, p_below in ((found.changes[1] * 0.99, False), (found.changes[1] * 1.01, True)):
        assert (ml.sensitivity.delta(fit, shift).contrasts().iloc[-1]["p_value"] < 0.05) == p_below


def test_changes_are_those_of_the_line_in_each_of_its_forms():
    """Estimate 1 + s with t = 1 for 68 % about: variance 4 + s^2 / 4 (both sides), 0.25 + 4 s^2 (both, lost)."""
    level = 0.6826894921370859
    for Q, significant in ((np.diag([4.0, 0.25]), False), (np.diag([0.25, 4.0]), True)):
        line = tipping.Line(np.array([1.0, 1.0]), Q, np.inf)
        below, above = line.crossings(np.zeros(1), np.ones(1), level, 0.0)
        assert below < 0 < above
        for s in (below, above):
            assert (1 + s) ** 2 == pytest.approx(Q[0, 0] + Q[1, 1] * s**2, rel=1e-9)
        assert (line.table(np.zeros((1, 1)), level, 0.0)["p_value"][0] < 1 - level) == significant


def test_where_the_fits_own_interval_disagrees_without_a_shift_it_is_said(fit):
    own, jackknife = (one.contrasts().iloc[-1] for one in (fit, ml.sensitivity.delta(fit, 0.0)))
    found = ml.sensitivity.tipping_point(fit, null=(own["upper"] + jackknife["upper"]) / 2)
    assert not found.agrees
    assert found.own["upper"] == pytest.approx(own["upper"])
    assert found.unshifted["upper"] == pytest.approx(jackknife["upper"])
    assert found.significant == (jackknife["upper"] < own["upper"])
    assert "do not come to the fit's own conclusion" in found.note
    agreed = ml.sensitivity.tipping_point(fit)
    assert agreed.agrees
    assert "own conclusion" not in agreed.note


def test_a_notebook_shows_sentence_table_and_figure(fit):
    found = ml.sensitivity.tipping_point(fit)
    page = found._repr_html_()
    assert found.sentence in page
    assert "<table" in page
    assert "<svg" in page
    assert page == ml.sensitivity.tipping_point(fit)._repr_html_()


def test_two_arms_move_separately(fit):
    found = ml.sensitivity.tipping_point(fit, {"A": [-2, 0, 2], "B": [0, 2]})
    assert found.table.shape[0] == 6
    for a, b in found.tipping.items():
        at = ml.sensitivity.delta(fit, {"A": a, "B": b}).contrasts().iloc[-1]
        assert at["p_value"] == pytest.approx(0.05, rel=1e-6)
    row = found.table.loc[(2.0, 2.0)]
    expected = ml.sensitivity.delta(fit, 2.0, arms=["A", "B"]).contrasts().iloc[-1]
    np.testing.assert_allclose(row[expected.index], expected, rtol=SAME)


def test_a_visit_without_missing_outcomes_has_no_tipping_point():
    fit = saturated(gaps=False)
    found = ml.sensitivity.tipping_point(fit, [0, 5], contrast=("B - A", "w1"))
    assert found.tipping is None
    assert found.changes == ()
    assert "No shift" in found.sentence


def test_complete_data_say_so_and_keep_the_fits_own_interval():
    fit = ml.fit("Reaction ~ C(Days) + cs(Days | Subject)", ml.datasets.sleepstudy())
    found = ml.sensitivity.tipping_point(fit, [0, 10])
    assert found.tipping is None
    assert "nothing is imputed" in found.note
    own = fit.contrasts().iloc[-1]
    for _, row in found.table.iterrows():
        np.testing.assert_allclose(row[own.index], own, rtol=1e-8)


def test_figures_draw_the_table(fit):
    one = ml.sensitivity.tipping_point(fit).figure()
    assert any("tipping point" in text.get_text() for text in one.axes[0].texts)
    two = ml.sensitivity.tipping_point(fit, {"A": np.arange(-3, 4), "B": np.arange(-3, 4)}).figure()
    assert len(two.axes[0].texts) == 49


def test_single_arm():
    fit = ml.fit("y ~ visit + us(visit | id)", trial(n=60, arms=("only",), gaps=False))
    found = ml.sensitivity.tipping_point(fit)
    at = ml.sensitivity.delta(fit, found.tipping).contrasts().iloc[-1]
    assert at["p_value"] == pytest.approx(0.05, rel=1e-7)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"deltas": 3}, SpecError, "list of shifts"),
        ({"deltas": []}, SpecError, "list of shifts"),
        ({"deltas": [0, "x"]}, SpecError, "finite numbers"),
        ({"deltas": {"A": [0], "B": [0]}, "arms": "B"}, SpecError, "leave arms= out"),
        ({"contrast": "w9"}, HypothesisError, "not a row"),
        ({"level": 2}, SpecError, "level"),
        ({"level": "95"}, SpecError, "level"),
        ({"level": None}, SpecError, "level"),
        ({"null": "a"}, SpecError, "null takes finite numbers"),
        ({"null": np.nan}, SpecError, "null takes finite numbers"),
        ({"deltas": {"A": [0], "B": [0], "C": [1]}}, SpecError, "one arm or two"),
        ({"cumulative": "yes"}, SpecError, "cumulative"),
        ({"visits": []}, SpecError, "names no visit"),
    ],
)
def test_arguments_are_refused_in_words(fit, arguments, error, words):
    with pytest.raises(error, match=words):
        ml.sensitivity.tipping_point(fit, **arguments)


def test_an_arm_by_its_number_and_its_name_is_one_arm():
    data = trial().assign(arm=lambda frame: frame["arm"].map({"A": 1, "B": 2}))
    fit = ml.fit(ml.ModelSpec("y ~ C(arm) * visit + cs(visit | id)", arm="arm"), data)
    for asked in (
        lambda: ml.sensitivity.tipping_point(fit, {"2": [0, 1], 2: [0, 1]}),
        lambda: ml.sensitivity.delta(fit, {"2": 1, 2: 3}),
        lambda: ml.sensitivity.delta(fit, 1, arms=["2", 2]),
        lambda: ml.sensitivity.reference_based(fit, {"2": "J2R", 2: "CR"}),
    ):
        with pytest.raises(SpecError, match="names the arm 2 twice"):
            asked()


def test_a_hypothesis_with_a_value_of_its_own_is_asked_for_null(fit):
    row = fit.hypothesis(versus="A", factor="arm", by="visit", at={"visit": ["w4"]})
    with pytest.raises(HypothesisError, match="null="):
        ml.sensitivity.tipping_point(fit, contrast=ml.LinearHypothesis(row.L, row.rows, np.array([1.0])))


def test_a_hypothesis_of_several_rows_is_refused(fit):
    with pytest.raises(HypothesisError, match="one row"):
        ml.sensitivity.tipping_point(fit, contrast=fit.hypothesis())
    assert isinstance(ml.sensitivity.tipping_point(fit).table, pd.DataFrame)
