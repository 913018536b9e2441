"""Every structure as it is fitted: units, extreme spread, boundaries, parameters without information."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.covariance.registry import known_structures

# Newton's method ends at rounding.
SAME = 1e-8


def trial(
    seed: int, n: int = 30, missing: float = 0.1, spread: float = 1.5, rho: float = 0.6
) -> pd.DataFrame:
    """n subjects at months 0, 1, 3, 6; correlation rho^|s - t|, SD growing by `spread` at each visit."""
    rng = np.random.default_rng(seed)
    position = np.arange(4)
    sd = spread**position
    root = np.linalg.cholesky(rho ** np.abs(position[:, None] - position) * np.outer(sd, sd))
    y = 5 + position + rng.normal(size=(n, 4)) @ root.T
    month = np.array([0.0, 1.0, 3.0, 6.0])
    table = pd.DataFrame({"id": np.repeat(np.arange(n), 4), "month": np.tile(month, n), "y": y.ravel()})
    return table[rng.random(4 * n) >= missing]


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("keyword", known_structures())
def test_the_unit_of_the_outcome_is_a_unit_only(keyword, factor):
    table = trial(1)
    plain, other = (
        ml.fit(f"y ~ C(month) + {keyword}(month | id)", t)
        for t in (table, table.assign(y=table["y"] * factor))
    )
    for column, power in {"estimate": 1, "se": 1, "df": 0, "p_value": 0}.items():
        ours, theirs = other.coefficients()[column], plain.coefficients()[column]
        np.testing.assert_allclose(ours, theirs * factor**power, rtol=SAME)
    np.testing.assert_allclose(other.covariance.matrix, plain.covariance.matrix * factor**2, rtol=SAME)
    assert other.outcome.diagnostics["iterations"] == plain.outcome.diagnostics["iterations"]
    unit = plain.design.structure.scale(np.ones(plain.covariance.theta.size), factor)
    for column in ("estimate", "se"):
        ours, theirs = other.covariance.parameters[column], plain.covariance.parameters[column]
        np.testing.assert_allclose(ours, theirs * unit, rtol=SAME)


@pytest.mark.parametrize("keyword", ["us", "csh", "ar1h", "toeph", "adh", "diag"])
def test_visits_that_differ_in_spread_by_orders_of_magnitude(keyword):
    """As many digits as with visits of equal spread: the SDs grow tenfold, and the estimates with them."""
    even, steep = trial(2, spread=1.0), trial(2, spread=10.0)
    position = np.searchsorted([0, 1, 3, 6], even["month"])
    moved = even.assign(y=(even["y"] - 5 - position) * 10.0**position + 5 + position)
    np.testing.assert_allclose(moved["y"], steep["y"], rtol=1e-10)
    plain, other = (ml.fit(f"y ~ 0 + C(month) + {keyword}(month | id)", t) for t in (even, steep))
    np.testing.assert_allclose(
        other.coefficients()["se"], plain.coefficients()["se"] * 10.0 ** np.arange(4), rtol=SAME
    )
    np.testing.assert_allclose(other.coefficients()["df"], plain.coefficients()["df"], rtol=SAME)
    np.testing.assert_allclose(other.covariance.correlation, plain.covariance.correlation, atol=SAME)


def test_an_sd_of_visits_that_grows_over_seven_orders():
    rng = np.random.default_rng(3)
    y = (rng.normal(size=(60, 8)) + rng.normal(size=(60, 1))) * 10.0 ** np.arange(8)
    table = pd.DataFrame({"id": np.repeat(np.arange(60), 8), "visit": np.tile(range(8), 60), "y": y.ravel()})
    fit = ml.fit("y ~ C(visit) + us(visit | id)", table)
    sample = np.cov(y, rowvar=False)  # complete data: the REML estimate
    np.testing.assert_allclose(fit.covariance.matrix, sample, rtol=1e-6)


@pytest.mark.parametrize("keyword", ["sp_exp", "sp_gau"])
def test_observations_that_repel_each_other_have_a_range_of_zero(keyword):
    table = trial(1, rho=-0.6)
    with pytest.warns(ml.errors.ConvergenceWarning, match="lies on its boundary"):
        fit = ml.fit(f"y ~ C(month) + {keyword}(month | id)", table)
    assert fit.outcome.singular
    independent = ml.fit("y ~ C(month) + homdiag(month | id)", table)
    assert fit.loglik == pytest.approx(independent.loglik, rel=1e-12)
    np.testing.assert_allclose(fit.coefficients()["se"], independent.coefficients()["se"], rtol=1e-6)


def test_diagonal_structures_are_separate_samples():
    table = trial(4)
    groups = table.groupby("month")["y"]
    each = ml.fit("y ~ 0 + C(month) + diag(month | id)", table)
    np.testing.assert_allclose(each.covariance.parameters["estimate"], groups.var(), rtol=1e-9)
    np.testing.assert_allclose(each.coefficients()["df"], groups.size() - 1, rtol=1e-6)
    pooled = ml.fit("y ~ 0 + C(month) + homdiag(month | id)", table)
    residual = table["y"] - groups.transform("mean")
    variance = residual @ residual / (len(table) - 4)
    assert pooled.covariance.parameters.loc["variance", "estimate"] == pytest.approx(variance)
    np.testing.assert_allclose(pooled.coefficients()["df"], len(table) - 4, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary:msclong.errors.ConvergenceWarning")
def test_a_residual_variance_of_zero_beside_random_effects_is_singular():
    """The first visit is the random intercept: its residual variance is estimated as zero, or above by chance."""
    zero = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=(40, 1)) + rng.normal(size=(40, 4)) * [0, 1, 1, 1]
        table = pd.DataFrame({"id": np.repeat(range(40), 4), "visit": np.tile(range(4), 40), "y": y.ravel()})
        fit = ml.fit("y ~ 0 + C(visit) + (1 | id) + diag(visit | id)", table)
        zero.append(fit.covariance.parameters.loc["variance(0)", "estimate"] < 1e-10)
        assert fit.outcome.singular == zero[-1]
    assert any(zero)
    assert not all(zero)


@pytest.mark.parametrize("keyword", ["csh", "ar1h", "toeph", "adh", "diag"])
def test_a_variance_that_no_residual_tells_is_refused(keyword):
    table = trial(5, missing=0)
    one = table[(table["month"] < 6) | (table["id"] == 7)]
    with pytest.raises(
        (ml.errors.ConvergenceError, ml.errors.DesignError), match=r"say nothing of .*variance\(6\)"
    ):
        ml.fit(f"y ~ C(month) + {keyword}(month | id)", one)


def test_a_correlation_of_visits_never_seen_together_is_refused():
    table = trial(6, missing=0)
    apart = table[(table["month"] != 1) | (table["id"] < 15)]
    apart = apart[(apart["month"] != 0) | (apart["id"] >= 15)]
    apart = apart[(apart["month"] < 3) | (apart["id"] >= 15)]
    with pytest.raises((ml.errors.ConvergenceError, ml.errors.DesignError), match="say nothing of"):
        ml.fit("y ~ C(month) + adh(month | id)", apart)
