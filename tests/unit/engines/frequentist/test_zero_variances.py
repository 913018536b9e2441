"""A variance of zero has no standard error; intervals of every parameter go by its declared kind, not by its name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm

import msclong as ml
from msclong.covariance import registry
from msclong.errors import ConvergenceWarning
from user_structures import ExponentialWithNugget

# Two optimisations of one likelihood.
SAME = 1e-6


class Renamed(ExponentialWithNugget):
    """The same under names of geostatistics."""

    keyword = "geo"
    parameters = {"sill": "variance", "correlation time": "range", "range of errors": "variance"}


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setattr(registry, "_STRUCTURES", dict(registry._STRUCTURES))
    ml.register_structure(ExponentialWithNugget)
    ml.register_structure(Renamed)


def irregular(nugget: float, seed: int) -> pd.DataFrame:
    rng, parts = np.random.default_rng(seed), []
    for subject in range(40):
        time = np.sort(rng.uniform(0, 12, rng.integers(3, 7)))
        sigma = 4 * np.exp(-np.abs(time[:, None] - time) / 6) + nugget * np.eye(len(time))
        y = 10 + 0.3 * time + np.linalg.cholesky(sigma) @ rng.standard_normal(len(time))
        parts.append(pd.DataFrame({"id": subject, "time": time, "y": y}))
    return pd.concat(parts, ignore_index=True)


def fitted(keyword: str, nugget: float, seed: int = 3) -> ml.Fit:
    return ml.fit(f"y ~ time + {keyword}(time | id)", irregular(nugget, seed))


@pytest.mark.parametrize("method", ["profile", "wald"])
def test_names_do_not_matter(method):
    one, other = (
        ml.variance_intervals(fitted(keyword, 0.15), method, progress=False)
        for keyword in ("exp_nugget", "geo")
    )
    assert list(one.index) == ["variance", "range", "nugget", "sd", "sd(nugget)"]
    assert list(other.index) == [*Renamed.parameters, "sd(sill)", "sd(range of errors)"]
    np.testing.assert_allclose(other, one, rtol=SAME)


def test_wald_limits_follow_the_kind():
    fit = fitted("exp_nugget", 0.15)
    table = ml.variance_intervals(fit, "wald")
    estimate, se = fit.covariance.parameters.loc["nugget", ["estimate", "se"]]
    df = 2 * (estimate / se) ** 2
    expected = df * estimate / chi2.ppf([0.975, 0.025], df)
    np.testing.assert_allclose(table.loc["nugget", ["lower", "upper"]], expected, rtol=SAME)
    estimate, se = fit.covariance.parameters.loc["range", ["estimate", "se"]]
    expected = estimate * np.exp(norm.ppf([0.025, 0.975]) * se / estimate)
    np.testing.assert_allclose(table.loc["range", ["lower", "upper"]], expected, rtol=SAME)


@pytest.mark.filterwarnings("error")
def test_a_nugget_of_zero():
    with pytest.warns(ConvergenceWarning, match="boundary"):
        fit = fitted("exp_nugget", 0.0, seed=1)
    row = fit.covariance.parameters.loc["nugget"]
    assert row["estimate"] == 0
    assert np.isnan(row["se"])
    assert fit.covariance.parameters["se"].drop("nugget").gt(0).all()
    profile, wald, bootstrap = (
        ml.variance_intervals(fit, method, parameters=["nugget", "sd(nugget)"], n=20, seed=1, progress=False)
        for method in ("profile", "wald", "bootstrap")
    )
    for table in (profile, wald, bootstrap):
        assert (table.loc[["nugget", "sd(nugget)"], "estimate"] == 0).all()
    assert wald.loc[["nugget", "sd(nugget)"], ["lower", "upper"]].isna().all(axis=None)
    for table in (profile, bootstrap):
        assert (table.loc[["nugget", "sd(nugget)"], "lower"] == 0).all()
    assert 0.01 < profile.loc["nugget", "upper"] < 0.5
    assert profile.loc["sd(nugget)", "upper"] ** 2 == pytest.approx(profile.loc["nugget", "upper"], rel=SAME)


@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary:msclong.errors.ConvergenceWarning")
@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_zero_random_effects(unit):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"id": np.repeat(np.arange(20), 5), "time": np.tile(np.arange(5.0), 20)})
    table["y"] = unit * (1 + 0.3 * table["time"] + rng.normal(size=100))
    fit = ml.fit("y ~ time + (1 + time | id)", table)
    effects = fit.covariance.parameters.iloc[:3]
    assert (effects["estimate"] == 0).all()
    assert effects["se"].isna().all()
    assert fit.covariance.parameters.loc["residual variance", "se"] > 0
    printed = [line for line in fit.summary().split("\n") if line.startswith(tuple(effects.index))]
    assert [(float(line.split()[-2]), line.split()[-1]) for line in printed] == [(0, "-")] * 3
    wald = ml.variance_intervals(fit, "wald")
    np.testing.assert_allclose(wald["estimate"].iloc[:4], fit.covariance.parameters["estimate"], rtol=1e-14)
    assert wald.iloc[:3][["lower", "upper"]].isna().all(axis=None)


@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary:msclong.errors.ConvergenceWarning")
def test_a_small_variance_in_small_units_is_no_zero():
    """A slope against milliseconds, and a residual variance of 1e-6 of the total."""
    data = ml.datasets.sleepstudy()
    slow = data.assign(Days=data["Days"] * 8.64e7)
    plain, other = (ml.fit("Reaction ~ Days + (1 + Days | Subject)", t) for t in (data, slow))
    factor = np.array([1, 8.64e7, 8.64e7**2, 1])
    np.testing.assert_allclose(
        other.covariance.parameters.to_numpy() * factor[:, None], plain.covariance.parameters, rtol=1e-4
    )
    rng = np.random.default_rng(0)
    steep = pd.DataFrame({"id": np.repeat(np.arange(20), 4)})
    steep["y"] = 1e3 * rng.normal(size=20)[steep["id"]] + rng.normal(size=80)
    assert ml.fit("y ~ 1 + (1 | id)", steep).covariance.parameters["se"].gt(0).all()
