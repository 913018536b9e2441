"""The sign-flip test against enumeration of every sign vector."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msclong as ml
from msclong.engines.frequentist.sign_flip import MOST_EXACT
from msclong.errors import DataError, HypothesisError, SpecError

# Sums of a dozen numbers.
ROUNDING = 1e-10


def arm(n: int, visits: int = 4, seed: int = 0, missing: float = 0.15) -> pd.DataFrame:
    """Whole numbers, so that sums tie and changes are zero; some later visits missing."""
    rng = np.random.default_rng(seed)
    y = np.round(2 * rng.normal(size=(n, 1)) + 2 * rng.normal(size=(n, visits)) + 0.7 * np.arange(visits))
    y[:, 1:][rng.random((n, visits - 1)) < missing] = np.nan
    return pd.DataFrame(
        {"id": np.repeat(np.arange(n), visits), "visit": np.tile(np.arange(visits), n), "y": y.ravel()}
    )


def long(table: pd.DataFrame, **roles: str) -> ml.LongData:
    return ml.LongData(table, subject="id", outcome="y", visit="visit", **roles)


def changes(table: pd.DataFrame) -> np.ndarray:
    wide = table.pivot(index="id", columns="visit", values="y").to_numpy()
    return wide[:, 1:] - wide[:, :1]


def enumerated(D: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plain, single-step and step-down p-values, from all 2^n sign vectors, as the definitions read."""
    signs = np.array(list(product([-1, 1], repeat=len(D))))
    scale = np.sqrt(np.nansum(D**2, axis=0))
    sums, total = np.abs(signs @ np.nan_to_num(D)) / scale, np.abs(np.nansum(D, axis=0)) / scale
    plain = (sums >= total - ROUNDING).mean(axis=0)
    single = (sums.max(axis=1)[:, None] >= total - ROUNDING).mean(axis=0)
    order, down, running = np.argsort(-total, kind="stable"), np.empty(len(total)), 0.0
    for i, visit in enumerate(order):
        left = sums[:, order[i:]].max(axis=1)
        running = max(running, float((left >= total[visit] - ROUNDING).mean()))
        down[visit] = running
    return plain, single, down


@pytest.mark.parametrize("n", [3, 5, 12])
@pytest.mark.parametrize("seed", [1, 2])
def test_p_values_are_those_of_every_sign_vector(n, seed):
    table = arm(n, seed=seed, missing=0.0 if n == 3 else 0.15)
    plain, single, down = enumerated(changes(table))
    found = ml.sign_flip_test(long(table), adjust="maxt")
    np.testing.assert_allclose(found["p_value"], plain, rtol=ROUNDING)
    np.testing.assert_allclose(found["p_adjusted"], single, rtol=ROUNDING)
    np.testing.assert_allclose(
        ml.sign_flip_test(long(table), adjust="maxt-stepdown")["p_adjusted"], down, rtol=ROUNDING
    )
    assert (found["mcse"] == 0).all()
    assert list(found.index) == ["1 - 0", "2 - 0", "3 - 0"]
    assert list(found["n"]) == list(np.isfinite(changes(table)).sum(axis=0))
    np.testing.assert_allclose(found["estimate"], np.nanmean(changes(table), axis=0))


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_limits_are_ordered_means_of_subsets(level):
    """Hartigan (1969): the shifts that are not rejected lie between order statistics of the 2^n - 1 subset means."""
    table = arm(9, seed=3, missing=0.0)
    D = changes(table)
    found = ml.sign_flip_test(long(table), level=level)
    for d, (lower, upper) in zip(D.T, found[["lower", "upper"]].to_numpy(), strict=True):
        means = sorted(np.mean(part) for size in range(1, 10) for part in combinations(d, size))
        rank = int(np.floor((1 - level) * 2**8))
        assert lower == pytest.approx(means[rank - 1], abs=ROUNDING)
        assert upper == pytest.approx(means[-rank], abs=ROUNDING)


@settings(max_examples=25, deadline=None)
@given(
    d=st.lists(st.integers(-20, 20).map(float), min_size=6, max_size=10),
    outside=st.floats(0.01, 3.0),
)
def test_the_interval_is_what_the_test_does_not_reject(d, outside):
    table = pd.DataFrame({"id": np.repeat(range(len(d)), 2), "visit": [0, 1] * len(d), "y": 0.0})
    table.loc[table["visit"] == 1, "y"] = d
    lower, upper = ml.sign_flip_test(long(table))[["lower", "upper"]].iloc[0]

    def p_at(shift: float) -> float:
        moved = table.assign(y=table["y"] - shift * table["visit"])
        return float(ml.sign_flip_test(long(moved))["p_value"].iloc[0])

    assert p_at((lower + upper) / 2) > 0.05
    assert p_at(lower - outside) <= 0.05
    assert p_at(upper + outside) <= 0.05


def test_random_sign_vectors_beyond_the_limit():
    table = arm(60, seed=4)
    found = ml.sign_flip_test(long(table), adjust="maxt-stepdown", draws=20_000, seed=1)
    pd.testing.assert_frame_equal(
        found, ml.sign_flip_test(long(table), adjust="maxt-stepdown", draws=20_000, seed=1)
    )
    other = ml.sign_flip_test(long(table), draws=20_000, seed=2)
    assert (found["mcse"] > 0).all()
    assert (np.abs(found["p_value"] - other["p_value"]) < 5 * np.sqrt(2) * found["mcse"]).all()
    assert (found["p_adjusted"] >= found["p_value"] - 5 * found["mcse"]).all()
    # In 60 subjects the t interval is close.
    for d, (lower, upper) in zip(changes(table).T, found[["lower", "upper"]].to_numpy(), strict=True):
        d = d[np.isfinite(d)]
        half = 2.005 * d.std(ddof=1) / np.sqrt(len(d))
        assert lower == pytest.approx(d.mean() - half, abs=0.1 * half)
        assert upper == pytest.approx(d.mean() + half, abs=0.1 * half)


def test_the_largest_exact_case_against_random_draws(monkeypatch):
    table = arm(MOST_EXACT, seed=6)
    exact = ml.sign_flip_test(long(table), adjust="maxt")
    monkeypatch.setattr("msclong.engines.frequentist.sign_flip.MOST_EXACT", 0)
    drawn = ml.sign_flip_test(long(table), adjust="maxt", seed=1)
    for column in ("p_value", "p_adjusted"):
        error = np.sqrt(exact[column] * (1 - exact[column]) / 1e5) + 1e-5
        assert (np.abs(exact[column] - drawn[column]) < 5 * error).all()
    np.testing.assert_allclose(drawn[["lower", "upper"]], exact[["lower", "upper"]], atol=0.1)


def test_a_fit_and_its_data_give_one_table():
    table = arm(10, seed=8)
    fit = ml.fit(ml.ModelSpec("y ~ C(visit) + cs(visit | id)", baseline=1), table)
    pd.testing.assert_frame_equal(
        ml.sign_flip_test(fit), ml.sign_flip_test(long(table, baseline=1)), check_column_type=False
    )
    assert list(ml.sign_flip_test(fit).index) == ["0 - 1", "2 - 1", "3 - 1"]


def test_outcomes_that_are_changes_already():
    table = arm(10, seed=9, missing=0.0)
    later = table[table["visit"] > 0].assign(y=changes(table).ravel())
    fit = ml.fit(ml.ModelSpec("y ~ C(visit) + cs(visit | id)", outcome_type="change"), later)
    found = ml.sign_flip_test(fit)
    assert list(found.index) == ["1", "2", "3"]
    np.testing.assert_allclose(found["p_value"], ml.sign_flip_test(long(table))["p_value"], rtol=ROUNDING)


def test_what_has_no_sign_flip_test():
    table = arm(8)
    arms = table.assign(arm=np.where(table["id"] < 4, "a", "b"))
    with pytest.raises(HypothesisError, match="'arm' has 2: with several, the question is their difference"):
        ml.sign_flip_test(long(arms, arm="arm"))
    with pytest.raises(HypothesisError, match="Which column holds the visits"):
        ml.sign_flip_test(ml.LongData(table, subject="id", outcome="y"))
    with pytest.raises(HypothesisError, match="got DataFrame"):
        ml.sign_flip_test(table)
    with pytest.raises(SpecError, match="adjust takes"):
        ml.sign_flip_test(long(table), adjust="holm")
    with pytest.raises(SpecError, match="level must lie"):
        ml.sign_flip_test(long(table), level=95)
    with pytest.raises(SpecError, match="draws is the number"):
        ml.sign_flip_test(long(table), draws=0)
    apart = table[(table["visit"] > 0) == (table["id"] > 3)]
    with pytest.raises(DataError, match="No subject was seen at both visits of 1 - 0"):
        ml.sign_flip_test(long(apart))
