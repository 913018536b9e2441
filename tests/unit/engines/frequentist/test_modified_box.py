"""The modified Box correction: the paper's figures, its formulas with N x N matrices, and single contrasts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f as f_distribution
from scipy.stats import ttest_rel

import msclong as ml
from dense import dense_covariance
from msclong.covariance.unstructured import Unstructured
from msclong.engines.frequentist.modified_box import modified_box_at
from msclong.likelihood.standardised import standardise
from msclong.linear_hypothesis import LinearHypothesis
from parity.reference import load

ENGINE = ml.Frequentist(ddf="modified-box")
# nlme stops a little before its optimum.
NLME = 3e-5
DENSE = 1e-8


@pytest.mark.parametrize("case", ["complete", "missing"])
def test_cardiac_enzyme_data(case):
    """Skene and Kenward (2010), table VII: 12 dogs at 9 times, two treatments."""
    reference = load("skene_kenward")
    table = pd.DataFrame(reference["data"]["cardiac"])
    if case == "missing":
        table.loc[(table["dog"] == 4) & (table["time"] >= 7), "atp"] = np.nan
    ours = (
        ml.fit("atp ~ C(trt) * C(time) + us(time | dog)", table, engine=ENGINE).test("C(trt):C(time)").iloc[0]
    )
    theirs = reference["figures"][f"cardiac_{case}"]
    assert ours["num_df"] == 8
    assert ours["statistic"] == pytest.approx(theirs["F_mod"], rel=NLME)
    assert ours["p_value"] == pytest.approx(theirs["p_value"], rel=NLME)


@pytest.mark.parametrize("outcome", ["AP1", "AP2"])
def test_guinea_pig_data(outcome):
    """Skene and Kenward (2010), section 6.2: 3 animals at 7 concentrations, with the sample covariance matrix."""
    reference = load("skene_kenward")
    table = pd.DataFrame(reference["data"]["guinea_pigs"])
    # REML has no unstructured estimate here; the design of a simpler model serves.
    fit = ml.fit(f"{outcome} ~ C(conc) + cs(conc | gpig)", table, engine=ENGINE)
    S = np.cov(table.pivot(index="gpig", columns="conc", values=outcome), rowvar=False)
    structure = Unstructured(tuple(range(1, 8)))
    standardised = standardise(fit.design.moments)
    theta = S[np.tril_indices(7)] / standardised.scale**2
    small_sample = modified_box_at(
        structure, theta, np.eye(theta.size), standardised.moments.blocks, standardised
    )
    test = small_sample.f_test(fit.estimate.beta, np.eye(7)[1:])
    theirs = reference["figures"][f"guinea_pigs_{outcome}"]
    assert test.statistic == pytest.approx(theirs["F_mod"], rel=1e-6)
    assert f_distribution.sf(test.statistic, 6, test.den_df) == pytest.approx(theirs["p_value"], rel=1e-6)


def trial(seed: int, n: int = 8, visits: int = 4, missing: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    subject, visit = np.repeat(np.arange(n), visits), np.tile(np.arange(visits), n)
    y = rng.normal(size=n)[subject] + (1 + visit) * rng.normal(size=n * visits)
    y[(rng.random(n * visits) < missing) & (visit > 0)] = np.nan
    return pd.DataFrame({"id": subject, "visit": visit, "arm": np.where(subject % 2, "a", "b"), "y": y})


@pytest.mark.parametrize("structure", ["us(visit | id)", "ar1h(visit | id)", "(1 + visit | id)"])
@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary:msclong.errors.ConvergenceWarning")
def test_against_the_printed_formulas(structure):
    spec = ml.ModelSpec(f"y ~ arm * C(visit) + {structure}", visit="visit")
    fit = ml.fit(spec, trial(1, n=16, missing=0.1), engine=ENGINE)
    design = fit.design
    X, y = design.fixed.X, design.y
    N, p = X.shape
    S, _ = dense_covariance(design, fit.covariance.theta)
    hat = X @ np.linalg.pinv(X)
    np.testing.assert_allclose(fit.estimate.beta, np.linalg.pinv(X) @ y, rtol=DENSE)
    np.testing.assert_allclose(
        fit.vcov,
        np.linalg.pinv(X) @ S @ np.linalg.pinv(X).T,
        rtol=DENSE,
        atol=DENSE * np.abs(fit.vcov.to_numpy()).max(),
    )
    smaller = X[:, [0, 1, 2, 3, 4]]
    A, B = np.eye(N) - hat, hat - smaller @ np.linalg.pinv(smaller)
    c = p - 5
    V = sum(np.trace(m @ S @ m @ S) / np.trace(m @ S) ** 2 for m in (A, B))
    v = (c * (4 * V + 1) - 2) / (c * V - 1)
    factor = (N - p) / c * (v - 2) / v * np.trace(B @ S) / np.trace(A @ S)
    ours = fit.test("arm:C(visit)").iloc[0]
    assert ours["den_df"] == pytest.approx(v, rel=DENSE)
    assert ours["statistic"] == pytest.approx((N - p) / c * (y @ B @ y) / (y @ A @ y) / factor, rel=DENSE)


def test_a_single_contrast_of_complete_data_is_the_paired_t_test():
    table = trial(2, n=6)
    fit = ml.fit("y ~ C(visit) + us(visit | id)", table, engine=ENGINE)
    wide = table.pivot(index="id", columns="visit", values="y")
    for visit in (1, 2, 3):
        theirs = ttest_rel(wide[visit], wide[0])
        ours = fit.contrasts().loc[f"{visit} - 0"]
        assert ours["df"] == pytest.approx(5, rel=1e-8)
        assert ours["statistic"] == pytest.approx(theirs.statistic, rel=1e-8)
        assert ours["p_value"] == pytest.approx(theirs.pvalue, rel=1e-7)


def test_a_joint_test_of_one_row_is_its_t_test():
    fit = ml.fit("y ~ arm * C(visit) + us(visit | id)", trial(3, n=12), engine=ENGINE)
    name = fit.estimate.names[-1]
    joint = fit.test(LinearHypothesis(np.eye(8)[[-1]], pd.Index([name]))).iloc[0]
    t = fit.coefficients().loc[name]
    assert joint["statistic"] == pytest.approx(t["statistic"] ** 2, rel=1e-9)
    assert joint["p_value"] == pytest.approx(t["p_value"], rel=1e-9)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_units_are_units_only(factor):
    table = trial(4, n=10)
    plain, other = (
        ml.fit("y ~ C(visit) + us(visit | id)", t, engine=ENGINE)
        for t in (table, table.assign(y=table["y"] * factor))
    )
    np.testing.assert_allclose(other.coefficients()["se"], plain.coefficients()["se"] * factor, rtol=1e-8)
    np.testing.assert_allclose(other.test("C(visit)"), plain.test("C(visit)"), rtol=1e-8)
