"""Every df and covariance of the fixed effects that R mmrm has, on every model that both fit."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from parity.r_models import CASES, our_names, r_model
from parity.reference import frame

# mmrm's fits are re-optimised until theta is right to about 1e-9; the sandwich and its df are closed forms of it.
SE = 1e-7
DF = 1e-6
STATISTIC = 1e-6

VCOV = {
    "asymptotic": "model",
    "empirical": "CR0",
    "empirical_bias_reduced": "CR2",
    "empirical_jackknife": "CR3",
}
METHODS = {
    f"{ddf}_{theirs}": (ddf.replace("_", "-"), ours)
    for ddf in ("satterthwaite", "between_within", "residual")
    for theirs, ours in VCOV.items()
}
BOTH = [
    (case, method)
    for case in CASES
    if r_model(case)["engine"] == "mmrm"
    for method in METHODS
    if method in r_model(case)["inference"]
]


def case_id(value: object) -> str:
    return ".".join(value) if isinstance(value, tuple) else str(value)


@cache
def our_design(case):
    spec = ml.ModelSpec(r_model(case)["formula"].replace("bdi.pre", "bdi_pre"))
    return build_design(spec, long_data(spec, frame(case[0])))


def our_fit(case, method):
    ddf, vcov = METHODS[method]
    engine = ml.Frequentist(method=r_model(case)["method"].lower(), ddf=ddf, vcov=vcov)
    return engine.fit(our_design(case))


@pytest.mark.parametrize(("case", "method"), BOTH, ids=case_id)
def test_standard_errors_df_and_joint_tests(case, method):
    model, fit = r_model(case), our_fit(case, method)
    theirs = model["inference"][method]
    ours = fit.coefficients().loc[our_names(case, model["coef_names"])]
    np.testing.assert_allclose(ours["se"], theirs["se"], rtol=SE)
    np.testing.assert_allclose(ours["df"], theirs["df"], rtol=DF)
    for term, test in model["term_tests"].get(method, {}).items():
        our_test = fit.test(term.replace("bdi.pre", "bdi_pre")).iloc[0]
        assert our_test["num_df"] == test["num_df"], term
        assert our_test["den_df"] == pytest.approx(test["denom_df"], rel=DF), term
        assert our_test["statistic"] == pytest.approx(test["f_stat"], rel=STATISTIC), term


def test_every_method_is_compared_on_every_structure():
    structures = {r_model(case)["cov_type"] for case, _ in BOTH}
    compared = {(r_model(case)["cov_type"], method) for case, method in BOTH if case[0] == "btheb"}
    assert {"us", "cs", "ar1", "ar1h", "toeph"} <= structures
    assert compared == {(structure, method) for structure in structures for method in METHODS}
