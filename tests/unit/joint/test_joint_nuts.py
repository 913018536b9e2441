"""The joint model by the No-U-Turn sampler: its PyMC model is compiled."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.engines.bayesian.nuts import compiled
from msclong.errors import ConvergenceWarning, EngineError
from several_outcomes import several_outcomes

pytestmark = pytest.mark.slow

MCSES = 4
"""Monte Carlo errors within which means agree: of two dozen quantities, one in a thousand tests has one beyond."""

SDS = 0.06
"""SDs of two samples of 2,000 and more effective draws differ by 2 % each; twice that at the worst of two dozen."""

SPECS = {f"y{k}": ml.ModelSpec(f"y{k} ~ C(week) + (1 | id)", visit="week") for k in range(3)}
POOLED = {"pool": "time course", "directions": dict.fromkeys(SPECS, "lower")}


def trial() -> pd.DataFrame:
    """Three outcomes; five subjects have the last one."""
    table = several_outcomes(outcomes=3)
    return table.assign(y2=table["y2"].where(table["id"].isin([f"s{i}" for i in range(5)])))


def agree(nuts: ml.JointFit, importance: ml.JointFit, tables: tuple[str, ...]) -> None:
    assert nuts.outcome.diagnostics["sampler"] == "nuts"
    for table in tables:
        one, other = getattr(nuts, table)(), getattr(importance, table)()
        error = np.hypot(one["mcse"], other["mcse"])
        assert (np.abs(one["estimate"] - other["estimate"]) / error).max() < MCSES
        np.testing.assert_allclose(one["se"], other["se"], rtol=SDS)


@pytest.mark.parametrize(
    ("options", "tables"),
    [({}, ("coefficients", "correlations")), (POOLED, ("coefficients", "correlations", "pooled"))],
    ids=["correlated", "pooled"],
)
def test_both_samplers_find_one_posterior(options, tables):
    nuts, importance = (
        ml.fit_joint(SPECS, trial(), ml.Bayesian(seed=3, sampler=sampler), **options)
        for sampler in ("nuts", "importance")
    )
    agree(nuts, importance, tables)
    assert nuts.outcome.converged


def test_a_pooled_model_that_importance_sampling_does_not_serve_is_sampled_by_nuts(monkeypatch):
    importance = ml.fit_joint(SPECS, trial(), ml.Bayesian(seed=3, sampler="importance"), **POOLED)
    monkeypatch.setattr("msclong.engines.bayesian.checking.checks.MOST_KHAT", -np.inf)
    found = ml.fit_joint(SPECS, trial(), ml.Bayesian(seed=4), **POOLED)
    assert any("sampled by NUTS" in note for note in found.outcome.notes)
    agree(found, importance, ("coefficients", "pooled"))


def test_the_heterogeneitys_prior_is_data_of_the_compiled_model(monkeypatch):
    """A second prior of tau, without compiling again."""
    monkeypatch.setattr(compiled, "_compiled", OrderedDict())
    wide = ml.HalfT(3, 2.0)
    few = ml.Bayesian(draws=20, tune=200, seed=5, sampler="nuts")
    with pytest.warns(ConvergenceWarning):
        ml.fit_joint(SPECS, trial(), few, **POOLED)
    nuts, importance = (
        ml.fit_joint(SPECS, trial(), ml.Bayesian(seed=5, sampler=sampler), heterogeneity=wide, **POOLED)
        for sampler in ("nuts", "importance")
    )
    assert len(compiled._compiled) == 1
    agree(nuts, importance, ("coefficients", "pooled"))


def test_the_pymc_model_is_that_of_all_outcomes():
    joint = ml.fit_joint(SPECS, trial(), ml.Bayesian(seed=3, sampler="importance"), **POOLED)
    model = joint.pymc_model()
    assert "heterogeneity" in [variable.name for variable in model.free_RVs]
    with pytest.raises(EngineError, match=r"joint\.pymc_model\(\)"):
        joint["y0"].pymc_model()
