"""Leaving out each subject with the covariance held, against generalised least squares without its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.diagnostics.deletions import deletions
from msclong.errors import EngineError, SpecError

EXACT = 1e-8
"""Both are closed forms of the same numbers."""


def precision_of(fit, rows) -> np.ndarray:
    sigma = fit.design.structure.sigma(fit.covariance.theta, fit.design.coords[rows][None])[0]
    return np.linalg.inv(sigma)


def information(fit) -> np.ndarray:
    """X'V^-1X."""
    X, subject = fit.design.fixed.X, fit.design.subject
    each = [np.flatnonzero(subject == i) for i in np.unique(subject)]
    return np.sum([X[rows].T @ precision_of(fit, rows) @ X[rows] for rows in each], axis=0)


def gls(fit, kept) -> np.ndarray:
    """beta of some rows, for the fit's Sigma."""
    design = fit.design
    A, b = 0.0, 0.0
    for subject in np.unique(design.subject[kept]):
        rows = np.flatnonzero((design.subject == subject) & kept)
        X, precision = design.fixed.X[rows], precision_of(fit, rows)
        A, b = A + X.T @ precision @ X, b + X.T @ precision @ design.y[rows]
    return np.linalg.solve(A, b)


@pytest.mark.parametrize(
    "formula", ["change ~ TRT * week + basval + us(week | PATIENT)", "change ~ TRT + week + (1 | PATIENT)"]
)
def test_coefficients_are_those_of_the_other_rows_and_distances_measure_them(formula):
    fit = ml.fit(formula, ml.datasets.hamd17())
    found, design = deletions(fit), fit.design
    C = np.linalg.cholesky(np.linalg.inv(information(fit)))
    for name in found.table.index[::40]:
        without = gls(fit, (design.fixed.frame["PATIENT"] != name).to_numpy())
        np.testing.assert_allclose(found.coefficients.loc[name], without, rtol=EXACT, atol=EXACT)
        moved = np.linalg.solve(C, fit.estimate.beta - without)
        assert found.table.loc[name, "cook_d"] == pytest.approx(moved @ moved / len(without), rel=1e-6)


def test_the_largest_are_also_large_after_a_refit():
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    held, refitted = deletions(fit).table["cook_d"], ml.influence(fit).table["cook_d"]
    assert held.idxmax() == refitted.idxmax()
    assert np.corrcoef(held, refitted)[0, 1] > 0.95


def test_some_cases_alone_are_those_of_all():
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    every, some = ml.influence(fit), ml.influence(fit, cases=["335", "308"])
    assert list(some.table.index) == ["335", "308"]
    np.testing.assert_allclose(some.coefficients, every.coefficients.loc[["335", "308"]], rtol=1e-6)
    np.testing.assert_allclose(some.table["cook_d"], every.table["cook_d"].loc[["335", "308"]], rtol=1e-5)
    with pytest.raises(SpecError, match=r"There is no case nobody; cases are 308, "):
        ml.influence(fit, cases=["nobody"])


def test_a_subject_that_alone_has_a_level_cannot_be_left_out():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"id": np.repeat(range(12), 3), "visit": np.tile(range(3), 12)})
    table["site"] = np.where(table["id"] == 0, "one", "other")
    table["y"] = rng.normal(size=36) + rng.normal(size=12)[table["id"]]
    found = deletions(ml.fit("y ~ site + visit + (1 | id)", table))
    assert found.table["cook_d"].isna().tolist() == [True, *[False] * 11]
    assert found.coefficients.isna().any(axis=1).tolist() == [True, *[False] * 11]


def test_refusals():
    with pytest.raises(SpecError):
        deletions("no fit")
    squares = ml.fit(
        "Reaction ~ Days + (1 | Subject)", ml.datasets.sleepstudy(), ml.Frequentist(ddf="modified-box")
    )
    for leave_out in (deletions, ml.influence):
        with pytest.raises(EngineError, match="ordinary least squares"):
            leave_out(squares)
    table = pd.DataFrame({"id": np.repeat(range(20), 3), "visit": np.tile(range(3), 20)})
    table["y"] = np.random.default_rng(0).integers(0, 2, 60)
    spec = ml.ModelSpec("y ~ visit + (1 | id)", family="bernoulli")
    with pytest.raises(EngineError, match="'bernoulli' are not Gaussian"):
        deletions(ml.fit(spec, table, ml.Bayesian(seed=1, sampler="importance")))
