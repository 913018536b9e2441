"""Random effects that no data can tell apart are refused by both engines, with their names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import msclong as ml
from msclong.api import long_data
from msclong.design.degeneracy import seen_together
from msclong.design.design import build_design
from msclong.errors import DegenerateCovarianceError, DesignError, HypothesisError
from msclong.likelihood.gls import generalised_least_squares


def trial() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    subject, t = np.repeat(np.arange(12), 4), np.tile(np.arange(4.0), 12)
    y = rng.normal(size=12)[subject] * (1 + 0.3 * t) + rng.normal(size=48)
    return pd.DataFrame(
        {"id": subject, "t": t, "arm": np.where(subject % 2, "a", "b"), "zero": 0.0, "one": 1.0, "y": y}
    )


@pytest.mark.parametrize(
    ("effects", "named"),
    [
        ("(1 + zero | id)", r"covariance\(zero, Intercept\), variance\(zero\)"),
        ("(1 + one | id)", r"variance\(Intercept\), covariance\(one, Intercept\), variance\(one\)"),
        ("(1 + arm | id)", r"covariance\(arm\[T.b\], Intercept\), variance\(arm\[T.b\]\)"),
        ("(0 + arm | id)", r"covariance\(arm\[b\], arm\[a\]\)"),
        ("(1 | id) + (1 | id)", r"variance\(Intercept\), variance\(Intercept\)"),
    ],
)
@pytest.mark.parametrize("engine", [ml.Frequentist(), ml.Bayesian(seed=1)], ids=["frequentist", "bayesian"])
def test_unidentified_random_effects(effects, named, engine):
    with pytest.raises(DesignError, match=f"cannot tell {named} apart"):
        ml.fit(f"y ~ t + {effects}", trial(), engine=engine)


@pytest.mark.parametrize("effects", ["(0 + arm || id)", "(1 + t | id)", "(1 | id) + (0 + t | id)"])
@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary:msclong.errors.ConvergenceWarning")
def test_identified_ones_are_fitted(effects):
    table = trial()
    assert ml.fit(f"y ~ t + {effects}", table).outcome.converged
    far = table.assign(t=table["t"] + 2000)
    assert ml.fit(f"y ~ t + {effects}", far).outcome.converged


def test_factors_made_inside_the_formula_have_no_levels_to_average():
    fit = ml.fit("y ~ t * I(t > 1) + (1 | id)", trial())
    assert np.isfinite(fit.coefficients().to_numpy()).all()
    with pytest.raises(HypothesisError, match=r"averaged over I\(t > 1\), a factor made inside the formula"):
        fit.means(by="t")


def rotating(n: int) -> pd.DataFrame:
    """Planned missingness: each subject misses one of three visits in turn, so that nobody completes."""
    rng = np.random.default_rng(6)
    y = rng.multivariate_normal([0, 1, 2], [[4, 2, 1], [2, 5, 3], [1, 3, 6]], n)
    table = pd.DataFrame({"id": np.repeat(range(n), 3), "v": np.tile(range(3), n), "y": y.ravel()})
    return table[table["v"] != table["id"] % 3]


def test_an_unstructured_covariance_needs_no_completers_where_pairs_are_seen_often():
    spec = ml.ModelSpec("y ~ C(v) + us(v | id)")
    design = build_design(spec, long_data(spec, rotating(60)))
    fit = ml.fit(spec, rotating(60))
    lower = np.tril_indices(3)

    def minus2(w):
        factor = np.zeros((3, 3))
        factor[lower] = w
        gls = generalised_least_squares(design.structure, (factor @ factor.T)[lower], design.moments)
        return np.inf if gls is None else gls.minus2_reml

    starts = np.random.default_rng(1).normal(size=(3, 6)) + 2 * (lower[0] == lower[1])
    best = min(
        minimize(minus2, start, method="Nelder-Mead", options={"maxiter": 4000}).fun for start in starts
    )
    assert -2 * fit.loglik == pytest.approx(best, abs=1e-4)
    assert not fit.outcome.singular


def test_pairs_that_too_few_were_seen_at_are_named():
    with pytest.raises(
        DegenerateCovarianceError, match=r"at least 3 subjects seen at \d, \d together .*; 2 were"
    ):
        ml.fit("y ~ C(v) + us(v | id)", rotating(6))


def test_a_random_slope_may_be_in_seconds_since_1970():
    table = ml.datasets.sleepstudy()
    table["seconds"] = table["Days"] * 86400 + 1.5e9
    days = ml.fit("Reaction ~ Days + (Days | Subject)", table)
    seconds = ml.fit("Reaction ~ seconds + (seconds | Subject)", table)
    ours, theirs = seconds.coefficients().loc["seconds"], days.coefficients().loc["Days"]
    assert ours["se"] * 86400 == pytest.approx(theirs["se"], rel=1e-6)
    assert ours["df"] == pytest.approx(theirs["df"], rel=1e-6)
    assert seconds.loglik + np.log(86400) == pytest.approx(days.loglik, rel=1e-8)


@pytest.mark.parametrize(("n", "T", "missing"), [(40, 5, 0.3), (300, 9, 0.1), (8, 70, 0.02)])
def test_sets_of_visits_that_were_seen_together(n, T, missing):
    seen = np.random.default_rng(n).random((n, T)) > missing
    own = {frozenset(np.flatnonzero(row).tolist()) for row in seen}
    expected = set(own)
    while more := {a & b for a in expected for b in own} - expected:
        expected |= more
    sets, count = seen_together(seen)
    assert {frozenset(np.flatnonzero(row).tolist()) for row in sets} == {s for s in expected if len(s) > 1}
    np.testing.assert_array_equal(count, [seen[:, row].all(axis=1).sum() for row in sets])
