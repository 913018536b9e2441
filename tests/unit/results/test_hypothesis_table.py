"""Rows of hypotheses: values other than zero, margins, families, both engines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import msclong as ml
from msclong.errors import HypothesisError, SpecError
from msclong.results.posterior_draws import PosteriorDraws

ARITHMETIC = 1e-10
"""The same formula written twice."""

SPEC = ml.ModelSpec(
    "change ~ basval * week + TRT * week + us(week | PATIENT)", outcome_type="change", margin=-1.5
)


@pytest.fixture(scope="module")
def fit():
    return ml.fit(SPEC, ml.datasets.hamd17())


@pytest.fixture(scope="module")
def draws(fit):
    """The large-sample posterior of the same model, as draws."""
    rng = np.random.default_rng(5)
    beta = rng.multivariate_normal(fit.estimate.beta, fit.vcov.to_numpy(), size=(2, 2000))

    def convergence(values):
        return dict.fromkeys(("ess_bulk", "rhat", "mcse"), np.ones(values.shape[2]))

    return PosteriorDraws(fit.estimate.names, beta, convergence)


def arms(fit, **options) -> pd.DataFrame:
    return fit.contrasts(versus="1", factor="TRT", by="week", **options)


def test_a_value_other_than_zero(fit):
    name = fit.estimate.names[1]
    plain = fit.contrasts(hypothesis=name).iloc[0]
    shifted = fit.contrasts(hypothesis=f"{name} = 2").iloc[0]
    np.testing.assert_allclose(shifted[["estimate", "se", "lower"]], plain[["estimate", "se", "lower"]])
    assert shifted["statistic"] == pytest.approx((plain["estimate"] - 2) / plain["se"], rel=ARITHMETIC)
    joint = fit.test(f"{name} = 2").iloc[0]
    assert joint["statistic"] == pytest.approx(shifted["statistic"] ** 2, rel=1e-8)
    assert joint["p_value"] == pytest.approx(shifted["p_value"], rel=1e-6)


def test_joint_tests_of_values(fit):
    """Redundant rows count once, contradicting ones are refused."""
    a, b = fit.estimate.names[1:3]
    once = fit.test(f"{a} = 1, {b} = 2").iloc[0]
    again = fit.test(f"{a} = 1, {b} = 2, {a} + {b} = 3").iloc[0]
    np.testing.assert_allclose(once, again, rtol=1e-8)
    with pytest.raises(HypothesisError, match="contradict each other"):
        fit.test(f"{a} = 1, {b} = 2, {a} + {b} = 4")


def test_rows_one_by_one_are_the_joint_test_of_one(fit):
    table = fit.contrasts(hypothesis="TRT:week", adjust="holm")
    assert list(table.index) == list(fit.estimate.names[fit.design.fixed.terms["TRT:week"]])
    pd.testing.assert_frame_equal(fit.contrasts(hypothesis=fit.hypothesis()), fit.contrasts())
    with pytest.raises(HypothesisError, match="hypothesis= stands for itself"):
        fit.contrasts(hypothesis="TRT:week", kind="pairwise")


@pytest.mark.parametrize(
    ("test", "bounds"),
    [
        ("less", [(0, -1)]),
        ("greater", [(0, 1)]),
        ("superiority", [(-1.5, -1)]),
        ("non-inferiority", [(1.5, -1)]),
        ("equivalence", [(-1.5, 1), (1.5, -1)]),
    ],
)
def test_margins(fit, draws, test, bounds):
    """A fall is the benefit: margin -1.5, from the spec."""
    plain, ours = arms(fit), arms(fit, test=test)
    estimate, se = plain["estimate"], plain["se"]
    p = np.max(
        [stats.t.sf(direction * (estimate - bound) / se, plain["df"]) for bound, direction in bounds], axis=0
    )
    np.testing.assert_allclose(ours["p_value"], p, rtol=1e-8)
    pd.testing.assert_frame_equal(ours.iloc[:, :5], plain.iloc[:, :5])
    # 90 % intervals and tests at 5 % say the same.
    interval = arms(fit, level=0.90)
    inside = np.logical_and.reduce(
        [
            interval["lower"] > bound if direction > 0 else interval["upper"] < bound
            for bound, direction in bounds
        ]
    )
    np.testing.assert_array_equal(ours["p_value"] < 0.05, inside)
    # A posterior says the complement of p: the probability of the alternative.
    hypothesis = fit.hypothesis(versus="1", factor="TRT", by="week")
    posterior = ml.Fit(fit.engine, fit.design, draws, fit.covariance, fit.outcome, None, 0)
    table = posterior.contrasts(hypothesis=hypothesis, test=test)
    column = {
        "superiority": "prob_beyond_margin",
        "non-inferiority": "prob_non_inferior",
        "equivalence": "prob_equivalent",
        "less": "prob_negative",
    }.get(test)
    if column and test != "equivalence":
        np.testing.assert_allclose(table[column], 1 - p, atol=0.03)
    if test == "equivalence":
        flat = draws.of(hypothesis).reshape(-1, 5)
        np.testing.assert_array_equal(table[column], (np.abs(flat) < 1.5).mean(axis=0))
    assert table["prob_beyond_margin"].notna().all()


def test_a_posterior_has_no_p_values_to_adjust(fit, draws):
    posterior = ml.Fit(fit.engine, fit.design, draws, fit.covariance, fit.outcome, None, 0)
    with pytest.raises(HypothesisError, match="a posterior has none"):
        posterior.contrasts(adjust="holm")
    for kind in ("pairwise", "polynomial", "average", "auc", "difference-in-differences"):
        ours, theirs = posterior.contrasts(kind=kind), fit.contrasts(kind=kind)
        assert list(ours.index) == list(theirs.index)
        assert (np.abs(ours["estimate"] - theirs["estimate"]) < 0.15 * theirs["se"]).all()
    far = posterior.test(fit.estimate.names[1] + " = 100").iloc[0]
    assert far["contour_probability"] == 0


def test_tests_that_need_a_margin(fit):
    plain = ml.fit(SPEC.replace(margin=None), ml.datasets.hamd17())
    with pytest.raises(HypothesisError, match="test='equivalence' needs a margin"):
        arms(plain, test="equivalence")
    with pytest.raises(HypothesisError, match="needs a margin other than zero"):
        arms(fit, test="superiority", margin=0)
    for test in ("less", "greater"):
        with pytest.raises(HypothesisError, match="is against zero and has no margin"):
            arms(fit, test=test, margin=3)
    for margin in (np.nan, np.inf, "3", True):
        with pytest.raises(SpecError, match="margin must be a number"):
            arms(fit, margin=margin)
    with pytest.raises(HypothesisError, match="Unknown test 'tost'; known are two-sided, less"):
        arms(fit, test="tost")
    with pytest.raises(HypothesisError, match="test='equivalence', whose rows are two tests each"):
        arms(fit, test="equivalence", adjust="mvt")
    holm = arms(fit, test="equivalence", adjust="holm")
    assert "lower_adjusted" not in holm.columns


def test_families(fit):
    """By arm, each arm's changes and each difference of arms is adjusted by itself."""
    whole, by_arm = fit.contrasts(adjust="bonferroni"), fit.contrasts(adjust="bonferroni", family="TRT")
    np.testing.assert_allclose(whole["p_adjusted"], np.minimum(1, 15 * whole["p_value"]), rtol=ARITHMETIC)
    np.testing.assert_allclose(by_arm["p_adjusted"], np.minimum(1, 5 * by_arm["p_value"]), rtol=ARITHMETIC)
    half = stats.t.isf(0.025 / 5, by_arm["df"]) * by_arm["se"]
    np.testing.assert_allclose(by_arm["upper_adjusted"] - by_arm["estimate"], half, rtol=1e-8)
    with pytest.raises(HypothesisError, match="rows are named by 'TRT', 'week' only"):
        fit.contrasts(adjust="holm", family="site")
    with pytest.raises(HypothesisError, match="family takes a name or a list of names; got 3"):
        fit.contrasts(adjust="holm", family=3)
    with pytest.raises(HypothesisError, match=r"family=\[\] names nothing"):
        fit.contrasts(adjust="holm", family=[])
    with pytest.raises(HypothesisError, match="name the method with adjust="):
        fit.contrasts(family="TRT")


def test_a_graph_over_rows_of_several_levels(fit):
    table = fit.contrasts(kind="difference-in-differences")
    sequence = ml.GraphicalProcedure.fixed_sequence(list(table.index[::-1]))
    ours = fit.contrasts(kind="difference-in-differences", adjust=sequence)
    expected = np.maximum.accumulate(table["p_value"].to_numpy()[::-1])[::-1]
    np.testing.assert_allclose(ours["p_adjusted"], expected, rtol=ARITHMETIC)
