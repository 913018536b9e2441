"""Kinds of contrasts: R emmeans' figures, textbook tables, and sums worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.contrasts.summary_measures import orthogonal_polynomials
from msclong.errors import HypothesisError
from parity import reference

R = 1e-6
"""Estimates and SEs of two programs that stop their optimisers at different places."""

ARITHMETIC = 1e-10
"""The same sum in another order."""


@pytest.fixture(scope="module")
def sleep():
    spec = ml.ModelSpec("Reaction ~ DaysF + (1 | Subject)", visit="DaysF")
    return ml.fit(spec, reference.frame("sleepstudy"), engine=ml.Frequentist(information="expected"))


@pytest.fixture(scope="module")
def btheb():
    spec = ml.ModelSpec(
        "bdi ~ bdi_pre + drug + length + treatment * visit + (1 | subject)", visit="visit", arm="treatment"
    )
    return ml.fit(spec, reference.frame("btheb"), engine=ml.Frequentist(ddf="asymptotic"))


def agrees(ours: pd.DataFrame, theirs: dict, statistic: str = "t.ratio") -> None:
    np.testing.assert_allclose(ours["estimate"], theirs["estimate"], rtol=R, atol=R)
    np.testing.assert_allclose(ours["se"], theirs["SE"], rtol=R)
    np.testing.assert_allclose(ours["statistic"], theirs[statistic], rtol=R, atol=R)
    np.testing.assert_allclose(ours["p_value"], theirs["p.value"], rtol=10 * R)


@pytest.mark.parametrize(
    ("kind", "theirs"), [("polynomial", "poly"), ("consecutive", "consec"), ("pairwise", "revpairwise")]
)
def test_against_emmeans(sleep, kind, theirs):
    figures = reference.load("contrasts")["sleepstudy"][theirs]
    table = sleep.contrasts(kind=kind)
    agrees(table, figures)
    assert (
        list(table.index) == [name.replace("D", "") for name in figures["contrast"]] or kind == "polynomial"
    )
    if kind == "polynomial":
        assert list(table.index) == figures["contrast"]


def test_consecutive_within_arms(btheb):
    agrees(
        btheb.contrasts(kind="consecutive", factor="visit"),
        reference.load("contrasts")["btheb"]["consec"],
        "z.ratio",
    )


def test_polynomials_of_equal_steps_are_the_textbook_tables():
    figures = reference.load("contrasts")["sleepstudy"]["poly_coefficients"]
    for ours, theirs in zip(orthogonal_polynomials(np.arange(10.0)), figures, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(orthogonal_polynomials(np.array([0, 0.5, 1.0, 1.5]))[0], [-3, -1, 1, 3])


def test_polynomials_of_unequal_steps():
    """R: contr.poly(4, scores = c(2, 3, 5, 8))."""
    contrasts = orthogonal_polynomials(np.array([2.0, 3, 5, 8]))
    expected = np.array([-0.545544725589981, -0.327326835353989, 0.109108945117996, 0.763762615825973])
    np.testing.assert_allclose(contrasts[0], expected, rtol=ARITHMETIC)
    gram = np.array(contrasts) @ np.array(contrasts).T
    np.testing.assert_allclose(gram, np.eye(3), atol=ARITHMETIC)
    assert all(c[-1] > 0 for c in contrasts)
    # A straight line has no other trend than a linear one.
    np.testing.assert_allclose(np.array(contrasts[1:]) @ [2.0, 3, 5, 8], 0, atol=ARITHMETIC)


def test_summaries_by_hand(btheb):
    """From the table of means: visits at 2, 3, 5 and 8 months."""
    m = btheb.means()["estimate"].unstack()
    change = m[["3", "5", "8"]].mean(axis=1) - m["2"]
    area = (m["2"] + m["3"]) / 2 + (m["3"] + m["5"]) + (m["5"] + m["8"]) * 1.5
    for kind, by_arm in (
        ("average", change),
        ("auc", area),
        ("incremental-auc", area - 6 * m["2"]),
    ):
        table = btheb.contrasts(kind=kind)
        assert list(table.index.get_level_values("treatment")) == ["TAU", "BtheB", "BtheB - TAU"]
        expected = [by_arm["TAU"], by_arm["BtheB"], by_arm["BtheB"] - by_arm["TAU"]]
        np.testing.assert_allclose(table["estimate"], expected, rtol=ARITHMETIC)
    assert list(btheb.contrasts(kind="auc").index.get_level_values("visit").unique()) == ["AUC 2 to 8"]
    assert btheb.contrasts(kind="average").index[0] == ("TAU", "average - 2")
    # Over chosen visits only.
    two = btheb.contrasts(kind="average", at={"visit": ["2", "8"]})
    np.testing.assert_allclose(
        two["estimate"].iloc[0], m.loc["TAU", "8"] - m.loc["TAU", "2"], rtol=ARITHMETIC
    )


def test_difference_in_differences_are_the_last_rows_of_the_default(btheb):
    pd.testing.assert_frame_equal(
        btheb.contrasts(kind="difference-in-differences"), btheb.contrasts().iloc[-3:]
    )


def test_without_factor_and_by_arms_are_compared_too(btheb):
    whole = btheb.contrasts(kind="polynomial")
    assert len(whole) == 9
    assert len(btheb.contrasts(kind="polynomial", by="treatment")) == 6
    change = whole["estimate"].xs("BtheB")["linear"] - whole["estimate"].xs("TAU")["linear"]
    np.testing.assert_allclose(whole.loc[("BtheB - TAU", "linear"), "estimate"], change, rtol=ARITHMETIC)


def test_an_outcome_that_is_a_change():
    spec = ml.ModelSpec("change ~ basval * week + TRT * week + cs(week | PATIENT)", outcome_type="change")
    fit = ml.fit(spec, ml.datasets.hamd17())
    means = fit.means()["estimate"].unstack()
    np.testing.assert_allclose(
        fit.contrasts(kind="average")["estimate"].iloc[:2], means.mean(axis=1), rtol=ARITHMETIC
    )
    assert len(fit.contrasts(kind="difference-in-differences")) == means.shape[1]
    with pytest.raises(HypothesisError, match="No visit of this model is a baseline"):
        fit.contrasts(kind="incremental-auc")


def test_times_of_visits_come_from_the_time_column():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "id": np.repeat(np.arange(30), 3),
            "visit": np.tile(["screening", "mid", "end"], 30),
            "month": np.tile([0.0, 1.0, 5.0], 30),
            "y": rng.normal(size=90),
        }
    )
    spec = ml.ModelSpec("y ~ visit + us(visit | id)", visit_order=("screening", "mid", "end"))
    with pytest.raises(HypothesisError, match=r"An area needs numeric times.*ModelSpec\(..., time='...'\)"):
        ml.fit(spec, table).contrasts(kind="auc")
    # Without times, trends are over equal steps.
    equal = ml.fit(spec, table).hypothesis(kind="polynomial").L
    fit = ml.fit(spec.replace(time="month"), table)
    m = fit.means()["estimate"]
    expected = (m["screening"] + m["mid"]) / 2 + (m["mid"] + m["end"]) * 2
    np.testing.assert_allclose(fit.contrasts(kind="auc")["estimate"], expected, rtol=ARITHMETIC)
    assert not np.allclose(fit.hypothesis(kind="polynomial").L, equal)


def test_what_no_kind_can_answer(sleep, btheb):
    with pytest.raises(
        HypothesisError, match="Unknown kind of contrast 'tukey'; known are 'versus', 'pairwise'"
    ):
        sleep.contrasts(kind="tukey")
    with pytest.raises(HypothesisError, match="kind='pairwise' has none"):
        sleep.contrasts(versus="0", kind="pairwise")
    with pytest.raises(HypothesisError, match="Without arms there are no differences"):
        sleep.contrasts(kind="difference-in-differences")
    with pytest.raises(
        HypothesisError, match="between the levels of 'treatment': leave factor='treatment' out"
    ):
        btheb.contrasts(kind="difference-in-differences", factor="treatment")
    with pytest.raises(HypothesisError, match="too few levels"):
        btheb.contrasts(kind="difference-in-differences", at={"treatment": ["TAU"]})
    with pytest.raises(HypothesisError, match="two or more"):
        btheb.contrasts(kind="auc", at={"visit": ["2"]})
    with pytest.raises(HypothesisError, match="different times"):
        btheb.contrasts(kind="polynomial", at={"visit": ["2"]})


def test_a_baseline_that_is_a_covariate():
    rng = np.random.default_rng(6)
    table = pd.DataFrame(
        {
            "id": np.repeat(np.arange(40), 3),
            "visit": np.tile([0, 1, 2], 40),
            "arm": np.repeat(["a", "b"], 60),
            "y": rng.normal(size=120) + np.repeat(rng.normal(size=40), 3),
        }
    )
    spec = ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)", baseline_as="covariate")
    fit = ml.fit(spec, table)
    differences = fit.contrasts()
    assert list(differences.index) == [("b - a", "1"), ("b - a", "2")]
    pd.testing.assert_frame_equal(fit.contrasts(kind="difference-in-differences"), differences)
    assert fit.contrasts(kind="average").index[0] == ("a", "average")
    alone = ml.fit(spec.replace(formula="y ~ C(visit) + us(visit | id)"), table)
    with pytest.raises(HypothesisError, match="fit baseline_as='change'"):
        alone.contrasts()


def test_a_constrained_baseline_has_nothing_to_compare_there():
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "id": np.repeat(np.arange(40), 3),
            "visit": np.tile([0, 1, 2], 40),
            "arm": np.repeat(["a", "b"], 60),
            "y": rng.normal(size=120) + np.repeat(rng.normal(size=40), 3),
        }
    )
    spec = ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)", baseline_as="constrained")
    fit = ml.fit(spec, table)
    every = fit.contrasts(versus="a", factor="arm", by="visit", adjust="bonferroni")
    later = fit.contrasts(versus="a", factor="arm", by="visit", at={"visit": [1, 2]})
    # Arms start alike, so that their difference is the difference of their changes.
    np.testing.assert_allclose(
        later["estimate"], fit.contrasts(kind="difference-in-differences")["estimate"], rtol=ARITHMETIC
    )
    # Baseline has no row, and counts for no multiplicity.
    pd.testing.assert_frame_equal(every[later.columns], later, check_frame_type=False)
    np.testing.assert_allclose(every["p_adjusted"], np.minimum(1, 2 * later["p_value"]), rtol=ARITHMETIC)
    with pytest.raises(
        HypothesisError, match="equal at baseline by constraint .* compare them at other visits"
    ):
        fit.contrasts(versus="a", factor="arm", by="visit", at={"visit": [0]})
    # A difference that the formula makes zero is none of the constraint's.
    additive = ml.fit(ml.ModelSpec("y ~ arm + C(visit) + us(visit | id)", arm="arm"), table)
    with pytest.raises(HypothesisError, match="zero for every coefficient"):
        additive.contrasts(kind="difference-in-differences", by="arm")


def test_the_baseline_must_be_among_the_visits_that_are_asked_for(btheb):
    """No other visit takes its place unasked."""
    late = ["3", "5"]
    for kind in ("versus", "average", "difference-in-differences"):
        with pytest.raises(
            HypothesisError, match=r"The baseline, '2', is not among at=\{'visit': \['3', '5'\]\}.*versus='3'"
        ):
            btheb.contrasts(kind=kind, at={"visit": late})
    table = btheb.contrasts(versus="3", at={"visit": late}, by="treatment")
    assert set(table.index.get_level_values("visit")) == {"5 - 3"}
    whole = btheb.contrasts(at={"visit": ["5", "2"]})
    assert set(whole.index.get_level_values("visit")) == {"5 - 2"}
    m = btheb.means()["estimate"]["TAU"]
    ours = btheb.contrasts(kind="average", versus="3", at={"visit": ["2", *late]})["estimate"]
    assert ours[("TAU", "average - 3")] == pytest.approx((m["2"] + m["5"]) / 2 - m["3"], rel=ARITHMETIC)


def test_rows_of_three_arms_are_listed_arm_by_arm():
    rng = np.random.default_rng(8)
    table = pd.DataFrame(
        {
            "id": np.repeat(np.arange(45), 3),
            "visit": np.tile([0, 1, 2], 45),
            "arm": np.repeat(["a", "b", "c"], 45),
        }
    )
    table["y"] = rng.normal(size=135)
    fit = ml.fit("y ~ arm * C(visit) + us(visit | id)", table)
    expected = [(arm, visit) for arm in ("b - a", "c - a") for visit in ("1 - 0", "2 - 0")]
    assert list(fit.contrasts(kind="difference-in-differences").index) == expected
    assert list(fit.contrasts().index[6:]) == expected
    m = fit.means()["estimate"]
    np.testing.assert_allclose(
        fit.contrasts().loc[("b - a", "2 - 0"), "estimate"],
        m["b", 2] - m["b", 0] - m["a", 2] + m["a", 0],
        rtol=ARITHMETIC,
    )
