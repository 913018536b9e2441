"""Influence: the participants named are those that matter, and the contrast without them is that of a fit without."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.reporting.analysis import analysis
from msclong.reporting.comparisons import contrasts
from msclong.reporting.record import Figure, Paragraph, Table
from msclong.reporting.sections.influence import influence_blocks

REFIT = 1e-5
"""Two optimisers' tolerances, relative to the estimate."""


def blocks(*fits):
    given = analysis(list(fits))
    found = influence_blocks(given, contrasts(given))
    return {type(block): block for block in found}


def test_the_main_contrast_without_a_participant_is_that_of_a_fit_without(hamd17, hamd17_spec):
    found = blocks(hamd17[0])
    table, data = found[Table], ml.datasets.hamd17()
    assert len(table.rows) == 8
    assert [row.cells[2].value for row in table.rows] == sorted(found[Figure].data["cook_d"])[:-9:-1]
    whole = hamd17[0].contrasts().loc[("2 - 1", "8")]
    for row in table.rows[:2]:
        without = (
            ml.fit(hamd17_spec, data[data["PATIENT"] != row.cells[0].text]).contrasts().loc[("2 - 1", "8")]
        )
        assert row.cells[3].value == pytest.approx(without["estimate"], rel=REFIT)
        assert row.cells[4].value == pytest.approx(
            (without["estimate"] - whole["estimate"]) / whole["se"], rel=1e-3
        )


def test_a_posterior_alone_has_distances_with_its_mean_covariance():
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy(), ml.Bayesian(seed=1))
    found = blocks(fit)
    assert "there are no priors" in found[Table].notes[-1]
    assert np.isfinite([row.cells[3].value for row in found[Table].rows]).all()


def test_outcomes_that_are_not_gaussian_say_why_nobody_is_left_out():
    table = ml.datasets.sleepstudy().assign(slow=lambda t: (t["Reaction"] > 300).astype(int))
    fit = ml.fit(ml.ModelSpec("slow ~ Days + (1 | Subject)", family="bernoulli"), table, ml.Bayesian(seed=1))
    found = blocks(fit)
    assert Table not in found
    assert "Nobody was left out. Outcomes of family 'bernoulli' are not Gaussian" in found[Paragraph].text


def test_least_squares_say_why_nobody_is_left_out(hamd17_spec):
    found = blocks(ml.fit(hamd17_spec, ml.datasets.hamd17(), ml.Frequentist(ddf="modified-box")))
    assert Table not in found
    assert (
        "Nobody was left out. The modified Box correction takes its coefficients from"
        in found[Paragraph].text
    )


def test_a_design_without_contrasts_has_distances_alone():
    fit = ml.fit("Reaction ~ 1 + (1 | Subject)", ml.datasets.sleepstudy())
    assert [column.label for column in blocks(fit)[Table].columns] == [
        "Participant",
        "Outcomes",
        "Cook\u2019s distance",
    ]
