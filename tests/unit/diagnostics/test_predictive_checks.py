"""Simulated against observed outcomes."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.errors import DataError, EngineError, SpecError

ENGINE = ml.Bayesian(seed=7, sampler="importance")

SPREAD = 4
"""A mean over simulated data sets lies within so many of its standard errors of the truth."""


@pytest.fixture(scope="module")
def skewed():
    """Log-normal outcomes of 60 subjects at three visits, in two arms."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"id": np.repeat(np.arange(60), 3), "visit": np.tile([0, 1, 2], 60)})
    table["arm"] = np.where(table["id"] % 2, "b", "a")
    table["y"] = np.exp(
        1 + 0.2 * table["visit"] + rng.normal(0, 0.6, 60)[table["id"]] + rng.normal(0, 0.8, 180)
    )
    return table


@pytest.fixture(scope="module")
def gaussian(skewed):
    return ml.fit(ml.ModelSpec("y ~ arm * C(visit) + (1 | id)", visit="visit"), skewed, engine=ENGINE)


@pytest.fixture(scope="module")
def lognormal(gaussian, skewed):
    return ml.fit(gaussian.spec.replace(family="lognormal"), skewed, engine=ENGINE)


def test_a_wrong_distribution_shows_in_its_extremes(gaussian, lognormal):
    """Normal data sets never have so large a maximum, and always negative values; log-normal ones are right."""
    for statistic in ("max", "min"):
        wrong, right = (ml.predictive_check(f, statistic, by=[]) for f in (gaussian, lognormal))
        assert not 0.005 < wrong["predictive_p"].iloc[0] < 0.995
        assert 0.02 < right["predictive_p"].iloc[0] < 0.98


def test_the_table_is_by_arm_and_visit_in_their_order(gaussian, skewed):
    table = ml.predictive_check(gaussian, n=300)
    assert table.index.names == ["arm", "visit"]
    assert table.index.tolist() == [(arm, visit) for arm in "ab" for visit in (0, 1, 2)]
    assert list(table.columns) == ["n", "observed", "predicted", "lower", "upper", "predictive_p"]
    means = skewed.groupby(["arm", "visit"])["y"].mean()
    np.testing.assert_allclose(table["observed"], means)
    assert ((table["lower"] < table["predicted"]) & (table["predicted"] < table["upper"])).all()
    assert table["predictive_p"].between(0.05, 0.95).all()  # each cell has a mean of its own


def test_predicted_means_are_the_models_means(gaussian):
    table = ml.predictive_check(gaussian, n=2000)
    error = (table["upper"] - table["lower"]) / 4 / np.sqrt(2000)
    assert (
        np.abs(table["predicted"].to_numpy() - gaussian.means()["estimate"]) < SPREAD * error.to_numpy()
    ).all()


def test_a_function_of_the_outcomes_is_a_statistic(gaussian):
    named = ml.predictive_check(gaussian, "median", by="arm", n=50)
    own = ml.predictive_check(gaussian, lambda y: float(np.median(y)), by="arm", n=50)
    pd.testing.assert_frame_equal(named, own)


def test_equal_values_count_half(gaussian, skewed):
    """No simulated or observed value is exactly zero: all shares of zeros are equal."""
    table = ml.predictive_check(gaussian, "zeros", by="visit", n=20)
    assert table["predictive_p"].tolist() == [0.5] * 3
    assert table["observed"].tolist() == [0] * 3


def test_the_seed_repeats_the_simulation(gaussian):
    first, again, other = (ml.predictive_check(gaussian, n=50, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_a_frequentist_fit_is_checked_by_the_parametric_bootstrap():
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    table = ml.predictive_check(fit, "sd", n=200)
    assert table.index.name == "Days"
    assert table["predictive_p"].between(0, 1).all()


def test_many_irregular_times_form_one_group():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"id": np.repeat(range(40), 3), "time": rng.uniform(size=120)})
    table["y"] = rng.normal(size=40)[table["id"]] + rng.normal(size=120)
    check = ml.predictive_check(ml.fit("y ~ time + (1 | id)", table), n=20)
    assert check.index.tolist() == ["all"]


def test_wrong_arguments_are_refused(gaussian, skewed):
    with pytest.raises(SpecError, match="'mean', 'sd'"):
        ml.predictive_check(gaussian, "kurtosis")
    for statistic in (lambda y: "a", lambda y: None, lambda y: [1.0, 2.0]):
        with pytest.raises(SpecError, match="one number from the outcomes"):
            ml.predictive_check(gaussian, statistic)
    with pytest.raises(DataError, match="no column weekday"):
        ml.predictive_check(gaussian, by="weekday")
    with pytest.raises(SpecError, match="must be a fit"):
        ml.predictive_check("fit")
    with pytest.raises(SpecError, match="level"):
        ml.predictive_check(gaussian, level=95)


def test_censored_outcomes_are_refused(gaussian, skewed):
    from dataclasses import replace

    from msclong.design.design import build_design

    table = skewed.assign(limit=np.where(skewed["y"] < 1, "left", "none"))
    spec = gaussian.spec.replace(censored="limit")
    censored = replace(gaussian, design=build_design(spec, long_data(spec, table)))
    with pytest.raises(EngineError, match="Censored"):
        ml.predictive_check(censored)
    with pytest.raises(EngineError, match="censored"):
        ml.loo_pit(censored)
