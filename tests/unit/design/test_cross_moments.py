"""Every way to cross-moments gives those of the subjects one by one."""

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.cross_moments import CrossMoments, cross_moments, total_of
from msclong.design.design import Design, build_design
from msclong.errors import DesignError

ROUNDING = 1e-12
"""Of C, relative to the lengths of its columns: sums of some hundred products in another order."""


def _table(n: int = 240, T: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), T),
            "visit": np.tile(np.arange(T), n),
            "arm": np.repeat(rng.choice(["A", "B"], n), T),
            "basval": np.repeat(rng.normal(200, 4, n), T),
            "x": rng.gamma(2, size=n * T),
            "dose": rng.integers(0, 2, n * T),
            "weight": rng.integers(1, 4, n * T).astype(float),
            "time": rng.uniform(0, 5, n * T),
            "site": np.repeat(np.arange(n) % 40, T),
        }
    )
    table["y"] = table["visit"] + np.repeat(rng.normal(size=n), T) + rng.normal(size=n * T)
    kept = table[rng.random(n * T) > 0.15]
    return kept.sample(frac=1, random_state=1)


TABLE = _table()

SPECS = {
    "cells": ("y ~ arm * C(visit) + us(visit | id)", {}),
    "covariate of subjects": ("y ~ basval * C(visit) + arm * C(visit) + us(visit | id)", {}),
    "covariate of visits": ("y ~ x * arm + C(visit) + us(visit | id)", {}),
    "discrete covariate of visits": ("y ~ C(dose) * C(visit) + ar1(visit | id)", {}),
    "interaction of covariates": ("y ~ basval * x + arm + cs(visit | id)", {}),
    "no intercept": ("y ~ 0 + arm:C(visit) + us(visit | id)", {}),
    "contrasts": ("y ~ C(arm, Sum) * C(visit, Poly) * np.log(basval) + toep(visit | id)", {}),
    "constant": ("y ~ 1 + (1 | id)", {}),
    "random slopes": ("y ~ basval + arm * visit + (1 + visit | id)", {}),
    "irregular times": ("y ~ arm * time + (1 + time | id)", {}),
    "groups": ("y ~ basval + arm * C(visit) + us(visit | arm / id)", {}),
    "weights": ("y ~ arm * C(visit) + us(visit | id)", {"weights": "weight"}),
    "nested": ("y ~ arm * visit + (1 | site / id)", {}),
    "spline": ("y ~ bs(basval, df=4) * arm + C(visit) + cs(visit | id)", {}),
    "constrained": ("y ~ basval + arm * C(visit) + us(visit | id)", {"baseline_as": "constrained"}),
}


def _design(name: str) -> Design:
    formula, fields = SPECS[name]
    spec = ml.ModelSpec(formula, **fields)
    return build_design(spec, long_data(spec, TABLE))


def _one_by_one(design: Design) -> dict[tuple[float, ...], tuple[int, np.ndarray]]:
    """By the coordinates of a pattern: its subjects, and C as (t q, t q)."""
    W = np.column_stack([design.fixed.X, design.y])
    found: dict[tuple[float, ...], list[np.ndarray]] = defaultdict(list)
    for unit in range(int(design.unit.max()) + 1):
        rows = np.flatnonzero(design.unit == unit)
        coords = design.pattern_coords[rows]
        order = np.lexsort(coords.T[::-1])
        found[tuple(coords[order].ravel())].append(W[rows[order]].ravel())
    return {key: (len(rows), np.array(rows).T @ np.array(rows)) for key, rows in found.items()}


def _check(moments: CrossMoments, expected: dict[tuple[float, ...], tuple[int, np.ndarray]]) -> None:
    assert sum(len(block.n) for block in moments.blocks) == len(expected)
    for b, block in enumerate(moments.blocks):
        width = block.t * len(moments.names)
        assert (np.diff(block.pattern) >= 0).all()
        assert (np.bincount(block.pattern, minlength=len(block.n)) <= np.minimum(block.n, width)).all()
        for i, coords in enumerate(block.coords):
            n, C = expected[tuple(coords.ravel())]
            assert block.n[i] == n
            size = np.sqrt(np.diag(C))
            scale = np.outer(size, size) + (np.outer(size, size) == 0)
            found = moments.matrix(b, i).reshape(width, width)
            np.testing.assert_allclose(found / scale, C / scale, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("name", SPECS)
def test_moments_are_the_sums_over_subjects(name):
    design = _design(name)
    expected, names = _one_by_one(design), design.moments.names
    _check(design.moments, expected)
    W = np.column_stack([design.fixed.X, design.y])
    _check(cross_moments(W, design.unit, design.pattern_coords, names), expected)
    third = design.unit % 3
    parts = [
        cross_moments(W[third == k], design.unit[third == k], design.pattern_coords[third == k], names)
        for k in range(3)
    ]
    _check(total_of(parts), expected)
    _check(parts[0] + parts[1] + parts[2], expected)
    assert design.moments.n_subjects == design.unit.max() + 1
    assert design.moments.n_obs == len(TABLE)


def test_alike_subjects_take_few_rows():
    """In each of two arms one row for the intercept, one for the covariate, and T for what is left."""
    block = _design("covariate of subjects").moments.blocks[-1]
    assert len(block.rows) == 2 * 2 + 4


def test_subjects_with_patterns_of_their_own_keep_their_rows():
    design = _design("irregular times")
    block = design.moments.blocks[-1]
    assert (block.n == 1).all()
    W = np.column_stack([design.fixed.X, design.y])
    own = {tuple(np.round(row, 12)) for row in W}
    assert {tuple(np.round(row, 12)) for row in block.rows.reshape(-1, W.shape[1])} <= own


def test_the_order_of_rows_does_not_matter():
    spec = ml.ModelSpec(SPECS["covariate of subjects"][0])
    one, other = (
        build_design(spec, long_data(spec, table)).moments
        for table in (TABLE, TABLE.sort_values(["id", "visit"]))
    )
    for a, b in zip(one.blocks, other.blocks, strict=True):
        np.testing.assert_array_equal(a.coords, b.coords)
        np.testing.assert_array_equal(a.n, b.n)


def test_moments_of_other_columns_do_not_add():
    one, other = _design("cells").moments, _design("constant").moments
    with pytest.raises(DesignError, match="different columns cannot be added"):
        one + other


def test_a_column_of_zeros_is_no_trouble():
    W = np.column_stack([np.ones(60), np.zeros(60), np.random.default_rng(1).normal(size=60)])
    moments = cross_moments(W, np.repeat(np.arange(30), 2), np.tile([[0.0], [1.0]], (30, 1)), ("1", "0", "y"))
    C = moments.matrix(0, 0)
    assert np.isfinite(C).all()
    assert C[0, 2, 0, 2] == pytest.approx(np.sum(W[::2, 2] ** 2), rel=ROUNDING)
