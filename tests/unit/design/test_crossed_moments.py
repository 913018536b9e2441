"""When random effects are taken by their groupings, and what is then held of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from crossed_ratings import FORMULAS, ratings, take_route
from msclong.api import long_data
from msclong.design import effect_products
from msclong.design.crossed_moments import tied
from msclong.design.design import build_design
from msclong.errors import DesignError

EXACT = 1e-12


def design_of(formula, monkeypatch, weights=None, data=None):
    take_route(monkeypatch, crossed=True)
    spec = ml.ModelSpec(formula, weights=weights)
    return build_design(spec, long_data(spec, ratings() if data is None else data))


def indicator(grouping):
    """Z of one grouping, (N, levels r), levels outermost."""
    Z = np.zeros((len(grouping.code), grouping.levels, grouping.r))
    Z[np.arange(len(Z)), grouping.code] = grouping.Z
    return Z.reshape(len(Z), -1)


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_products_with_rows_and_effects(formula, monkeypatch):
    products = design_of(formula, monkeypatch, weights="w").crossed.products
    rows = np.random.default_rng(2).normal(size=(240, 3))
    first, rest = products.cross(rows)
    np.testing.assert_allclose(
        first.reshape(-1, 3), indicator(products.first).T @ rows, atol=EXACT * np.abs(first).max()
    )
    for one, place in zip(products.others, products.place, strict=True):
        np.testing.assert_allclose(
            rest[place.effects(one.r)].reshape(-1, 3), indicator(one).T @ rows, atol=1e-11
        )
    # Z b, then Z'Z b.
    spread = products.spread(first, rest)
    again = products.product(first, rest)
    for found, expected in zip(again, products.cross(spread), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-9)


def test_the_grouping_with_most_effects_is_eliminated(monkeypatch):
    products = design_of(FORMULAS["three, slopes of both"], monkeypatch).crossed.products
    assert (products.first.levels, products.first.r) == (24, 2)
    assert [(one.levels, one.r) for one in products.others] == [(9, 2), (5, 1)]
    assert [(batch.units, batch.m) for batch in products.batches] == [(1, 23)]


def test_units_alike_make_a_batch(monkeypatch):
    products = design_of(FORMULAS["nested slopes"], monkeypatch).crossed.products
    assert [(batch.units, batch.m) for batch in products.batches] == [(4, 2)]


def test_terms_of_one_grouping_are_one(monkeypatch):
    effects = design_of(FORMULAS["uncorrelated"], monkeypatch).crossed.effects
    assert [(one.levels, one.r, len(one.parts)) for one in effects.groupings] == [(24, 2, 2), (9, 1, 1)]


@pytest.mark.parametrize(
    "formula", ["y ~ t + (1 | d) + ar1(o | s)", "y ~ t + us(o | s)"], ids=["beside ar1", "no random effects"]
)
def test_other_structures_stay_dense(formula, monkeypatch):
    data = ratings().drop_duplicates(["s", "h"]).assign(o=lambda rows: rows["h"])
    assert design_of(formula, monkeypatch, data=data).crossed is None


def test_drawn_outcomes_have_the_covariance(monkeypatch):
    design = design_of(FORMULAS["slopes of the few"], monkeypatch, weights="w", data=ratings(30))
    theta = np.array([0.5, 0.8, 0.1, 0.3, 1.2])
    n = 40_000
    rng = np.random.default_rng(4)
    drawn = design.crossed.drawn(theta, rng.standard_normal((30, n)), rng)
    V = design.structure.sigma(theta, design.coords[None])[0]
    # Of an element's estimate, the standard error is at most sqrt(2 / n) of the variances: 5 of these.
    np.testing.assert_allclose(drawn @ drawn.T / n, V, atol=5 * np.sqrt(2 / n) * V.max())


def test_size_decides():
    assert not tied(np.repeat(np.arange(10_000), 20))
    assert not tied(np.zeros(250, dtype=int))
    assert tied(np.zeros(2000, dtype=int))
    assert tied(np.repeat(np.arange(100), 200))


def test_too_many_effects_are_refused_before_they_are_held(monkeypatch):
    monkeypatch.setattr(effect_products, "MOST_REST", 80)
    with pytest.raises(DesignError, match="effects of 9 levels are left .* covariances of 81 pairs"):
        _ = design_of(FORMULAS["crossed"], monkeypatch).crossed.products


def test_what_needs_one_matrix_says_so_and_what_does_not_is_fitted():
    n = 6000
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"id": np.arange(n) // 2, "rater": np.arange(n) % 2, "y": rng.normal(size=n)})
    data["y"] += rng.normal(size=n // 2)[data["id"]] + data["rater"]
    fit = ml.fit("y ~ 1 + (1 | id) + (1 | rater)", data)
    assert len(fit.random_effects()) == n // 2 + 2
    assert fit.simulate(2, seed=1).std().between(1, 2).all()
    with pytest.raises(DesignError, match="tie 6000 observations together"):
        fit.residuals("scaled")
    with pytest.raises(DesignError, match="tie 6000 observations together"):
        ml.fit(fit.spec, data, ml.Bayesian(seed=1))
    with pytest.raises(DesignError, match="tie 6000 observations together"):
        ml.fit("y ~ 1 + (1 | rater) + us(o | id)", data.assign(o=data["rater"]))
