"""Weights of marginal means, and averages that are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import DataWarning, HypothesisError
from parity import reference

R = 1e-6
"""Estimates and SEs of two programs that stop their optimisers at different places."""

ARITHMETIC = 1e-10
"""The same sum in another order."""

ASYMPTOTIC = ml.Frequentist(ddf="asymptotic")
MEAN = "bdi ~ bdi_pre + drug + length + treatment * visit + (1 | subject)"


@pytest.fixture(scope="module")
def btheb():
    return ml.fit(ml.ModelSpec(MEAN, visit="visit"), reference.frame("btheb"), engine=ASYMPTOTIC)


def test_observed_weights_are_emmeans_proportional(btheb):
    figures = reference.load("contrasts")["btheb"]
    ours = btheb.means(by=["treatment", "visit"], weights="observed")
    np.testing.assert_allclose(ours["estimate"], figures["proportional"]["emmean"], rtol=R)
    np.testing.assert_allclose(ours["se"], figures["proportional"]["SE"], rtol=R)
    # Averaging over visits too, by how often each was observed.
    overall = btheb.means(by="treatment", weights="observed")
    np.testing.assert_allclose(overall["estimate"], figures["overall_proportional"]["emmean"], rtol=R)
    np.testing.assert_allclose(overall["se"], figures["overall_proportional"]["SE"], rtol=R)


def test_subjects_count_once_however_long_they_stay(btheb):
    """By hand: shares of subjects in the cells of drug and length, covariates averaged over subjects."""
    frame = btheb.design.fixed.frame
    subjects = frame.drop_duplicates("subject")
    assert len(subjects) < len(frame)
    b = btheb.coefficients()["estimate"]
    expected = (
        b["Intercept"]
        + b["bdi_pre"] * subjects["bdi_pre"].mean()
        + b["drug[T.Yes]"] * (subjects["drug"] == "Yes").mean()
        + b["length[T.>6m]"] * (subjects["length"] == ">6m").mean()
    )
    ours = btheb.means(by=["treatment", "visit"], weights="subjects")
    np.testing.assert_allclose(ours.loc[("TAU", "2"), "estimate"], expected, rtol=ARITHMETIC)
    # Visits that are averaged over were planned for everybody: they count equally.
    by_arm = btheb.means(by="treatment", weights="subjects")
    np.testing.assert_allclose(
        by_arm["estimate"], ours["estimate"].groupby("treatment", sort=False).mean(), rtol=ARITHMETIC
    )
    # An additive mean is the same function of everybody's own covariates.
    own = btheb.means(by=["treatment", "visit"], weights="counterfactual")
    np.testing.assert_allclose(own["estimate"], ours["estimate"], rtol=ARITHMETIC)
    np.testing.assert_allclose(own["se"], ours["se"], rtol=ARITHMETIC)


@pytest.fixture(scope="module")
def transformed():
    table = reference.frame("btheb").dropna(subset="bdi")
    complete = table.groupby("subject", observed=True)["bdi"].transform("size") == 4
    formula = (
        "bdi ~ np.log(bdi_pre) * treatment + drug * bdi_pre + length + treatment * visit + (1 | subject)"
    )
    return ml.fit(ml.ModelSpec(formula, visit="visit"), table[complete], engine=ASYMPTOTIC)


def test_counterfactual_means_are_emmeans(transformed):
    """Completers: emmeans averages over rows, we over subjects."""
    figures = reference.load("contrasts")["btheb_completers"]["counterfactual"]
    ours = transformed.means(by=["treatment", "visit"], weights="counterfactual")
    np.testing.assert_allclose(ours["estimate"], figures["emmean"], rtol=R)
    np.testing.assert_allclose(ours["se"], figures["SE"], rtol=R)


def test_counterfactual_means_by_hand(transformed):
    """Everybody predicted under each arm and visit, then averaged."""
    subjects = transformed.design.fixed.frame.drop_duplicates("subject").copy()
    subjects["treatment"] = pd.Categorical(["BtheB"] * len(subjects), categories=["TAU", "BtheB"])
    subjects["visit"] = pd.Categorical(["5"] * len(subjects), categories=["2", "3", "5", "8"])
    row = transformed.design.fixed.matrix(subjects).mean(axis=0)
    expected = row @ transformed.coefficients()["estimate"].to_numpy()
    ours = transformed.means(weights="counterfactual").loc[("BtheB", "5"), "estimate"]
    assert ours == pytest.approx(expected, rel=ARITHMETIC)


def test_a_covariate_at_its_mean_that_means_two_things(transformed):
    """log(mean) is not mean(log): refused where it matters, passed where it cancels."""
    for weights in ("equal", "observed", "subjects"):
        with pytest.raises(
            HypothesisError, match=r"np.log\(bdi_pre\).*two readings.*counterfactual.*at=\{'bdi_pre'"
        ):
            transformed.means(weights=weights)
    with pytest.raises(HypothesisError, match="two readings"):
        transformed.contrasts(versus="TAU", factor="treatment", by="visit")
    assert transformed.contrasts().notna().all().all()
    assert len(transformed.means(at={"bdi_pre": [20]})) == 8


def test_a_linear_transform_means_one_thing():
    formula = MEAN.replace("bdi_pre", "I((bdi_pre - 20) / 10)")
    rescaled = ml.fit(ml.ModelSpec(formula, visit="visit"), reference.frame("btheb"), engine=ASYMPTOTIC)
    plain = ml.fit(ml.ModelSpec(MEAN, visit="visit"), reference.frame("btheb"), engine=ASYMPTOTIC)
    np.testing.assert_allclose(rescaled.means()["estimate"], plain.means()["estimate"], rtol=1e-8)


def trial(seed: int = 0, sites: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 48
    site = np.arange(n) % sites
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), 3),
            "day": np.tile([0, 1, 2], n),
            "site": np.repeat([f"s{k}" for k in site], 3),
            "region": np.repeat(np.where(site < sites // 2, "north", "south"), 3),
            "arm": np.repeat(np.where(np.arange(n) % 3 == 0, "a", "b"), 3),
            "x": np.repeat(rng.normal(size=n), 3),
            "z": np.repeat(rng.normal(size=n), 3),
            "y": rng.normal(size=3 * n) + np.repeat(rng.normal(size=n), 3),
        }
    )


def test_nested_factors_are_not_averaged_over():
    fit = ml.fit("y ~ site + day + day:region + (1 | id)", trial())
    for by in (["region", "day"], ["site", "day"]):
        with pytest.raises(HypothesisError, match="'site' is nested in 'region'.*List both in by"):
            fit.means(by=by)
        with pytest.raises(HypothesisError, match="is nested in"):
            fit.means(by=by, weights="counterfactual")
    assert len(fit.means(by="day")) == 3


def test_products_of_covariates():
    fit = ml.fit(ml.ModelSpec("y ~ x * z + arm * C(day) + (1 | id)", visit="day"), trial())
    with pytest.raises(HypothesisError, match="At the mean of x, z, x:z is not at its own mean"):
        fit.means()
    assert len(fit.contrasts(versus="a", factor="arm", by="day")) == 3
    ours = fit.means(weights="counterfactual")["estimate"]
    b, subjects = fit.coefficients()["estimate"], trial().drop_duplicates("id")
    expected = (
        b["Intercept"]
        + b["x"] * subjects["x"].mean()
        + b["z"] * subjects["z"].mean()
        + b["x:z"] * (subjects["x"] * subjects["z"]).mean()
    )
    assert ours[("a", 0)] == pytest.approx(expected, rel=ARITHMETIC)


def test_factors_made_inside_the_formula():
    fit = ml.fit(ml.ModelSpec("y ~ (x > 0) + arm * C(day) + (1 | id)", visit="day"), trial())
    with pytest.raises(HypothesisError, match="made inside the formula.*weights='counterfactual'"):
        fit.means()
    assert len(fit.means(weights="counterfactual")) == 6


def test_cells_that_nobody_was_in():
    """An interaction there would be aliased, and is refused at the fit; without one, the reader is warned."""
    table = trial()
    table = table[(table["arm"] == "a") | (table["day"] < 2)]
    with pytest.raises(ml.errors.DesignError, match="zero in every row"):
        ml.fit(ml.ModelSpec("y ~ arm * C(day) + (1 | id)", visit="day"), table)
    fit = ml.fit(ml.ModelSpec("y ~ arm + C(day) + (1 | id)", visit="day"), table)
    with pytest.warns(DataWarning, match="Nobody was observed with arm=b, day=2"):
        fit.means(by=["arm", "day"])
    assert len(fit.means(by=["arm", "day"], at={"day": [0, 1]})) == 4


def test_what_cannot_be_asked():
    fit = ml.fit(ml.ModelSpec("y ~ arm * C(day) + (1 | id)", visit="day"), trial())
    with pytest.raises(HypothesisError, match="Unknown weights 'cells'; known are 'equal', 'observed'"):
        fit.means(weights="cells")
    with pytest.raises(HypothesisError, match=r"takes a list of values; write \['a'\]"):
        fit.means(at={"arm": "a"})
    with pytest.raises(HypothesisError, match="named twice"):
        fit.means(by=["arm", "arm"])
    for at in (3, "arm", ["arm"]):
        with pytest.raises(HypothesisError, match="at takes a list of values for each variable"):
            fit.means(at=at)
    for by in (3, [["arm"]], ["arm", 3]):
        with pytest.raises(HypothesisError, match="by takes a name or a list of names"):
            fit.means(by=by)
    slope = ml.fit("y ~ arm + day + (1 | id)", trial())
    for value in ("a", True, np.nan, np.inf, None):
        with pytest.raises(HypothesisError, match="'day' is a covariate, and at=.* takes finite numbers"):
            slope.means(by="arm", at={"day": [0, value]})
