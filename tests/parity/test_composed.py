"""Sums, nested and crossed groupings, covariances by group, weights: the same fits as R's."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from crossed_ratings import take_route
from parity.r_models import our_names
from parity.reference import frame, load

# nlme's lme stops on a relative change of the log-likelihood: about 1e-6 in estimates, 1e-8 in the log-likelihood.
LME_LOGLIK, LME_ESTIMATE = 1e-7, 1e-5
# lme4's fits are to full precision.
LOGLIK, ESTIMATE = 1e-10, 1e-7
# lmerTest differentiates numerically.
DF = 1e-6

COMPOSED = load("composed")


def composed_table() -> pd.DataFrame:
    table = pd.DataFrame(COMPOSED["data"])
    return table.assign(Sex=pd.Categorical(table["Sex"], categories=["Male", "Female"]))


@pytest.mark.parametrize("name", COMPOSED["fits"])
def test_orthodont(name):
    theirs = COMPOSED["fits"][name]
    weights = "weight" if name in COMPOSED["source"]["weighted"] else None
    spec = ml.ModelSpec(f"distance ~ age * Sex + {theirs['formula']}", weights=weights)
    with warnings.catch_warnings():
        # A random intercept beside sp_exp leaves nothing for the range: R says nothing, we do.
        warnings.simplefilter("ignore" if name == "intercept_exp" else "error", ml.errors.ConvergenceWarning)
        fit = ml.fit(spec, composed_table(), engine=ml.Frequentist(ddf="asymptotic"))
    names = {"(Intercept)": "Intercept", "SexFemale": "Sex[T.Female]", "age:SexFemale": "age:Sex[T.Female]"}
    ours = fit.coefficients().loc[[names.get(n, n) for n in theirs["coef_names"]]]
    exact = theirs["program"] == "lme4::lmer"
    assert fit.loglik == pytest.approx(theirs["logLik"], rel=LOGLIK if exact else LME_LOGLIK)
    assert fit.loglik > theirs["logLik"] - 1e-9 * abs(theirs["logLik"])
    np.testing.assert_allclose(ours["estimate"], theirs["beta"], rtol=ESTIMATE if exact else LME_ESTIMATE)
    np.testing.assert_allclose(ours["se"], theirs["se"], rtol=ESTIMATE if exact else LME_ESTIMATE)


NESTED = [
    (data, name) for data in ("pastes", "penicillin", "dyestuff", "dyestuff2") for name in load(data)["fits"]
]


@pytest.mark.parametrize("crossed", [False, True], ids=["dense units", "blocks of Z'Z"])
@pytest.mark.parametrize("case", NESTED, ids=".".join)
def test_nested_and_crossed(case, crossed, monkeypatch):
    take_route(monkeypatch, crossed)
    data, name = case
    theirs = load(data)["fits"][name]
    table, method = frame(data), theirs["method"].lower()
    engines = {
        "asymptotic": ml.Frequentist(method=method, ddf="asymptotic"),
        "satterthwaite": ml.Frequentist(method=method, ddf="satterthwaite"),
        "kenward_roger": ml.Frequentist(information="expected"),
    }
    for ddf, inference in theirs["inference"].items():
        with warnings.catch_warnings():
            # Dyestuff2's batches do not differ: lme4 too puts their variance at exactly zero.
            warnings.simplefilter("ignore" if data == "dyestuff2" else "error", ml.errors.ConvergenceWarning)
            fit = ml.fit(theirs["formula"], table, engine=engines[ddf])
        assert fit.outcome.singular == (data == "dyestuff2")
        assert fit.loglik == pytest.approx(theirs["logLik"], rel=LOGLIK)
        ours = fit.coefficients()
        np.testing.assert_allclose(ours["estimate"], inference["estimate"], rtol=ESTIMATE)
        np.testing.assert_allclose(ours["se"], inference["se"], rtol=ESTIMATE)
        if ddf != "asymptotic":
            np.testing.assert_allclose(ours["df"], inference["df"], rtol=DF)
    variances = [block["cov"][0][0] for block in theirs["G"].values()]
    np.testing.assert_allclose(
        sorted(np.diag(fit.covariance.random_effects)), sorted(variances), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
def test_a_covariance_for_each_arm(ddf):
    theirs = load("btheb")["fits"]["mmrm_us_by_treatment_reml"]
    formula = theirs["formula"].replace("bdi.pre", "bdi_pre")
    fit = ml.fit(formula, frame("btheb"), engine=ml.Frequentist(ddf=ddf))
    key = {"satterthwaite": "satterthwaite_asymptotic", "kenward-roger": "kenward_roger_kenward_roger_linear"}
    inference = theirs["inference"][key[ddf]]
    ours = fit.coefficients().loc[our_names(("btheb", "mmrm_us_by_treatment_reml"), theirs["coef_names"])]
    assert fit.loglik == pytest.approx(theirs["logLik"], rel=LOGLIK)
    assert fit.n_parameters == theirs["n_params"]
    np.testing.assert_allclose(ours["estimate"], inference["estimate"], rtol=ESTIMATE)
    np.testing.assert_allclose(ours["se"], inference["se"], rtol=ESTIMATE)
    np.testing.assert_allclose(ours["df"], inference["df"], rtol=DF)
    for arm, matrix in fit.covariance.matrices.items():
        np.testing.assert_allclose(matrix, theirs["cov"][arm]["cov"], rtol=1e-6)
    with pytest.raises(ml.errors.HypothesisError, match="Each of TAU, BtheB has its own covariance matrix"):
        _ = fit.covariance.matrix
