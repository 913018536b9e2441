"""Type II and III tests, likelihood ratios and profile limits against lmerTest, emmeans and lme4."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.results.fit import Fit
from parity.reference import frame, load

# lmerTest rounds the rows of its type III hypotheses to seven digits (zapsmall).
STATISTIC = 2e-6
# lmerTest differentiates the variance of a contrast numerically.
DF = 1e-5
# A likelihood ratio is a difference of log-likelihoods that R knows to about 1e-10 of their size.
LIKELIHOOD_RATIO = 1e-6
# lme4 reads the limits off a spline through the profile; the unit tests check our limits by brute force.
SPLINE = 1e-4
# emmeans prints F to three decimals.
PRINTED = 6e-4

REFERENCE = load("model_tests")
TESTED = REFERENCE["term_tests"]


@cache
def table(name: str) -> pd.DataFrame:
    if name != "three":
        return frame(name)
    columns = REFERENCE["data"]["three"]
    return pd.DataFrame({**columns, "visit": np.asarray(columns["visit"], dtype=str)})


@cache
def fitted(name: str, formula: str, ddf: str, method: str = "reml") -> Fit:
    expected = ddf == "kenward-roger"  # as pbkrtest
    engine = ml.Frequentist(method=method, ddf=ddf, information="expected" if expected else "observed")
    return ml.fit(formula, table(name), engine=engine)


def in_our_order(term: str) -> frozenset[str]:
    return frozenset(term.split(":"))


def side_by_side(ours: pd.DataFrame, theirs: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables by term, whatever the order of its factors."""
    table = pd.DataFrame({key: np.atleast_1d(value) for key, value in theirs.items()}).set_index("term")
    tables = [t.set_axis(pd.Index([in_our_order(str(term)) for term in t.index])) for t in (ours, table)]
    assert set(tables[0].index) == set(tables[1].index)
    return tables[0].loc[tables[1].index], tables[1]


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
@pytest.mark.parametrize("kind", [2, 3])
@pytest.mark.parametrize("model", TESTED, ids=lambda model: model["formula"])
def test_terms(model, kind, ddf):
    fit = fitted(model["data"], model["formula"], ddf)
    ours, theirs = side_by_side(fit.anova(type=kind), model[f"type{kind}"][ddf])
    np.testing.assert_array_equal(ours["num_df"], theirs["num_df"])
    np.testing.assert_allclose(ours["statistic"], theirs["statistic"], rtol=STATISTIC)
    np.testing.assert_allclose(ours["den_df"], theirs["den_df"], rtol=DF)


@pytest.mark.parametrize(
    "model", [m for m in TESTED if "joint_tests" in m], ids=lambda model: model["formula"]
)
def test_terms_by_joint_contrasts_of_marginal_means(model):
    """emmeans' F; its denominator df are the smallest of the contrasts', which is another approximation."""
    fit = fitted(model["data"], model["formula"], "kenward-roger")
    ours, theirs = side_by_side(fit.anova(), model["joint_tests"])
    np.testing.assert_array_equal(ours["num_df"], theirs["num_df"])
    np.testing.assert_allclose(ours["statistic"], theirs["statistic"], atol=PRINTED)


@pytest.mark.parametrize("case", REFERENCE["likelihood_ratio"], ids=lambda c: f"{c['smaller']} {c['reml']}")
def test_likelihood_ratio(case):
    method = "reml" if case["reml"] else "ml"
    smaller, larger = (
        fitted(case["data"], case[which], "satterthwaite", method) for which in ("smaller", "larger")
    )
    ours = ml.compare(smaller, larger, boundary="ignore").loc["larger"]
    assert ours["statistic"] == pytest.approx(case["statistic"], rel=LIKELIHOOD_RATIO)
    assert ours["df"] == case["df"]
    assert ours["p_value"] == pytest.approx(case["p_value"], rel=1e-5)


@pytest.mark.parametrize("case", REFERENCE["profile"], ids=lambda case: case["formula"])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_profile_limits(case, level):
    theirs = case[f"level{level}"]
    names = [ours_of(name) for name in theirs["name"]]
    fit = fitted(case["data"], case["formula"], "satterthwaite", "ml")
    ours = ml.variance_intervals(fit, level=level, parameters=names, progress=False)
    np.testing.assert_allclose(ours["lower"], theirs["lower"], rtol=SPLINE)
    np.testing.assert_allclose(ours["upper"], theirs["upper"], rtol=SPLINE)


def ours_of(name: str) -> str:
    """sd_Days|Subject is sd(Days), cor_Days.(Intercept)|Subject is correlation(Days, Intercept)."""
    if name == "sigma":
        return "residual sd"
    kind, _, effects = name.split("|")[0].replace("(Intercept)", "Intercept").partition("_")
    return f"{'sd' if kind == 'sd' else 'correlation'}({effects.replace('.', ', ')})"
