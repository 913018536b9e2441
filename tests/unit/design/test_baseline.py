"""Three ways with the baseline visit: an outcome, equal in all arms or not; a covariate; or subtracted."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import DataError, HypothesisError, SpecError

# Two ways to write one model differ by rounding only.
EQUAL = 1e-8


def trial(arms: int = 2, n: int = 30, seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": np.repeat(np.arange(n), 4), "visit": np.tile([0, 4, 8, 12], n)})
    frame["arm"] = np.array(["control", "high", "low"])[frame["id"] % arms]
    frame["age"] = rng.normal(50, 10, n).round()[frame["id"]]
    frame["y"] = rng.normal(size=n)[frame["id"]] + rng.normal(size=4 * n) + 0.1 * frame["visit"]
    later = frame.index[frame["visit"] > 0]
    return frame.drop(rng.choice(later, 10, replace=False)).reset_index(drop=True)


def by_hand(data: pd.DataFrame) -> pd.DataFrame:
    """Indicators of each arm after baseline, by visit."""
    for arm in ("high", "low"):
        for visit in (4, 8, 12):
            data[f"{arm}{visit}"] = ((data["arm"] == arm) & (data["visit"] == visit)).astype(float)
    return data


@pytest.mark.parametrize("arms", [2, 3])
@pytest.mark.parametrize("mean", ["arm * C(visit)", "C(visit) * arm + age", "arm * C(visit, Treatment(12))"])
def test_constrained_equals_the_formula_written_by_hand(arms, mean):
    data = by_hand(trial(arms))
    fit = ml.fit(ml.ModelSpec(f"y ~ {mean} + us(visit | id)", arm="arm", baseline_as="constrained"), data)
    names = [f"{arm}{visit}" for arm in ("high", "low")[: arms - 1] for visit in (4, 8, 12)]
    extra = " + age" if "age" in mean else ""
    hand = ml.fit(f"y ~ C(visit) + {' + '.join(names)}{extra} + us(visit | id)", data)
    # The REML likelihood depends on how X is written; the fit does not.
    shift = np.linalg.slogdet(np.linalg.lstsq(hand.design.fixed.X, fit.design.fixed.X, rcond=None)[0])[1]
    assert fit.loglik + shift == pytest.approx(hand.loglik, rel=EQUAL)
    table = fit.contrasts()
    differences = table.loc[[row for row in table.index if row[0].endswith("- control")]]
    at = [f"{arm} - control" for arm in ("high", "low")[: arms - 1]]
    for label, arm in zip(at, ("high", "low"), strict=False):
        ours = differences.loc[label]
        theirs = hand.coefficients().loc[[f"{arm}{visit}" for visit in (4, 8, 12)]]
        for column in ("estimate", "se", "df", "p_value"):
            np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-6)


def test_arms_are_equal_at_baseline_and_only_there():
    spec = ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)", arm="arm", baseline_as="constrained")
    fit = ml.fit(spec, trial(3))
    means = fit.means()["estimate"].unstack("visit")
    np.testing.assert_allclose(means[0], means[0].iloc[0], rtol=1e-12)
    assert np.ptp(means[12]) > 0.01
    assert "arm[T.high]" not in fit.coefficients().index
    assert len(fit.coefficients()) == 12 - 2
    assert fit.test("arm:C(visit)")["num_df"].iloc[0] == 6
    again = ml.ModelSpec.from_json(spec.to_json())
    assert again == spec


def test_constrained_at_another_baseline_than_the_reference_level():
    spec = ml.ModelSpec(
        "y ~ arm * C(visit) + us(visit | id)", arm="arm", baseline=4, baseline_as="constrained"
    )
    means = ml.fit(spec, trial()).means()["estimate"].unstack("visit")
    assert means[4].iloc[0] == pytest.approx(means[4].iloc[1])
    assert means[0].iloc[0] != pytest.approx(means[0].iloc[1])


@pytest.mark.parametrize(
    ("mean", "name"),
    [
        ("arm * C(visit) + arm:age", "age"),
        ("C(arm) * C(visit) + C(arm):age", "age"),
        ("0 + C(visit):arm", "C(visit)[0]"),
    ],
)
def test_a_coefficient_that_all_arms_share_is_not_named_by_one(mean, name):
    spec = ml.ModelSpec(f"y ~ {mean} + us(visit | id)", arm="arm", baseline_as="constrained")
    fit = ml.fit(spec, trial(3))
    frame = fit.design.fixed.frame
    X = pd.DataFrame(fit.design.fixed.X, index=frame.index, columns=fit.coefficients().index)
    np.testing.assert_allclose(X[name], frame["age"] if name == "age" else frame["visit"] == 0, atol=EQUAL)
    assert X.columns.is_unique
    assert not [column for column in X if column.endswith(":age")]
    assert pickle.loads(pickle.dumps(fit.design.fixed)).names == tuple(X)
    assert len(fit.anova()) >= 1


def test_names_left_keep_patsys_meaning():
    spec = ml.ModelSpec(
        "y ~ arm * C(visit) + us(visit | id)", arm="arm", baseline=4, baseline_as="constrained"
    )
    fit = ml.fit(spec, trial(3))
    m, b = fit.means()["estimate"], fit.coefficients()["estimate"]
    for arm in ("high", "low"):
        for visit in (4, 8, 12):
            expected = m[arm, visit] - m["control", visit] - m[arm, 0] + m["control", 0]
            assert b[f"arm[T.{arm}]:C(visit)[T.{visit}]"] == pytest.approx(expected, rel=EQUAL)


def test_terms_that_the_constraint_took():
    spec = ml.ModelSpec(
        "y ~ arm * C(visit) + arm * age + us(visit | id)", baseline_as="constrained", arm="arm"
    )
    fit = ml.fit(spec, trial(3))
    for gone in ("arm", "arm[T.high]", "age:arm"):
        with pytest.raises(
            HypothesisError, match=r"has no coefficient of its own: .*baseline_as='constrained'"
        ):
            fit.test(gone)
    assert list(fit.anova().index) == ["arm", "C(visit)", "arm:C(visit)", "age"]
    assert fit.test("arm:C(visit)")["num_df"].iloc[0] == 6


def test_covariate_and_change_by_one_argument():
    data = trial()
    before = data[data["visit"] == 0].set_index("id")["y"]
    later = data[data["visit"] > 0].assign(baseline=lambda d: d["id"].map(before))
    later["change"] = later["y"] - later["baseline"]
    formula = "y ~ arm * C(visit) + us(visit | id)"
    covariate = ml.fit(ml.ModelSpec(formula, baseline_as="covariate"), data)
    hand = ml.fit("y ~ arm * C(visit) + baseline + us(visit | id)", later)
    pd.testing.assert_frame_equal(covariate.coefficients(), hand.coefficients())
    assert list(covariate.design.data.visits) == [4, 8, 12]
    change = ml.fit(ml.ModelSpec(formula.replace("+ us", "+ baseline + us"), baseline_as="change"), data)
    hand = ml.fit(
        ml.ModelSpec("change ~ arm * C(visit) + baseline + us(visit | id)", outcome_type="change"), later
    )
    np.testing.assert_allclose(change.contrasts(), hand.contrasts(), rtol=EQUAL)
    # With the baseline as a covariate, change and value have the same differences between arms.
    same = ("high - control", "12")
    np.testing.assert_allclose(
        change.contrasts().loc[same, "estimate"],
        covariate.contrasts(factor="arm", versus="control", by="visit").loc[
            ("12", "high - control"), "estimate"
        ],
        rtol=EQUAL,
    )
    assert "baseline" not in data.columns


def test_what_cannot_be_done():
    data = trial()
    with pytest.raises(DataError, match="the table has one already"):
        ml.fit(
            ml.ModelSpec("y ~ C(visit) + us(visit | id)", baseline_as="covariate"), data.assign(baseline=1.0)
        )
    with pytest.raises(DataError, match="needs a visit column"):
        ml.fit(ml.ModelSpec("y ~ visit + (1 | id)", baseline_as="change"), data)
    with pytest.raises(SpecError, match="does not differ between them there"):
        ml.fit(ml.ModelSpec("y ~ C(visit) + us(visit | id)", arm="arm", baseline_as="constrained"), data)
    with pytest.raises(SpecError, match="needs arms and visits"):
        ml.fit(ml.ModelSpec("y ~ C(visit) + us(visit | id)", baseline_as="constrained"), data)
    with pytest.raises(SpecError, match="baseline_as takes"):
        ml.ModelSpec("y ~ C(visit) + us(visit | id)", baseline_as="clda")
