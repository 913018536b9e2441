"""The likelihood and its derivatives by the blocks of Z'Z are those of dense covariances."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from crossed_ratings import FORMULAS, ratings, take_route
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.likelihood.crossed.information import average_information, second_products
from msclong.likelihood.gls import generalised_least_squares
from msclong.likelihood.information import information
from msclong.likelihood.residual_scatter import residual_scatter
from msclong.likelihood.standardised import standardise

# Two ways through numbers of order one to a thousand.
ROUNDING = 1e-11


def both(formula, monkeypatch, weights=None):
    """Standardised moments of both kinds, and a theta away from any maximum."""
    take_route(monkeypatch, crossed=True)
    spec = ml.ModelSpec(formula, weights=weights)
    design = build_design(spec, long_data(spec, ratings()))
    dense, crossed = standardise(design.moments).moments, standardise(design.crossed).moments
    start = design.structure.start(residual_scatter(dense))
    w = design.structure.working.from_theta(start)
    return design, dense, crossed, w + 0.3 * np.sin(np.arange(1, w.size + 1))


@pytest.mark.parametrize("vanishing", [False, True], ids=["inside", "boundary"])
@pytest.mark.parametrize("reml", [True, False], ids=["reml", "ml"])
@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_likelihood_and_derivatives(formula, reml, vanishing, monkeypatch):
    design, dense, crossed, w = both(formula, monkeypatch)
    if vanishing:  # of each kind of term, first and last
        w[0] = w[design.structure.parts[-2].n_parameters * -1 - 1] = 0.0
    theta = design.structure.working.to_theta(w)
    plain, blocked = (generalised_least_squares(design.structure, theta, m) for m in (dense, crossed))
    assert blocked.minus2(reml) == pytest.approx(plain.minus2(reml), rel=ROUNDING)
    np.testing.assert_allclose(np.abs(blocked.beta), np.abs(plain.beta), atol=ROUNDING)
    expected, found = (information(design.structure, one, reml) for one in (plain, blocked))
    for name in ("gradient", "expected", "observed"):
        theirs = getattr(expected, name)
        np.testing.assert_allclose(
            getattr(found, name), theirs, rtol=ROUNDING, atol=ROUNDING * np.abs(theirs).max()
        )
    np.testing.assert_allclose(
        np.linalg.eigvalsh(found.P), np.linalg.eigvalsh(expected.P), atol=ROUNDING * np.abs(expected.P).max()
    )
    slope, average = average_information(blocked, reml)
    np.testing.assert_array_equal(slope, found.gradient)
    np.testing.assert_allclose(
        average, (expected.expected + expected.observed) / 2, atol=ROUNDING * np.abs(average).max()
    )


def test_weights(monkeypatch):
    design, dense, crossed, w = both(FORMULAS["slopes of the many"], monkeypatch, weights="w")
    theta = design.structure.working.to_theta(w)
    plain, blocked = (generalised_least_squares(design.structure, theta, m) for m in (dense, crossed))
    assert blocked.minus2_ml == pytest.approx(plain.minus2_ml, rel=ROUNDING)
    expected, found = (information(design.structure, one, True) for one in (plain, blocked))
    np.testing.assert_allclose(
        found.observed, expected.observed, atol=ROUNDING * np.abs(expected.observed).max()
    )


def test_second_products_of_residual_variance_too(monkeypatch):
    """Those that follow from sum of theta_j V_j = V, against V itself."""
    design, _, crossed, w = both(FORMULAS["crossed"], monkeypatch)
    theta = design.structure.working.to_theta(w)
    gls = generalised_least_squares(design.structure, theta, crossed)
    coords = design.coords[None]
    inverse = np.linalg.inv(design.structure.sigma(theta, coords)[0])
    V = design.structure.first(theta, coords)[:, 0]
    p = crossed.n_fixed
    columns = np.column_stack(
        [crossed.rows[:, :p] @ gls.C, crossed.rows[:, p] - crossed.rows[:, :p] @ gls.beta]
    )
    half = inverse @ columns
    expected = np.einsum("na,jnm,ml,klo,ob->jkab", half, V, inverse, V, half, optimize=True)
    np.testing.assert_allclose(second_products(gls), expected, atol=ROUNDING * np.abs(expected).max())


def test_no_likelihood_outside_the_parameter_space(monkeypatch):
    design, _, crossed, w = both(FORMULAS["crossed"], monkeypatch)
    theta = design.structure.working.to_theta(w)
    for wrong in ([-1.0, 1.0, 1.0], [1.0, 1.0, -1.0], [1.0, 1.0, 0.0], [np.nan, 1.0, 1.0]):
        assert generalised_least_squares(design.structure, theta * wrong, crossed) is None
