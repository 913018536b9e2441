"""The shares that leave are the planned ones."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.errors import SpecError
from msclong.replication.trials import TrialSource

N = 4000
NOISE = 4.5 * np.sqrt(0.25 / N)
"""4.5 standard errors of a share of N subjects, at the most."""

SCENARIO = ml.Scenario([0, 1, 3, 6], [10, 9, 8, 7], sd=3, correlation=0.6)


def seen(dropout: ml.Dropout, scenario: ml.Scenario = SCENARIO, n: int = N) -> np.ndarray:
    return ~np.isnan(TrialSource.of(scenario, dropout, 1).draw(n, [0])[0][0])


def test_one_share_is_a_constant_rate():
    share = seen(ml.Dropout(0.36)).mean(axis=0)
    np.testing.assert_allclose(share, 0.64 ** (np.arange(4) / 3), atol=NOISE)


def test_shares_by_visit_and_monotone():
    found = seen(ml.Dropout([0, 0.1, 0.1, 0.4]))
    np.testing.assert_allclose(found.mean(axis=0), [1, 0.9, 0.9, 0.6], atol=NOISE)
    assert (np.diff(found.astype(int), axis=1) <= 0).all()


def test_shares_by_arm():
    arms = ml.Scenario([0, 1], {"a": [0, 0], "b": [0, 0]}, sd=1, correlation=0)
    found = seen(ml.Dropout({"a": 0.5, "b": 0.0}), arms)
    assert found[1::2].all()
    np.testing.assert_allclose(found[::2, 1].mean(), 0.5, atol=NOISE * np.sqrt(2))


def test_intermittent_visits_are_missed_by_those_who_stay():
    found = seen(ml.Dropout(0.0, intermittent=0.2))
    np.testing.assert_allclose(found.mean(axis=0), [1, 0.8, 0.8, 0.8], atol=NOISE)
    assert (np.diff(found.astype(int), axis=1) > 0).any()


def test_leaving_may_depend_on_the_last_value_and_the_shares_stay():
    complete = TrialSource.of(SCENARIO, ml.Dropout(), 1).draw(N, [0])[0][0]
    found = seen(ml.Dropout([0, 0.2, 0.3, 0.5], slope=1.5))
    np.testing.assert_allclose(found.mean(axis=0), [1, 0.8, 0.7, 0.5], atol=NOISE + 0.01)
    z = (complete[:, 0] - 10) / 3
    left = ~found[:, 1]
    # The log odds of leaving rise by the slope for each SD: a logistic regression by its two moments.
    high, low = z > 0.5, z < -0.5
    odds = [left[group].mean() / (1 - left[group].mean()) for group in (high, low)]
    apart = z[high].mean() - z[low].mean()
    assert abs(np.log(odds[0] / odds[1]) / apart - 1.5) < 0.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lost": 1.0}, "share of subjects"),
        ({"lost": "many"}, "numbers"),
        ({"lost": [0.1, 0.2]}, "begins with 0"),
        ({"lost": [0, 0.3, 0.2]}, "never falls"),
        ({"lost": 0.1, "slope": np.inf}, "log odds ratio"),
        ({"lost": 0.1, "intermittent": 1.0}, "probability"),
    ],
)
def test_impossible_dropout_is_refused(arguments, message):
    with pytest.raises(SpecError, match=message):
        ml.Dropout(**arguments)


@pytest.mark.parametrize(
    ("lost", "message"), [([0, 0.1], "needs 4 shares"), ({"x": 0.1}, "names the arms x")]
)
def test_dropout_that_does_not_fit_the_scenario_is_refused(lost, message):
    with pytest.raises(SpecError, match=message):
        TrialSource.of(SCENARIO, ml.Dropout(lost), 1)


@pytest.mark.parametrize(
    ("dropout", "words"),
    [
        (ml.Dropout(), "Nobody drops out."),
        (ml.Dropout(0.15), "Lost by the last visit: 15 %."),
        (
            ml.Dropout({"a": 0.1, "b": [0, 0.25]}, slope=np.log(2), intermittent=0.03),
            "Lost by the last visit: a: 10 %; b: 0 %, 25 % (by visit). Odds of leaving times 2 per SD of the last "
            "value observed. Other visits missed by chance: 3 %.",
        ),
    ],
)
def test_it_says_itself(dropout, words):
    assert dropout.words == words
