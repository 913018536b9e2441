"""Sums, groups, nesting and weights: Sigma as written out row by row, derivatives as by differences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.covariance.structure import Scatter
from msclong.design.cross_moments import cross_moments
from msclong.design.design import Design, build_design
from msclong.errors import DataError, DesignError, SpecError

# Central differences of step h are right to about h^2 in relative terms.
STEP, NUMERICAL = 1e-5, 1e-7


def table(seed: int = 1, n: int = 24) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": np.repeat(np.arange(n), 4), "visit": np.tile(np.arange(4), n)})
    frame["site"] = "s" + (frame["id"] % 5).astype(str)
    frame["arm"] = np.where(frame["id"] % 2, "active", "control")
    frame["t"] = frame["visit"] + rng.uniform(0, 0.5, len(frame)).round(2)
    frame["shift"] = rng.integers(0, 3, len(frame))
    frame["w"] = rng.choice([0.5, 1.0, 2.0], len(frame))
    frame["y"] = (
        rng.normal(size=len(frame)) + rng.normal(size=n)[frame["id"]] + rng.normal(size=5)[frame["id"] % 5]
    )
    return frame.drop(rng.choice(len(frame), 8, replace=False)).reset_index(drop=True)


FORMULAS = {
    "(1 | site) + us(visit | id)": None,
    "(1 | site / id)": "w",
    "(1 + t | site) + (1 + t || id)": None,
    "us(visit | arm / id)": "w",
    "(1 | id) + ar1(visit | arm / id)": None,
    "(1 | site) + sp_exp(t | id)": "w",
    "(1 | id) + (1 | shift)": None,
    "(1 | site) + csh(visit | arm / id)": "w",
}


def design_of(formula: str, weights: str | None = None, data: pd.DataFrame | None = None) -> Design:
    spec = ml.ModelSpec(f"y ~ arm * C(visit) + {formula}", weights=weights)
    return build_design(spec, long_data(spec, table() if data is None else data))


def some_theta(design: Design) -> np.ndarray:
    blocks = design.moments.blocks
    scatter = [Scatter(b.coords, b.n, b.n[:, None, None] * (0.4 + 0.6 * np.eye(b.t))) for b in blocks]
    return design.structure.start(scatter) * 1.1


def written_out(design: Design, formula: str, theta: np.ndarray) -> np.ndarray:
    """V (N, N) by the model's definition, for the two-part formulas whose parts are known below."""
    frame = design.fixed.frame
    same = {
        name: frame[name].to_numpy()[:, None] == frame[name].to_numpy()
        for name in ("site", "id", "arm", "shift")
    }
    if formula == "(1 | site / id)":
        root = 1 / np.sqrt(frame["w"].to_numpy())
        return theta[0] * same["site"] + theta[1] * same["id"] + theta[2] * np.diag(root**2)
    if formula == "(1 | id) + (1 | shift)":
        return theta[0] * same["id"] + theta[1] * same["shift"] + theta[2] * np.eye(len(frame))
    if formula == "(1 | id) + ar1(visit | arm / id)":
        lag = np.abs(frame["visit"].to_numpy()[:, None] - frame["visit"].to_numpy())
        active = frame["arm"].to_numpy() == "active"
        by_arm = np.where(active[:, None], theta[1] * theta[2] ** lag, theta[3] * theta[4] ** lag)
        return (theta[0] + by_arm) * same["id"]
    time, root = frame["t"].to_numpy(), 1 / np.sqrt(frame["w"].to_numpy())
    decay = theta[1] * np.exp(-np.abs(time[:, None] - time) / theta[2])
    return theta[0] * same["site"] + np.outer(root, root) * decay * same["id"]


@pytest.mark.parametrize(
    "formula",
    [
        "(1 | site / id)",
        "(1 | id) + (1 | shift)",
        "(1 | id) + ar1(visit | arm / id)",
        "(1 | site) + sp_exp(t | id)",
    ],
)
def test_sigma_is_what_the_formula_says(formula):
    design = design_of(formula, FORMULAS[formula])
    theta = some_theta(design)
    V = np.zeros((design.n_obs, design.n_obs))
    for unit in np.unique(design.unit):
        rows = np.flatnonzero(design.unit == unit)
        V[np.ix_(rows, rows)] = design.structure.sigma(theta, design.coords[rows][None])[0]
    np.testing.assert_allclose(V, written_out(design, formula, theta), rtol=1e-12)


@pytest.mark.parametrize("formula", FORMULAS)
def test_derivatives(formula):
    design = design_of(formula, FORMULAS[formula])
    structure, theta = design.structure, some_theta(design)
    rng = np.random.default_rng(5)
    for block in design.moments.blocks:
        first = structure.first(theta, block.coords)
        weight = rng.normal(size=(len(block.n), block.t, block.t))
        weight += weight.transpose(0, 2, 1)
        second = structure.second_contracted(theta, block.coords, weight)
        for j, h in enumerate(STEP * np.maximum(np.abs(theta), 1)):
            step = h * np.eye(len(theta))[j]
            up, down = (structure.sigma(theta + s, block.coords) for s in (step, -step))
            np.testing.assert_allclose(first[j], (up - down) / (2 * h), rtol=NUMERICAL, atol=NUMERICAL)
            up, down = (structure.first(theta + s, block.coords) for s in (step, -step))
            numerical = np.einsum("kpab,pab->k", (up - down) / (2 * h), weight)
            np.testing.assert_allclose(
                second[j], numerical, rtol=NUMERICAL, atol=NUMERICAL * np.abs(weight).sum()
            )


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary:msclong.errors.ConvergenceWarning")
def test_they_are_fitted_and_rows_may_come_in_any_order(formula):
    data = table()
    fits = [
        ml.fit(ml.ModelSpec(f"y ~ arm * C(visit) + {formula}", weights=FORMULAS[formula]), d)
        for d in (data, data.sample(frac=1, random_state=2))
    ]
    assert fits[0].loglik == pytest.approx(fits[1].loglik, rel=1e-10)
    np.testing.assert_allclose(fits[0].estimate.beta, fits[1].estimate.beta, rtol=1e-6, atol=1e-8)
    assert fits[0].n_subjects == 24


def test_units_that_look_alike_share_a_pattern():
    full = table(n=25).iloc[:0]
    grid = pd.MultiIndex.from_product([range(20), range(4)], names=["id", "visit"]).to_frame(index=False)
    full = grid.assign(site=grid["id"] // 5, arm="a", y=np.random.default_rng(1).normal(size=80))
    spec = ml.ModelSpec("y ~ C(visit) + (1 | site) + us(visit | id)")
    moments = build_design(spec, long_data(spec, full)).moments
    assert [len(block.n) for block in moments.blocks] == [1]
    assert moments.blocks[0].n.tolist() == [4]
    assert isinstance(
        moments, type(cross_moments(np.zeros((2, 2)), np.arange(2), np.zeros((2, 1)), ("x", "y")))
    )


def test_subjects_numbered_within_sites_are_told_apart():
    data = table()
    data["number"] = data["id"] // 5
    nested = ml.fit("y ~ C(visit) + (1 | site / number)", data)
    plain = ml.fit("y ~ C(visit) + (1 | site) + (1 | id)", data)
    assert nested.loglik == pytest.approx(plain.loglik, rel=1e-12)
    assert nested.design.data.subject == "site:number"
    assert nested.n_subjects == plain.n_subjects == 24


def test_weights_are_relative():
    """Only their ratios matter for the mean; the residual variance is that of an observation of weight one."""
    data = table()
    halved = ml.fit(ml.ModelSpec("y ~ C(visit) + (1 | id)", weights="w"), data)
    doubled = ml.fit(ml.ModelSpec("y ~ C(visit) + (1 | id)", weights="w2"), data.assign(w2=2 * data["w"]))
    np.testing.assert_allclose(doubled.estimate.beta, halved.estimate.beta, rtol=1e-10)
    assert doubled.covariance.residual_variance == pytest.approx(2 * halved.covariance.residual_variance)
    assert doubled.loglik == pytest.approx(halved.loglik, rel=1e-12)


REFUSED = {
    "(1 | id) + us(visit | id)": (DesignError, "cannot tell"),
    "(1 | id) + cs(visit | id)": (DesignError, "cannot tell"),
    "us(visit | site / id)": (DesignError, "of site s0"),
    "us(visit | flip / id)": (DataError, "subjects of one flip each"),
    "(1 | nobody / id)": (DataError, "no column 'nobody'"),
    "(1 | holey) + cs(visit | id)": (DataError, "groups the observations and is missing in rows 3"),
}


@pytest.mark.parametrize("formula", REFUSED)
def test_what_cannot_be_fitted_says_why(formula):
    data = table()
    data["flip"] = data["visit"] % 2
    data["holey"] = data["site"].where(data.index != 3)
    kind, text = REFUSED[formula]
    with pytest.raises(kind, match=text):
        ml.fit(f"y ~ C(visit) + {formula}", data)


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_weights_must_be_positive(weight):
    data = table()
    data.loc[7, "w"] = weight
    with pytest.raises(DataError, match="must be positive numbers; rows 7 are not"):
        ml.fit(ml.ModelSpec("y ~ C(visit) + (1 | id)", weights="w"), data)
    with pytest.raises(SpecError, match="weights must be a column name"):
        ml.ModelSpec("y ~ 1 + (1 | id)", weights=3)


def test_too_many_rows_tied_together():
    n = 6000
    data = pd.DataFrame(
        {"id": np.arange(n) // 2, "rater": np.arange(n) % 2, "y": np.random.default_rng(1).normal(size=n)}
    )
    with pytest.raises(DesignError, match="tie 6000 observations together"):
        ml.fit("y ~ 1 + (1 | rater) + ar1(rater | id)", data)


def test_a_variance_that_the_mean_takes_up_is_named():
    with pytest.raises(DesignError, match=r"say nothing of variance\(Intercept \| visit\)"):
        ml.fit("y ~ C(visit) + (1 | id) + (1 | visit)", table())
