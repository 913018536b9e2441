"""Densities of narrow distributions, where log gamma functions cancel: against 60 digits (mpmath 1.3)."""

import numpy as np
import pytest

from msclong.families.arrays import NUMPY
from msclong.families.registry import family_of
from msclong.families.stirling import stirling

ROUNDING = 2e-14
"""Of log Gamma at 8 to 16, which arguments below 8 are moved to."""

NARROW = 1e-11
"""An error of one rounding in y is one over the dispersion, 1e5 times as much, in the log density."""


@pytest.mark.parametrize(
    ("x", "value"),
    [
        (1e-3, 2.5422704679670945),
        (0.7, 0.11326370211474026),
        (3.5, 0.023746163656297496),
        (8.0, 0.010411265261972096),
        (30.0, 0.0027776749297526936),
        (1e4, 8.3333333305555556e-6),
        (1e9, 8.3333333333333333e-11),
    ],
)
def test_what_is_left_of_log_gamma(x, value):
    assert stirling(np.array([x]), NUMPY)[0] == pytest.approx(value, rel=1e-13, abs=ROUNDING)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("keyword", "y", "eta", "phi", "value"),
    [
        ("beta", 0.32, -0.85, [0.05], 2.4265593569168392),
        ("beta", 0.9999, 9.2, [0.05], 5.8514513709308803),
        ("beta", 0.3004, -0.85, [1e-3], 4.5411096756531712),
        ("beta", 0.9999, 9.2, [1e-3], 10.593052097799951),
        ("beta", 0.300004, -0.85, [1e-5], -7758.1423404612319),
        ("beta", 0.9999, 9.2, [1e-5], -37.582210873106079),
        ("gamma", 2.15, 0.7, [0.05], 0.43489316013620556),
        ("gamma", 2.003, 0.7, [1e-3], -9.012639906295692),
        ("gamma", 2.00003, 0.7, [1e-5], -233237.04403861183),
        ("negative_binomial", 7.0, 1.2, [0.05], -3.4372194284577819),
        ("negative_binomial", 7.0, 1.2, [1e-5], -3.445278283474885),
        ("student", 1.3, 0.4, [1.0, 400.0], -1.3251654990242269),
        ("student", 1.3, 0.4, [1.0, 1e10], -1.3239385332537703),
    ],
)
def test_densities_of_narrow_distributions(keyword, y, eta, phi, value, wide):
    """wide : by the form that precisions up to 1e4 do without."""
    family = family_of(keyword)
    named = {p.name: np.array([x]) for p, x in zip(family.parameters, phi, strict=True)}
    xp = NUMPY._replace(may_exceed=lambda x, limit: True) if wide else NUMPY
    found = family.log_density({"y": np.array([y])}, (np.array([eta]),), named, xp)
    assert found[0] == pytest.approx(value, rel=NARROW)


def test_a_mean_at_the_end_of_its_range_leaves_a_number():
    """Nodes of a quadrature lie there, and one that is no number takes its subject with it."""
    found = family_of("beta").log_density(
        {"y": np.array([0.2, 0.9])},
        (np.array([[-900.0], [900.0]]),),
        {"dispersion": np.array([[0.3], [1e-3]])},
        NUMPY,
    )
    assert not np.isnan(found).any()
