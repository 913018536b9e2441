"""Designs of outcomes that are not Gaussian: what the family reads, and the covariance of linear predictors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from msclong.api import long_data
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.unstructured import Unstructured
from msclong.design.design import build_design
from msclong.engines.bayesian.priors.model_priors import outcome_scale
from msclong.engines.frequentist.engine import Frequentist
from msclong.engines.statsmodels_engine import StatsmodelsMixedLM
from msclong.errors import DataError, EngineError, FormulaError
from msclong.spec.model_spec import ModelSpec

VISITS, SUBJECTS = 4, 12


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    n = VISITS * SUBJECTS
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(SUBJECTS), VISITS), "v": np.tile(np.arange(VISITS), SUBJECTS)}
    )
    frame["y"] = rng.gamma(2.0, 1.0, n)
    frame["count"] = rng.poisson(3.0, n).astype(float)
    frame["trials"] = frame["count"] + rng.integers(0, 3, n)
    frame["grade"] = np.concatenate([[1.0, 2.0, 3.0, 4.0], rng.integers(1, 5, n - 4)])
    frame["flag"] = "none"
    return frame


def design(table, formula, **fields):
    spec = ModelSpec(formula, **fields)
    return build_design(spec, long_data(spec, table))


def test_random_effects_without_residual(table):
    found = design(table, "y ~ C(v) + (1 | id)", family="gamma", visit="v")
    assert found.conditional
    assert found.structure == RandomEffects(("Intercept",))
    np.testing.assert_array_equal(found.latent_coords(), np.ones((len(table), 1, 1)))


def test_visit_structure_of_the_linear_predictor(table):
    found = design(table, "count ~ C(v) + us(v | id)", family="poisson")
    assert type(found.structure) is Unstructured
    assert found.latent_coords().shape == (len(table), 1, 1)


def test_a_hurdle_has_correlated_effects_on_both_predictors(table):
    found = design(table, "y ~ C(v) + (1 + v | id)", family="hurdle_gamma", visit="v", hurdle="v")
    assert found.structure == RandomEffects(("Intercept", "v", "zero: Intercept", "zero: v"))
    coords = found.latent_coords()
    row = table["v"].to_numpy()[5]
    np.testing.assert_array_equal(coords[5], [[1, row, 0, 0], [0, 0, 1, row]])
    np.testing.assert_array_equal(found.latent_coords(table.iloc[[5]])[0], coords[5])
    assert found.zero.names == ("Intercept", "v")
    G = np.arange(16.0).reshape(4, 4)
    G = G @ G.T + np.eye(4)
    Z = coords[5]
    sigma = found.structure.sigma(G[np.tril_indices(4)], coords[[5]])[0]
    np.testing.assert_allclose(sigma, Z @ G @ Z.T, rtol=1e-12)


def test_uncorrelated_effects_of_a_hurdle_stand_by_themselves(table):
    found = design(table, "y ~ C(v) + (1 || id)", family="hurdle_gamma", visit="v")
    assert found.structure.parts == (RandomEffects(("Intercept",)), RandomEffects(("zero: Intercept",)))
    np.testing.assert_array_equal(found.latent_coords()[0], np.eye(2))


def test_grades_have_no_intercept(table):
    found = design(table, "grade ~ C(v) + (1 | id)", family="cumulative_logit", visit="v")
    assert found.fixed.names == ("C(v)[T.1]", "C(v)[T.2]", "C(v)[T.3]")
    np.testing.assert_array_equal(found.observation["y"], table["grade"] - 1)
    with pytest.raises(FormulaError, match="cutpoints"):
        design(table, "grade ~ 0 + C(v) + (1 | id)", family="cumulative_logit", visit="v")
    with pytest.raises(FormulaError, match="name a term"):
        design(table, "grade ~ 1 + (1 | id)", family="cumulative_logit", visit="v")


def test_a_transformed_outcome_enters_as_gaussian(table):
    found = design(table, "y ~ C(v) + us(v | id)", family="lognormal")
    assert not found.conditional
    np.testing.assert_allclose(found.y, np.log(table["y"]))
    np.testing.assert_array_equal(found.observation["y"], table["y"])


def test_censoring_in_words_and_in_numbers(table):
    table["number"] = 0
    table.loc[3, ["flag", "number"]] = ["left", -1]
    table.loc[4, ["flag", "number"]] = ["right", 1]
    table.loc[5, ["flag", "number"]] = ["interval", 2]
    table["upper"] = np.where(table["flag"] == "interval", table["y"] + 1, np.nan)
    fields = {"family": "lognormal", "visit": "v", "censored_upper": "upper"}
    words = design(table, "y ~ C(v) + (1 | id)", censored="flag", **fields).observation
    numbers = design(table, "y ~ C(v) + (1 | id)", censored="number", **fields).observation
    for seen in (words, numbers):
        np.testing.assert_array_equal(seen["censored"][2:7], [0, -1, 1, 2, 0])
        assert seen["upper"][5] == table["upper"][5]
        assert np.isinf(seen["upper"][4])


@pytest.mark.parametrize(
    ("change", "fields", "message"),
    [
        ({"flag": "lef"}, {}, "must say"),
        ({"flag": "left", "upper": 1.0}, {"censored": "no"}, "no column 'no'"),
        ({"flag": "interval"}, {}, "censored_upper"),
        ({"flag": "interval", "upper": -1.0}, {"censored_upper": "upper"}, "above the lower one"),
        ({"flag": "interval", "upper": np.nan}, {"censored_upper": "upper"}, "must be a number"),
    ],
)
def test_censoring_that_cannot_be_read(table, change, fields, message):
    for name, value in change.items():
        table.loc[7, name] = value
    with pytest.raises(DataError, match=message):
        design(
            table,
            "y ~ C(v) + (1 | id)",
            **{"visit": "v", "family": "lognormal", "censored": "flag", **fields},
        )


def test_truth_values_do_not_tell_the_side_of_censoring(table):
    table["below"] = table["y"] < 0.5
    with pytest.raises(DataError, match="on which side"):
        design(table, "y ~ C(v) + (1 | id)", visit="v", family="lognormal", censored="below")


def test_censored_outcomes_have_the_prior_scale_of_uncensored_ones(table):
    plain = design(table, "y ~ C(v) + (1 | id)", visit="v", family="lognormal")
    censored = design(table, "y ~ C(v) + (1 | id)", visit="v", family="lognormal", censored="flag")
    assert outcome_scale(censored) == outcome_scale(plain) == np.log(table["y"]).std()
    assert not censored.linked


def test_offset_and_dispersion(table):
    table["exposure"] = np.log(table["v"] + 1.0)
    found = design(
        table,
        "count ~ C(v) + (1 | id)",
        family="negative_binomial",
        visit="v",
        offset="exposure",
        dispersion_by="v",
    )
    np.testing.assert_array_equal(found.offset, table["exposure"])
    assert found.dispersion_levels == ("0", "1", "2", "3")
    np.testing.assert_array_equal(found.dispersion, table["v"])
    table.loc[2, "exposure"] = np.nan
    with pytest.raises(DataError, match="rows 2"):
        design(table, "count ~ C(v) + (1 | id)", family="poisson", visit="v", offset="exposure")


def test_impossible_outcomes_are_named_by_row(table):
    table.loc[9, "y"] = -1.0
    with pytest.raises(DataError, match="rows 9"):
        design(table, "y ~ C(v) + (1 | id)", family="gamma", visit="v")


@pytest.mark.parametrize("engine", [Frequentist(), StatsmodelsMixedLM()])
def test_gaussian_engines_refuse_other_families(table, engine):
    with pytest.raises(EngineError, match="ml.Bayesian"):
        engine.fit(design(table, "y ~ C(v) + (1 | id)", family="gamma", visit="v"))
    with pytest.raises(EngineError, match="censored outcomes"):
        engine.fit(design(table, "y ~ C(v) + (1 | id)", visit="v", censored="flag"))


def test_one_grade_is_no_model_of_grades(table):
    table["grade"] = 2.0
    with pytest.raises(DataError, match="two or more"):
        design(table, "grade ~ C(v) + (1 | id)", family="cumulative_logit", visit="v")


@pytest.mark.parametrize("exposure", [1000.0, -60.0, "days"])
def test_an_exposure_is_no_offset(table, exposure):
    table["days"] = np.linspace(1, 30, len(table)) if exposure == "days" else exposure
    with pytest.raises(DataError, match="give the logarithm of the exposure"):
        design(table, "count ~ C(v) + (1 | id)", family="poisson", offset="days")
    table["log_days"] = np.log(np.linspace(1, 1e6, len(table)))
    assert design(table, "count ~ C(v) + (1 | id)", family="poisson", offset="log_days").offset.max() > 13
