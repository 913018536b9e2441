"""HAMD17: the twelve MMRMs that R's mmrm and emmeans fitted.

These figures come from mmrm's default optimiser, which stops a little early: its log-likelihoods are below ours by
up to 1.6e-5. So each model is compared twice: at R's own covariance, where everything must agree as far as
R computes it, and at the optimum, where ours must be the higher likelihood and the answers close.
"""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.contrasts.marginal_means import marginal_means
from msclong.design.design import build_design
from msclong.engines.frequentist.kenward_roger import kenward_roger
from msclong.engines.frequentist.model_based import ModelBased
from msclong.likelihood.gls import generalised_least_squares
from msclong.likelihood.information import information
from msclong.likelihood.standardised import standardise
from msclong.results.point_estimate import PointEstimate
from parity.reference import load

# At R's covariance the likelihood and the estimates are plain arithmetic.
LOGLIK_AT_R = 1e-11
ESTIMATE_AT_R = 1e-11
# R's Kenward-Roger there uses the information in its own parameters, which differs where the gradient is not quite 0.
SE_AT_R = 1e-6
DF_AT_R = 1e-3
# At the optimum: the distance that R stopped short of it (measured: 1.9e-4 of an SE, 1.1e-4 in SE, 2.1e-4 in df).
IN_SE_AT_OPTIMUM = 4e-4
SE_AT_OPTIMUM = 2e-4
DF_AT_OPTIMUM = 5e-4

FIXED = {
    "main": "basval + TRT * week + POOLINV",
    "interaction": "basval * week + TRT * week + POOLINV",
    "no_investigator": "basval * week + TRT * week",
}
MODELS = list(load("hamd17")["fits"])


def spec_of(name: str) -> ml.ModelSpec:
    fixed, structure = name.rsplit("_", 1)
    return ml.ModelSpec(f"change ~ {FIXED[fixed]} + {structure}(week | PATIENT)", outcome_type="change")


def theta_of(structure: str, sigma: np.ndarray) -> np.ndarray:
    variance = np.diag(sigma)
    correlation = sigma / np.sqrt(np.outer(variance, variance))
    return {
        "us": sigma[np.tril_indices(len(sigma))],
        "cs": np.array([sigma[0, 1], sigma[0, 0] - sigma[0, 1]]),
        "ar1h": np.append(variance, correlation[0, 1]),
        "toeph": np.append(variance, correlation[0, 1:]),
    }[structure]


@pytest.mark.parametrize("name", MODELS)
def test_at_the_covariance_of_r(name):
    theirs = load("hamd17")["fits"][name]
    spec = spec_of(name)
    design = build_design(spec, long_data(spec, ml.datasets.hamd17()))
    problem = standardise(design.moments)
    theta = design.structure.scale(
        theta_of(theirs["covariance"], np.array(theirs["Sigma"])), 1 / problem.scale
    )
    gls = generalised_least_squares(design.structure, theta, problem.moments)
    minus2 = gls.minus2_reml - 2 * problem.log_likelihood_shift(reml=True)
    assert minus2 == pytest.approx(theirs["minus2_reml_loglik"], rel=LOGLIK_AT_R)

    parts = information(design.structure, gls, reml=True)
    model = ModelBased(
        C=problem.scale * problem.back @ gls.C,
        P=parts.P,
        W=np.linalg.inv(parts.observed),
        structure=design.structure,
        gls=gls,
        standardised=problem,
        design=design,
    )
    estimate = PointEstimate(design.fixed.names, problem.coefficients(gls.beta), kenward_roger(model))
    means = marginal_means(design, ["week", "TRT"])
    for ours, table, column in (
        (estimate.test(means), theirs["ls_means"], "emmean"),
        (estimate.test(means.minus_reference("TRT", "2")), theirs["trt1_minus_trt2"], "estimate"),
    ):
        np.testing.assert_allclose(ours["estimate"], table[column], rtol=ESTIMATE_AT_R)
        np.testing.assert_allclose(ours["se"], table["SE"], rtol=SE_AT_R)
        np.testing.assert_allclose(ours["df"], table["df"], rtol=DF_AT_R)


@pytest.mark.parametrize("name", MODELS)
def test_at_the_optimum(name):
    theirs = load("hamd17")["fits"][name]
    fit = ml.fit(spec_of(name), ml.datasets.hamd17())
    gain = theirs["minus2_reml_loglik"] + 2 * fit.loglik
    assert 0 < gain < 5e-5
    np.testing.assert_allclose(fit.covariance.matrix, theirs["Sigma"], rtol=5e-4)
    for ours, table, column in (
        (fit.means(by=["week", "TRT"]), theirs["ls_means"], "emmean"),
        (fit.contrasts(versus="2", factor="TRT", by="week"), theirs["trt1_minus_trt2"], "estimate"),
    ):
        assert np.max(np.abs(ours["estimate"] - table[column]) / table["SE"]) < IN_SE_AT_OPTIMUM
        np.testing.assert_allclose(ours["se"], table["SE"], rtol=SE_AT_OPTIMUM)
        np.testing.assert_allclose(ours["df"], table["df"], rtol=DF_AT_OPTIMUM)


def test_the_published_contrast():
    """-2 REML log-likelihood 4713.93891; week 8, arm 1 minus 2: 2.28173, KR SE 1.01974, df 125.56, p 0.0270."""
    fit = ml.fit(spec_of("interaction_us"), ml.datasets.hamd17())
    assert -2 * fit.loglik == pytest.approx(4713.93891, abs=5e-6)
    row = fit.contrasts(versus="2", factor="TRT", by="week").loc[("8", "1 - 2")]
    assert row["estimate"] == pytest.approx(2.281729, rel=3e-6)
    assert row["se"] == pytest.approx(1.019716, rel=3e-5)
    assert row["df"] == pytest.approx(125.56, abs=5e-3)


def test_the_means_of_a_change_score_are_its_contrasts_against_baseline():
    fit = ml.fit(spec_of("interaction_us"), ml.datasets.hamd17())
    contrasts, means = fit.contrasts(), fit.means(by=["TRT", "week"])
    assert list(contrasts.index[:10]) == [(arm, str(week)) for arm, week in means.index]
    np.testing.assert_allclose(contrasts["estimate"][:10], means["estimate"], rtol=1e-13)
    assert [arm for arm, _ in contrasts.index[10:]] == ["2 - 1"] * 5
