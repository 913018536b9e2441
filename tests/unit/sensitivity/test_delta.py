"""A shift moves estimates by itself times the share that is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import SpecError
from trials_with_dropout import VISITS, saturated, trial

EXACT = 1e-8
"""Closed form against closed form, in points of an outcome of size 20."""


def test_without_covariates_a_mean_moves_by_delta_times_the_share_missing():
    data = trial(gaps=False)
    fit = ml.fit(ml.ModelSpec("y ~ arm * visit + us(visit | id)", arm="arm", outcome_type="change"), data)
    moved = ml.sensitivity.delta(fit, {"A": 1.5, "B": 3.0})
    change = moved.means()["estimate"] - fit.means()["estimate"]
    for arm, delta in (("A", 1.5), ("B", 3.0)):
        own = data[data["arm"] == arm]
        n = own["id"].nunique()
        for visit in VISITS:
            share = 1 - (own["visit"] == visit).sum() / n
            assert change.loc[(arm, visit)] == pytest.approx(delta * share, abs=EXACT)


def test_cumulative_shifts_grow_with_each_visit_missed():
    data = trial(gaps=False)
    fit = ml.fit(ml.ModelSpec("y ~ arm * visit + us(visit | id)", arm="arm", outcome_type="change"), data)
    change = (
        ml.sensitivity.delta(fit, 1.0, arms="B", cumulative=True).means()["estimate"]
        - fit.means()["estimate"]
    )
    own = data[data["arm"] == "B"].groupby("id").size()
    expected = np.mean([max(0, 4 - seen) for seen in own])
    assert change.loc[("B", "w8")] == pytest.approx(expected, abs=EXACT)
    np.testing.assert_allclose(change.loc["A"], 0, atol=EXACT)


def test_gaps_are_moved_only_where_asked_and_visits_too():
    fit = saturated()
    plain, moved = (ml.sensitivity.delta(fit, 2.0, arms=["A", "B"], intermittent=i) for i in (False, True))
    step = moved.values["imputed"] - plain.values["imputed"]
    np.testing.assert_allclose(step, np.where(plain.values["after_dropout"], 0.0, 2.0), atol=EXACT)
    late = ml.sensitivity.delta(fit, 2.0, arms=["A", "B"], visits=["w8"])
    base = ml.sensitivity.reference_based(fit, "MAR")
    gone = (late.values["imputed"] - base.values["imputed"]).groupby(level="visit", observed=True).max()
    assert gone["w8"] == pytest.approx(2.0)
    assert gone["w4"] == pytest.approx(0.0, abs=EXACT)


def test_zero_is_missing_at_random_and_one_number_leaves_the_control():
    fit = saturated()
    np.testing.assert_allclose(ml.sensitivity.delta(fit, 0).estimate.beta, fit.estimate.beta, atol=EXACT)
    one, mapping = ml.sensitivity.delta(fit, 2.0), ml.sensitivity.delta(fit, {"B": 2.0})
    pd.testing.assert_frame_equal(one.contrasts(), mapping.contrasts())
    assert one.assumption == (
        "Outcomes after dropout are imputed as missing at random, then are moved in arm B by 2."
    )


def test_a_single_arm_is_moved_as_a_whole():
    data = trial(n=50, arms=("only",), gaps=False)
    fit = ml.fit("y ~ visit + us(visit | id)", data)
    change = ml.sensitivity.delta(fit, 4.0).contrasts()["estimate"] - fit.contrasts()["estimate"]
    share = 1 - (data["visit"] == "w8").sum() / 50
    assert change.iloc[-1] == pytest.approx(4 * share, abs=EXACT)


def test_the_jackknife_counts_that_the_share_missing_is_an_estimate():
    """Without covariates and visits but the last, the mean is that of the seen, plus the share missing times delta."""
    data = trial(gaps=False)
    fit = ml.fit(ml.ModelSpec("y ~ visit + diag(visit | id)", outcome_type="change"), data)
    found = ml.sensitivity.delta(fit, 10.0).means().loc["w8"]
    seen = data.loc[data["visit"] == "w8", "y"].to_numpy()
    n, m = data["id"].nunique(), data["id"].nunique() - len(seen)
    gone = seen.mean() + 10 * (m - 1) / (n - 1)
    here = (seen.sum() - seen) / (len(seen) - 1) + 10 * m / (n - 1)
    replicates = np.r_[np.full(m, gone), here]
    assert found["se"] == pytest.approx((n - 1) / np.sqrt(n) * np.std(replicates, ddof=1), rel=EXACT)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"delta": "2"}, "finite numbers"),
        ({"delta": np.inf}, "finite numbers"),
        ({"delta": {"C": 1}}, "'C' is not an arm"),
        ({"delta": {"B": 1}, "arms": "B"}, "leave arms= out"),
        ({"delta": 1, "arms": []}, "names no arm"),
        ({"delta": {}}, "names no arm"),
        ({"delta": 1, "visits": []}, "names no visit"),
        ({"delta": 1, "visits": ["w9"]}, "'w9' is not a visit"),
        ({"delta": 1, "cumulative": "yes"}, "cumulative"),
    ],
)
def test_arguments_are_refused_in_words(arguments, words):
    with pytest.raises(SpecError, match=words):
        ml.sensitivity.delta(saturated(), **arguments)


def test_one_visit_is_named_as_it_is():
    assert ml.sensitivity.delta(saturated(), 1, visits="w8").assumption.endswith("moved in arm B by 1 at w8.")


def test_a_notebook_shows_assumption_and_contrasts():
    found = ml.sensitivity.delta(saturated(), 1)
    page = found._repr_html_()
    assert found.assumption in page
    assert "<table" in page
    assert found.inference in repr(found)
