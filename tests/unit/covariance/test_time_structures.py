"""Structures in measured time: units of time, repeated times, a range of zero, and one that a user adds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.covariance import registry
from msclong.covariance.spatial import SpatialExponential
from msclong.covariance.structure import Scatter
from user_structures import ExponentialWithNugget

# Newton's method ends at rounding: what is left is the rounding of times in another unit.
SAME = 1e-8


@pytest.fixture
def nugget(monkeypatch):
    """The structure of user_structures, registered for this test."""
    monkeypatch.setattr(registry, "_STRUCTURES", dict(registry._STRUCTURES))
    return ml.register_structure(ExponentialWithNugget)


def irregular(seed: int = 1, n: int = 40) -> pd.DataFrame:
    """3 to 5 observations a subject at times of its own; correlation 0.8 exp(-d / 3)."""
    rng = np.random.default_rng(seed)
    parts = []
    for subject in range(n):
        time = np.sort(rng.choice(25, rng.integers(3, 6), replace=False)) / 2
        distance = np.abs(time[:, None] - time)
        root = np.linalg.cholesky(4 * np.exp(-distance / 3) + np.eye(len(time)))
        y = 10 + 0.3 * time + root @ rng.normal(size=len(time))
        parts.append(pd.DataFrame({"id": subject, "time": time, "y": y}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("keyword", ["sp_exp", "sp_gau", "exp_nugget"])
@pytest.mark.parametrize(("factor", "origin"), [(1e-6, 0.0), (8.64e4, 0.0), (1.0, 2000.0)])
def test_unit_and_origin_of_time_are_units_only(nugget, keyword, factor, origin):
    table = irregular()
    plain = ml.fit(f"y ~ time + {keyword}(time | id)", table)
    moved = table.assign(time=table["time"] * factor + origin)
    other = ml.fit(f"y ~ time + {keyword}(time | id)", moved)
    ours, theirs = other.coefficients().loc["time"], plain.coefficients().loc["time"]
    assert ours["estimate"] * factor == pytest.approx(theirs["estimate"], rel=SAME)
    assert ours["df"] == pytest.approx(theirs["df"], rel=SAME)
    ranges = [fit.covariance.parameters.loc["range"].to_numpy() for fit in (other, plain)]
    np.testing.assert_allclose(ranges[0] / factor, ranges[1], rtol=SAME)


def test_a_nugget_of_a_user_is_fitted(nugget):
    table = irregular(n=300)
    fit = ml.fit("y ~ time + exp_nugget(time | id)", table)
    parameters = fit.covariance.parameters
    errors = (parameters["estimate"] - [4, 3, 1]) / parameters["se"]
    assert np.abs(errors).max() < 3.5
    without = ml.fit("y ~ time + sp_exp(time | id)", table)
    assert fit.loglik > without.loglik + 5


def test_two_observations_at_one_time_need_a_nugget(nugget):
    table = pd.concat([irregular(), irregular().iloc[[3]]], ignore_index=True)
    with pytest.raises(ml.errors.DataError, match=r"several observations at one 'time', in rows 3, \d+"):
        ml.fit("y ~ time + sp_exp(time | id)", table)
    repeated = np.array([[1.0], [1.0]])
    ExponentialWithNugget().check(repeated, np.zeros(2), "time", range(2))
    with pytest.raises(ml.errors.DataError):
        SpatialExponential().check(repeated, np.zeros(2), "time", range(2))
    SpatialExponential().check(repeated, np.arange(2), "time", range(2))


def test_singular_is_a_range_of_zero_or_a_variance_of_zero():
    scatter = Scatter(np.array([[[0.0], [5.0], [12.0]]]), np.ones(1), np.ones((1, 3, 3)))
    near = SpatialExponential().recoordinated([scatter]).structure
    assert near.is_singular(np.array([1.0, 0.1]), np.ones(1))
    assert not near.is_singular(np.array([1.0, 1.0]), np.ones(1))
    nugget = ExponentialWithNugget().recoordinated([scatter]).structure
    assert nugget.is_singular(np.array([1.0, 5.0, 1e-10]), np.ones(1))
    assert nugget.is_singular(np.array([1.0, 1e12, 1.0]), np.ones(1))  # a random intercept
    assert not nugget.is_singular(np.array([1.0, 5.0, 1.0]), np.ones(1))


def test_sp_exp_at_equal_spacing_is_ar1():
    table = ml.datasets.sleepstudy()
    spatial = ml.fit("Reaction ~ Days + sp_exp(Days | Subject)", table)
    ar1 = ml.fit("Reaction ~ Days + ar1(Days | Subject)", table)
    assert spatial.loglik == pytest.approx(ar1.loglik, rel=1e-12)
    rho = ar1.covariance.parameters.loc["correlation", "estimate"]
    assert np.exp(-1 / spatial.covariance.parameters.loc["range", "estimate"]) == pytest.approx(rho, rel=SAME)
