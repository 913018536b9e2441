"""The sandwich estimators and their df against their formulas with N x N matrices, and on awkward data."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm

import msclong as ml
from dense import dense_covariance
from effort import lines_run

# The dense formulas invert and take roots of N x N matrices: a few digits go to rounding.
DENSE = 1e-8
# The df of CR2 take a difference of sums over clusters.
DENSE_DF = 1e-6
# Of 6,000 rows; one matrix of rows by rows takes 288 MB.
BYTES = 60e6


def trial(seed: int, n: int = 12, visits: int = 3, missing: float = 0.15) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    subject, visit = np.repeat(np.arange(n), visits), np.tile(np.arange(visits), n)
    y = rng.normal(size=n)[subject] + 0.5 * visit + rng.normal(size=n * visits)
    y[(rng.random(n * visits) < missing) & (visit > 0)] = np.nan
    arm = np.where(subject % 2, "active", "control")
    return pd.DataFrame({"id": subject, "visit": visit, "site": subject // 3, "arm": arm, "y": y})


def dense_sandwich(fit: ml.Fit, power: float, L: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Covariance (p, p), and df of each row of L: adjustment (I - H_ii)^power in coordinates where V = I."""
    design = fit.design
    V, _ = dense_covariance(design, fit.covariance.theta)
    root = np.linalg.inv(np.linalg.cholesky(V))
    X, residual = root @ design.fixed.X, root @ (design.y - design.fixed.X @ fit.estimate.beta)
    phi = np.linalg.inv(X.T @ X)
    complement = np.eye(len(X)) - X @ phi @ X.T
    clusters = [np.flatnonzero(design.unit == code) for code in np.unique(design.unit)]
    bread = []
    for rows in clusters:
        own = complement[np.ix_(rows, rows)]
        adjusted = {0.0: np.eye(len(rows)), -0.5: np.linalg.inv(sqrtm(own).real), -1.0: np.linalg.inv(own)}[
            power
        ]
        bread.append(phi @ X[rows].T @ adjusted)
    scores = [B @ residual[rows] for B, rows in zip(bread, clusters, strict=True)]
    df = []
    for row in L:
        columns = np.zeros((len(X), len(clusters)))
        for i, (B, rows) in enumerate(zip(bread, clusters, strict=True)):
            columns[:, i] = complement[:, rows] @ (row @ B)
        M = columns.T @ columns
        df.append(np.trace(M) ** 2 / np.sum(M**2))
    return sum(np.outer(s, s) for s in scores), df


@pytest.mark.parametrize(("vcov", "power"), [("CR0", 0.0), ("CR2", -0.5), ("CR3", -1.0)])
@pytest.mark.parametrize(
    "formula",
    [
        "y ~ arm * C(visit) + ar1h(visit | id)",
        "y ~ arm + visit + (1 + visit | id)",
        "y ~ visit + (1 | site / id)",
    ],
)
def test_against_the_printed_formulas(formula, vcov, power):
    """Clusters are independent units: sites where subjects are nested in them."""
    spec = ml.ModelSpec(formula, visit="visit")
    fit = ml.fit(spec, trial(3), engine=ml.Frequentist(ddf="satterthwaite", vcov=vcov))
    L = np.vstack([np.eye(len(fit.estimate.names)), np.ones(len(fit.estimate.names))])
    covariance, df = dense_sandwich(fit, power, L)
    np.testing.assert_allclose(fit.vcov, covariance, rtol=DENSE, atol=DENSE * np.abs(covariance).max())
    np.testing.assert_allclose(fit.estimate.small_sample.df(L), df, rtol=DENSE_DF)


def test_cr2_is_unbiased_where_the_model_is_right():
    """Two arms of independent outcomes of one variance: CR2 is exactly the pooled two-sample covariance, on average."""
    rng = np.random.default_rng(5)
    rows = [(i, t, rng.normal()) for i in range(12) for t in range(2)]
    table = pd.DataFrame(rows, columns=["id", "visit", "y"])
    table["arm"] = np.where(table["id"] < 6, "a", "b")
    fit = ml.fit(
        "y ~ arm * C(visit) + us(visit | id)", table, engine=ml.Frequentist(vcov="CR2", ddf="satterthwaite")
    )
    means = table.groupby(["arm", "id"])["y"].first()
    ours = fit.coefficients().loc["arm[T.b]"]
    variance = [means[arm].var() / 6 for arm in ("a", "b")]
    # With a balanced saturated mean CR2 is Welch's variance, and its df those of equal variances: 2 (n - 1).
    assert ours["se"] ** 2 == pytest.approx(sum(variance), rel=1e-9)
    assert ours["df"] == pytest.approx(10, rel=1e-9)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_units_are_units_only(factor):
    engine = ml.Frequentist(ddf="satterthwaite", vcov="CR2")
    table = trial(4)
    plain, other = (
        ml.fit("y ~ arm * C(visit) + us(visit | id)", t, engine=engine).coefficients()
        for t in (table, table.assign(y=table["y"] * factor))
    )
    np.testing.assert_allclose(other["se"], plain["se"] * factor, rtol=1e-8)
    np.testing.assert_allclose(other["df"], plain["df"], rtol=1e-8)


def lonely() -> pd.DataFrame:
    """One subject alone in its centre."""
    table = trial(6, missing=0.0)
    return table.assign(centre=np.where(table["id"] == 11, "x", "y"))


def test_a_subject_that_alone_informs_a_coefficient():
    formula = "y ~ centre + C(visit) + cs(visit | id)"
    with pytest.raises(ml.errors.DesignError, match="leaves out one subject at a time, and without 11 "):
        ml.fit(formula, lonely(), engine=ml.Frequentist(ddf="satterthwaite", vcov="CR3"))
    fit = ml.fit(formula, lonely(), engine=ml.Frequentist(ddf="satterthwaite", vcov="CR2"))
    assert np.isfinite(fit.coefficients().loc["C(visit)[T.1]"]).all()


def test_more_rows_than_subjects_have_no_joint_test():
    table = trial(7, n=6, visits=6, missing=0.0)
    for ddf in ("satterthwaite", "residual"):
        fit = ml.fit("y ~ arm * C(visit) + cs(visit | id)", table, engine=ml.Frequentist(ddf=ddf, vcov="CR0"))
        with pytest.raises(
            ml.errors.HypothesisError, match="sandwich covariance of these 5 rows is singular"
        ):
            fit.test("arm:C(visit)")


def test_subjects_are_taken_together():
    """As many lines for a thousand subjects as for three hundred, and no matrix of rows by rows."""
    lines = []
    for n in (300, 1000):
        engine = ml.Frequentist(ddf="satterthwaite", vcov="CR2")
        fit = ml.fit("y ~ arm * C(visit) + ar1(visit | id)", trial(8, n=n, visits=6), engine=engine)

        def again(engine=engine, fit=fit):
            engine.fit(fit.design).coefficients()

        lines.append(lines_run(again))
    tracemalloc.start()
    again()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines[1] < 2 * lines[0]
    assert peak < BYTES


@pytest.mark.parametrize("ddf", ["kenward-roger", "kenward-roger-second-order", "modified-box"])
def test_methods_with_standard_errors_of_their_own_refuse_a_sandwich(ddf):
    with pytest.raises(ml.errors.SpecError, match="brings standard errors of its own; with vcov='CR2'"):
        ml.Frequentist(ddf=ddf, vcov="CR2")
    with pytest.raises(ml.errors.SpecError, match="inference needs REML"):
        ml.Frequentist(ddf=ddf, method="ml")
