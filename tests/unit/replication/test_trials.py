"""Simulated trials have the scenario's moments, and do not depend on how they are drawn."""

from __future__ import annotations

import numpy as np

import msclong as ml
from msclong.replication.trials import TrialSource

SIGMA = np.array([[4.0, 2.0, 1.0], [2.0, 5.0, 3.0], [1.0, 3.0, 9.0]])
SCENARIO = ml.Scenario([0, 1, 3], {"a": [1, 2, 3], "b": [1, 0, -1]}, covariance={"a": SIGMA, "b": 2 * SIGMA})


def test_moments_by_arm():
    values, arm = TrialSource.of(SCENARIO, ml.Dropout(), 5).draw(20_000, [0])
    for a, scale in enumerate((1, 2)):
        mine = values[0][arm == a]
        error = np.sqrt(scale * np.diag(SIGMA) / len(mine))
        assert (np.abs(mine.mean(axis=0) - SCENARIO.mean[a]) < 4.5 * error).all()
        spread = scale * np.sqrt((SIGMA**2 + np.outer(np.diag(SIGMA), np.diag(SIGMA))) / len(mine))
        assert (np.abs(np.cov(mine.T) - scale * SIGMA) < 4.5 * spread).all()


def test_trials_are_the_same_in_any_batch_and_begin_alike_for_any_n():
    source = TrialSource.of(SCENARIO, ml.Dropout(0.3, slope=0.5, intermittent=0.1), 7)
    whole = source.draw(12, range(6))[0]
    np.testing.assert_array_equal(np.concatenate([source.draw(12, [r])[0] for r in range(6)]), whole)
    np.testing.assert_array_equal(source.draw(20, range(6))[0][:, :12], whole)
    other = TrialSource.of(SCENARIO, ml.Dropout(), 8).draw(12, range(6))[0]
    assert not np.isclose(other, whole).any()
