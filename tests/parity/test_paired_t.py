"""On complete data an unstructured MMRM with Kenward-Roger inference is the paired t-test, to rounding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import msclong as ml

# An identity, not an approximation: only rounding is allowed.
IDENTITY = 1e-8


def student_sleep() -> pd.DataFrame:
    """R's `sleep`: extra hours of sleep under two drugs, 10 patients (Student 1908, Biometrika 6:1)."""
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    patients = [f"patient {i}" for i in range(1, 11)]
    return pd.DataFrame(
        {
            "extra": first + second,
            "drug": pd.Categorical(["1"] * 10 + ["2"] * 10, ordered=True),
            "patient": patients * 2,
        }
    )


def test_sleep_data():
    row = ml.fit("extra ~ drug + us(drug | patient)", student_sleep()).contrasts().iloc[0]
    exact = stats.ttest_rel(student_sleep()["extra"][10:], student_sleep()["extra"][:10])
    assert row["estimate"] == pytest.approx(1.58, rel=IDENTITY)
    assert row["se"] == pytest.approx(0.38895872, rel=IDENTITY)
    assert row["statistic"] == pytest.approx(exact.statistic, rel=IDENTITY)
    assert row["df"] == pytest.approx(9, rel=IDENTITY)
    assert row["p_value"] == pytest.approx(exact.pvalue, rel=IDENTITY)
    assert row["p_value"] == pytest.approx(0.002833, abs=5e-7)


@pytest.mark.parametrize(("n", "visits", "seed"), [(6, 3, 1), (11, 5, 2), (24, 6, 3), (24, 6, 4)])
def test_every_contrast_of_a_complete_single_arm(n, visits, seed):
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(size=visits))
    y = scale * (rng.normal(size=(n, 1)) + rng.normal(size=(n, visits))) + 100 * rng.normal(size=visits)
    table = pd.DataFrame(
        {
            "score": y.ravel(),
            "month": np.tile(np.arange(visits), n),
            "patient": np.repeat([f"p{i}" for i in range(n)], visits),
        }
    )
    contrasts = ml.fit("score ~ C(month) + us(month | patient)", table).contrasts()
    assert len(contrasts) == visits - 1
    for visit, (_, row) in enumerate(contrasts.iterrows(), start=1):
        difference = y[:, visit] - y[:, 0]
        assert row["estimate"] == pytest.approx(difference.mean(), rel=IDENTITY)
        assert row["se"] == pytest.approx(difference.std(ddof=1) / np.sqrt(n), rel=IDENTITY)
        assert row["df"] == pytest.approx(n - 1, rel=IDENTITY)
        exact = stats.ttest_rel(y[:, visit], y[:, 0])
        assert row["p_value"] == pytest.approx(exact.pvalue, rel=1e-7)
        np.testing.assert_allclose(row[["lower", "upper"]], exact.confidence_interval(), rtol=1e-7)


def test_at_n_equal_to_visits_plus_one_it_still_holds_and_below_it_is_refused():
    rng = np.random.default_rng(5)
    y = rng.normal(size=(4, 4))
    table = pd.DataFrame({"y": y.ravel(), "visit": np.tile(range(4), 4), "id": np.repeat(range(4), 4)})
    with pytest.raises(ml.errors.DesignError, match="needs at least 5 subjects"):
        ml.fit("y ~ C(visit) + us(visit | id)", table)
    three = table[table["visit"] < 3]
    row = ml.fit("y ~ C(visit) + us(visit | id)", three).contrasts().iloc[1]
    assert row["p_value"] == pytest.approx(stats.ttest_rel(y[:, 2], y[:, 0]).pvalue, rel=1e-7)


@pytest.mark.parametrize(("rho", "n", "visits"), [(0.99, 9, 8), (0.999, 11, 7), (0.9999, 8, 5)])
def test_visits_that_hardly_differ(rho, n, visits):
    """Correlations of 0.999 and more: a covariance whose inverse has lost five digits, and the identity holds."""
    rng = np.random.default_rng(n * visits)
    covariance = rho ** np.abs(np.subtract.outer(range(visits), range(visits)))
    y = rng.normal(size=(n, visits)) @ np.linalg.cholesky(covariance).T
    table = pd.DataFrame(
        {"y": y.ravel(), "visit": np.tile(range(visits), n), "id": np.repeat(range(n), visits)}
    )
    contrasts = ml.fit("y ~ C(visit) + us(visit | id)", table).contrasts()
    exact = [stats.ttest_rel(y[:, visit], y[:, 0]).pvalue for visit in range(1, visits)]
    np.testing.assert_allclose(contrasts["df"], n - 1, rtol=IDENTITY)
    np.testing.assert_allclose(contrasts["p_value"], exact, rtol=IDENTITY)
