"""Kenward-Roger with second derivatives: SAS's figures, and R mmrm's in R mmrm's parameterisation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from dense import dense_kenward_roger
from msclong.api import long_data
from msclong.covariance.registry import known_structures
from msclong.design.design import build_design
from msclong.engines.frequentist.maximum_likelihood import maximum_likelihood
from msclong.engines.frequentist.theta_covariance import theta_covariance
from parity.parameterisations import mmrm, mmrm_parameters, sas
from parity.r_models import CASES, our_names, r_model
from parity.reference import frame, load

# Central differences of the dense formula: 1e-8 of their size, and R is a small part of the whole.
DENSE = 1e-7
# mmrm's fit is tight, its derivatives exact.
MMRM = 1e-6
# What second derivatives change is the same at SAS's last iterate as at the optimum, to one part in a thousand of it.
CHANGE = 1e-3
# SAS stops a step before the optimum for some structures: see the file's notes.
SAS_STOPPED = 5e-4

SECOND_ORDER = ml.Frequentist(ddf="kenward-roger-second-order")
FEV1 = load("fev1")["fits"]
LINEAR = ("us", "cs", "toep")
MODELS = [case for case in CASES if "kenward_roger_kenward_roger" in r_model(case).get("inference", {})]


def case_id(value: object) -> str:
    return ".".join(value) if isinstance(value, tuple) else str(value)


@pytest.fixture(scope="module")
def fev1() -> pd.DataFrame:
    return frame("fev1")


@pytest.mark.parametrize("keyword", FEV1)
def test_sas(fev1, keyword):
    """PROC MIXED, ddfm=kr and ddfm=kr(linear): TRT minus PBO."""
    theirs = FEV1[keyword]
    formula = f"FEV1 ~ ARMCD + {keyword}(AVISIT | USUBJID)"
    full = ml.fit(formula, fev1, engine=SECOND_ORDER).coefficients().iloc[1]
    linear = ml.fit(formula, fev1).coefficients().iloc[1]
    change, their_change = full["se"] / linear["se"] - 1, theirs["se"] / theirs["se_linear"] - 1
    assert change == pytest.approx(their_change, rel=CHANGE, abs=1e-12)
    assert (change == 0) == (keyword in LINEAR)
    assert full["se"] == pytest.approx(theirs["se"], rel=SAS_STOPPED)
    assert linear["se"] == pytest.approx(theirs["se_linear"], rel=SAS_STOPPED)
    assert full["df"] == linear["df"] == pytest.approx(theirs["df"], rel=SAS_STOPPED)
    if "estimate" in theirs:
        assert full["estimate"] == pytest.approx(theirs["estimate"], rel=SAS_STOPPED)


@pytest.mark.parametrize("keyword", ["ar1", "csh"])
def test_sas_did_not_go_further(fev1, keyword):
    """What is left between SAS and us for csh is SAS's: its restricted likelihood is lower."""
    minus2 = -2 * ml.fit(f"FEV1 ~ ARMCD + {keyword}(AVISIT | USUBJID)", fev1).loglik
    # The data have 7 digits, and so -2 log-likelihood about 1e-5.
    assert minus2 < FEV1[keyword]["minus2_reml"] + 1e-5
    assert minus2 == pytest.approx(FEV1[keyword]["minus2_reml"], abs=5e-5)


def test_sas_empirical(fev1):
    engine = ml.Frequentist(ddf="satterthwaite", vcov="CR0")
    ours = ml.fit("FEV1 ~ ARMCD + us(AVISIT | USUBJID)", fev1, engine=engine).vcov.iloc[1, 1]
    assert ours == pytest.approx(FEV1["us"]["covariance_cr0"], rel=SAS_STOPPED)


def fitted(case):
    """Design, second-order fit, theta and its covariance W, in outcome units."""
    model = r_model(case)
    spec = ml.ModelSpec(model["formula"].replace("bdi.pre", "bdi_pre"))
    design = build_design(spec, long_data(spec, frame(case[0])))
    found = maximum_likelihood(design, reml=True)
    there, scale = found.there, found.standardised.scale
    W = there.theta @ theta_covariance(there.structure, found.optimum, "observed") @ there.theta.T
    units = np.diag([design.structure.scale(row, scale)[i] for i, row in enumerate(np.eye(len(W)))])
    fit = SECOND_ORDER.fit(design)
    return design, fit, fit.covariance.theta, units @ W @ units


@pytest.mark.parametrize("case", MODELS, ids=case_id)
def test_against_the_printed_formula_in_both_parameterisations(case):
    """In SAS's it is our covariance; in R mmrm's (log-sd, transformed correlations) it is R mmrm's."""
    keyword = r_model(case)["cov_type"]
    design, fit, theta, W = fitted(case)
    times = np.unique(design.coords[:, 0])
    if keyword not in LINEAR:
        ours = dense_kenward_roger(design, W, sas(keyword, times), theta)
        np.testing.assert_allclose(fit.vcov, ours, rtol=DENSE, atol=DENSE * np.abs(ours).max())
    S = design.structure.sigma(theta, times[None, :, None])[0]
    sigma, phi = mmrm(keyword, times), mmrm_parameters(keyword, S, times)
    np.testing.assert_allclose(sigma(phi), S, rtol=1e-8)
    by_theta = design.structure.first(theta, times[None, :, None])[:, 0].reshape(theta.size, -1).T
    J = np.linalg.lstsq(first_derivatives(sigma, phi), by_theta, rcond=None)[0]
    theirs = dense_kenward_roger(design, J @ W @ J.T, sigma, phi)
    order = [list(fit.estimate.names).index(name) for name in our_names(case, r_model(case)["coef_names"])]
    expected = r_model(case)["inference"]["kenward_roger_kenward_roger"]["se"]
    np.testing.assert_allclose(np.sqrt(np.diag(theirs))[order], expected, rtol=MMRM)


def first_derivatives(sigma, parameters):
    """dSigma / dparameters, (T T, k)."""
    steps = 1e-20j * np.eye(parameters.size)
    return np.stack([sigma(parameters + h).imag.ravel() / 1e-20 for h in steps], axis=1)


def test_every_structure_is_compared():
    compared = {r_model(case)["cov_type"] for case in MODELS}
    assert set(FEV1) <= set(known_structures())
    assert {"us", "cs", "csh", "ar1", "ar1h", "toep", "toeph", "ad", "adh"} <= compared
