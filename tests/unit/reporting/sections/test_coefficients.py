"""Type III tests: where a covariate is crossed, they are tests at its zero, and the note says so."""

from __future__ import annotations

import pytest

import msclong as ml
from msclong.reporting.analysis import analysis
from msclong.reporting.record import FoldOut
from msclong.reporting.sections.coefficients import coefficients

ROUNDING = 1e-6
"""Relative: one F by two routes."""


def notes(fit) -> str:
    folds = [block for block in coefficients(analysis(fit)).blocks if isinstance(block, FoldOut)]
    return " ".join(folds[0].blocks[0].notes)


def test_a_factor_crossed_with_a_covariate_is_tested_at_its_zero(hamd17):
    fit = hamd17[0]
    assert notes(fit).endswith("is tested where that is zero: week where basval is zero.")
    at_zero = fit.hypothesis(versus=1, factor="week", by=["basval"], at={"basval": [0]})
    assert fit.test(at_zero)["statistic"].iloc[0] == pytest.approx(
        fit.anova().loc["week", "statistic"], rel=ROUNDING
    )


def test_times_that_are_numbers_are_such_covariates():
    data = ml.datasets.sleepstudy().assign(old=lambda frame: frame["Subject"].astype(int) > 335)
    fit = ml.fit("Reaction ~ Days * C(old) + (1 | Subject)", data)
    assert "tested where that is zero: C(old) where Days is zero." in notes(fit)


def test_nothing_is_said_where_nothing_is_crossed_with_a_covariate():
    fit = ml.fit("change ~ basval + TRT * week + us(week | PATIENT)", ml.datasets.hamd17())
    assert "zero" not in notes(fit)
