"""The joint model by the No-U-Turn sampler: its PyMC model is compiled."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.errors import EngineError
from several_outcomes import several_outcomes

pytestmark = pytest.mark.slow

SAMPLERS = 0.06
"""Posterior SDs of two samples of 2,000 draws and more differ by 2 % each, and twice that at the worst of nine."""

SPECS = {f"y{k}": ml.ModelSpec(f"y{k} ~ C(week) + (1 | id)", visit="week") for k in range(2)}


def test_both_samplers_find_one_posterior():
    trial = several_outcomes()
    nuts, importance = (
        ml.fit_joint(SPECS, trial, ml.Bayesian(seed=3, sampler=sampler)) for sampler in ("nuts", "importance")
    )
    assert nuts.outcome.diagnostics["sampler"] == "nuts"
    for table in ("contrasts", "correlations"):
        one, other = getattr(nuts, table)(), getattr(importance, table)()
        assert np.abs((one["estimate"] - other["estimate"]) / other["se"]).max() < SAMPLERS
        np.testing.assert_allclose(one["se"], other["se"], rtol=SAMPLERS)


def test_pooled_changes_have_no_pymc_model():
    with pytest.raises(EngineError, match="importance sampling only"):
        ml.fit_joint(
            SPECS,
            several_outcomes(),
            ml.Bayesian(seed=3, sampler="nuts"),
            pool="time course",
            directions=dict.fromkeys(SPECS, "lower"),
        )
