"""Permutation p-values beside those of scipy, counted by hand, and by brute force."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import msclong as ml
from msclong.errors import DataError, HypothesisError, SpecError
from msclong.replication.permutation import Labels
from msclong.replication.refits import Refitter

NOISE = 1e-8
"""Relative: how far two climbs to one maximum may end apart."""


def trial(n: int = 8, visits: int = 2, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), visits),
            "visit": np.tile(np.arange(visits), n),
            "arm": np.repeat(np.resize(["a", "b"], n), visits),
            "site": np.repeat(np.resize(["x", "x", "y", "y"], n), visits),
            "age": np.repeat(rng.standard_normal(n), visits),
        }
    )
    frame["y"] = rng.standard_normal(len(frame)) + np.repeat(rng.standard_normal(n), visits)
    frame["y"] += 1.5 * (frame["arm"] == "b") * frame["visit"]
    return frame


def test_complete_data_at_two_visits_are_a_permutation_test_of_changes():
    frame = trial(10)
    found = ml.permutation_test(ml.fit("y ~ C(visit) * arm + us(visit | id)", frame))
    wide = frame.pivot(index=["id", "arm"], columns="visit", values="y")
    change = (wide[1] - wide[0]).reset_index()
    groups = [change[change["arm"] == arm][0].to_numpy() for arm in ("b", "a")]
    exact = stats.permutation_test(groups, lambda x, y: x.mean() - y.mean(), vectorized=False)
    assert found["p_value"].tolist() == [pytest.approx(exact.pvalue)]
    assert found["p_adjusted"].tolist() == found["p_value"].tolist()
    assert found["mcse"].tolist() == [0.0]
    assert found.attrs["deals"] == "all"


def test_ties_count_wherever_the_optimiser_ends(monkeypatch):
    fit = ml.fit("y ~ C(visit) * arm + us(visit | id)", trial(8))
    exact = ml.permutation_test(fit)
    arms = Refitter.arms

    def ended_elsewhere(self, labels, deals, into, start):
        arms(self, labels, deals, into, start)
        into.estimate[start : start + len(deals)] *= 1 - NOISE

    monkeypatch.setattr(Refitter, "arms", ended_elsewhere)
    again = ml.permutation_test(fit)
    columns = ["p_value", "p_adjusted"]
    pd.testing.assert_frame_equal(again[columns], exact[columns])
    assert exact["p_value"].iloc[0] * 70 == pytest.approx(round(exact["p_value"].iloc[0] * 70))


def test_dropout_covariates_and_strata_by_brute_force():
    frame = trial(8, 3)
    frame = frame[~((frame["id"] == 2) & (frame["visit"] == 2))]
    spec = "y ~ age + C(visit) * arm + cs(visit | id)"
    fit = ml.fit(spec, frame)
    found = ml.permutation_test(fit, strata="site")
    rows = fit.hypothesis(kind="difference-in-differences")

    def statistics(arms: dict[int, str]) -> np.ndarray:
        dealt = ml.fit(spec, frame.assign(arm=frame["id"].map(arms)))
        return dealt.contrasts(hypothesis=rows)["statistic"].abs().to_numpy()

    first = frame.drop_duplicates("id").set_index("id")
    deals = set()
    for order in permutations(range(8)):
        if (first["site"].to_numpy()[list(order)] == first["site"].to_numpy()).all():
            deals.add(tuple(first["arm"].to_numpy()[list(order)]))
    assert len(deals) == 36
    every = np.array([statistics(dict(zip(first.index, deal, strict=True))) for deal in sorted(deals)])
    own = found["statistic"].abs().to_numpy() - 1e-7
    np.testing.assert_allclose(found["p_value"], (every >= own).mean(axis=0))
    np.testing.assert_allclose(found["p_adjusted"], (every.max(axis=1)[:, None] >= own).mean(axis=0))
    np.testing.assert_allclose(found["p_model"], fit.contrasts(hypothesis=rows)["p_value"])


def test_random_deals_are_near_the_exact_value():
    fit = ml.fit("y ~ C(visit) * arm + us(visit | id)", trial(8))
    exact = ml.permutation_test(fit, n=70)
    drawn = ml.permutation_test(fit, n=69, seed=1)
    assert exact.attrs["deals"] == "all"
    assert drawn.attrs["deals"] == "69 at random"
    error = drawn["mcse"].iloc[0]
    assert error > 0
    assert abs(drawn["p_value"].iloc[0] - exact["p_value"].iloc[0]) < 4 * error
    assert drawn["p_value"].iloc[0] * 70 == pytest.approx(round(drawn["p_value"].iloc[0] * 70))


def test_a_covariance_by_arm_moves_with_the_labels():
    fit = ml.fit("y ~ C(visit) * arm + cs(visit | arm / id)", trial(8, 3))
    found = ml.permutation_test(fit, n=19, seed=2)
    assert found["failed"].eq(0).all()
    assert found["p_value"].between(0.05, 1).all()


def test_deals_are_counted_and_listed():
    design = ml.fit("y ~ C(visit) * arm + cs(visit | id)", trial(8)).design
    for strata, count in ((None, 70), ("site", 36)):
        labels = Labels.of(design, strata)
        listed = [tuple(deal) for deal in labels.all()]
        assert labels.deals == count == len(set(listed)) == len(listed)
        rng = np.random.default_rng(1)
        assert all(tuple(labels.dealt(rng)) in listed for _ in range(50))


def test_rows_that_compare_no_arms_are_refused():
    fit = ml.fit("y ~ C(visit) * arm + us(visit | id)", trial())
    with pytest.raises(HypothesisError, match="'a, 1 - 0' is none"):
        ml.permutation_test(fit, contrast=[("a", "1 - 0")])
    only = ml.permutation_test(fit, contrast={"versus": "a", "factor": "arm", "by": "visit"}, n=19, seed=1)
    assert len(only) == 2


def test_what_cannot_be_is_refused():
    fit = ml.fit("y ~ C(visit) * arm + us(visit | id)", trial())
    with pytest.raises(SpecError, match="number of deals"):
        ml.permutation_test(fit, n=0)
    with pytest.raises(DataError, match="no column 'x'"):
        ml.permutation_test(fit, strata="x")
    with pytest.raises(DataError, match="same in all rows"):
        ml.permutation_test(fit, strata="visit")
    with pytest.raises(HypothesisError, match="sign_flip_test"):
        ml.permutation_test(ml.fit("y ~ C(visit) + us(visit | id)", trial()))
