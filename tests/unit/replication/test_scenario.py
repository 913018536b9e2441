"""What a scenario says, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.errors import SpecError

TWO = {"placebo": [20, 19, 18], "drug": [20, 17, 14]}


def two(**changes: object) -> ml.Scenario:
    return ml.Scenario(**{"visits": ["0", "3", "6"], "means": TWO, "sd": 5, "correlation": 0.6} | changes)


def test_sd_and_correlation_make_the_covariance():
    np.testing.assert_allclose(two().sigma[0], 25 * (0.4 * np.eye(3) + 0.6))
    chain = two(sd=[1, 2, 3], correlation=0.5, structure="ar1").sigma[1]
    np.testing.assert_allclose(chain, [[1, 1, 0.75], [1, 4, 3], [0.75, 3, 9]])
    R = np.array([[1, 0.2, 0.1], [0.2, 1, 0.3], [0.1, 0.3, 1]])
    np.testing.assert_allclose(two(sd=2, correlation=R).sigma[0], 4 * R)


def test_random_effects_make_the_covariance():
    times = [0.0, 1.0, 4.0]
    sigma = ml.Scenario.random_effects(times, 2.0, 1.5, slope_sd=0.5, correlation=-0.3)
    at = [[4 - 0.3 * (s + t) + 0.25 * s * t + (2.25 if s == t else 0) for t in times] for s in times]
    np.testing.assert_allclose(sigma, at)


def test_effects_are_scaled_about_the_first_visit_and_the_first_arm():
    half = two().with_effect(0.5)
    np.testing.assert_allclose(half.mean, [[20, 19, 18], [20, 18, 16]])
    none = two(means={"placebo": [20, 19, 18], "drug": [21, 18, 15]}).with_effect(0)
    np.testing.assert_allclose(none.mean, [[20, 19, 18], [21, 20, 19]])
    alone = ml.Scenario([0, 1], [10, 8], sd=1, correlation=0.5).with_effect(0.25)
    np.testing.assert_allclose(alone.mean, [[10, 9.5]])


@pytest.mark.parametrize(
    ("ratio", "n", "counts"), [({"a": 1, "b": 1}, 7, [4, 3]), ({"a": 2, "b": 1}, 9, [6, 3])]
)
def test_allocation_keeps_the_ratio_at_every_step(ratio, n, counts):
    scenario = ml.Scenario([0, 1], {"a": [0, 0], "b": [0, 0]}, sd=1, correlation=0, allocation=ratio)
    arm = scenario.allocated(n)
    assert np.bincount(arm).tolist() == counts
    share = np.array(list(ratio.values())) / sum(ratio.values())
    sofar = np.cumsum(np.eye(2)[arm], axis=0)
    assert np.abs(sofar - np.outer(np.arange(1, n + 1), share)).max() < 1
    np.testing.assert_array_equal(scenario.allocated(n + 5)[:n], arm)


def test_replace_keeps_or_renews_the_covariance():
    np.testing.assert_allclose(two().replace(visits=[0, 3, 6]).sigma, two().sigma)
    np.testing.assert_allclose(two().replace(sd=10, correlation=0).sigma[0], 100 * np.eye(3))


def test_a_pilot_gives_its_means_and_covariance():
    rng = np.random.default_rng(1)
    import pandas as pd

    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(12), 3),
            "visit": np.tile([0, 1, 3], 12),
            "arm": np.repeat(["a", "b"] * 6, 3),
            "y": rng.standard_normal(36) + np.repeat(rng.standard_normal(12), 3),
        }
    )
    fit = ml.fit("y ~ C(visit) * arm + us(visit | id)", frame)
    found = ml.Scenario.from_fit(fit)
    assert found.visits == (0, 1, 3)
    np.testing.assert_allclose(found.mean.ravel(), fit.means()["estimate"])
    np.testing.assert_allclose(found.sigma[0], fit.covariance.matrix)
    assert "12 subjects" in found.source
    assert "12 subjects" in repr(found)
    assert "times 0.5" in found.with_effect(0.5).source
    own = ml.Scenario.from_fit(ml.fit("y ~ C(visit) * arm + cs(visit | arm / id)", frame))
    assert not np.allclose(own.sigma[0], own.sigma[1])


def test_a_pilot_with_covariates_is_refused():
    fit = ml.fit("change ~ basval + TRT * week + cs(week | PATIENT)", ml.datasets.hamd17())
    with pytest.raises(SpecError, match="basval"):
        ml.Scenario.from_fit(fit)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"visits": "036"}, "two or more visits"),
        ({"visits": [0, 0, 1]}, "listed once"),
        ({"means": {"a": [1, 2]}}, "means of arm 'a': 3 finite numbers"),
        ({"means": [1, 2, np.nan]}, "means: 3 finite numbers"),
        ({"means": {}}, "named arms"),
        ({"sd": None}, "Give covariance, or sd and correlation"),
        ({"covariance": np.eye(3)}, "either covariance, or sd"),
        ({"sd": -1}, "must be positive"),
        ({"sd": [1, 2]}, "sd: 3 finite numbers"),
        ({"correlation": -0.9}, "not positive definite"),
        ({"correlation": np.ones((3, 3))}, "not positive definite"),
        ({"correlation": 2 * np.eye(3)}, "diagonal"),
        ({"structure": "toep"}, "structure takes"),
        ({"sd": None, "correlation": None, "covariance": [[1, 0, 1], [0, 1, 0], [0, 0, 1]]}, "not symmetric"),
        ({"sd": None, "correlation": None, "covariance": {"drug": np.eye(3)}}, "names the arms"),
        ({"times": [0, 6, 3]}, "must increase"),
        ({"allocation": {"placebo": 1}}, "positive ratio"),
        ({"allocation": {"placebo": 1, "drug": 0}}, "positive ratio"),
        ({"baseline": 3}, "must be text"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        two(**changes)


def test_random_effects_refuse_impossible_numbers():
    with pytest.raises(SpecError, match="SDs must not be negative"):
        ml.Scenario.random_effects([0, 1], 1, 0)


def test_the_effect_of_changes_is_the_change():
    alone = ml.Scenario([1, 3], [-2, -4], sd=1, correlation=0.5, changes=True)
    np.testing.assert_allclose(alone.with_effect(0.5).mean, [[-1, -2]])
    arms = ml.Scenario([1, 3], {"a": [-1, -2], "b": [-2, -4]}, sd=1, correlation=0.5, changes=True)
    np.testing.assert_allclose(arms.with_effect(0).mean, [[-1, -2], [-1, -2]])
    with pytest.raises(SpecError, match="changes is True or False"):
        alone.replace(baseline="basval")
