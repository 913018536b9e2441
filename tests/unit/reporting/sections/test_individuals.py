"""Single participants: whose change is drawn, and from where."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.reporting.analysis import analysis
from msclong.reporting.record import Figure
from msclong.reporting.sections.individuals import SOME, individual_changes, individuals
from msclong.reporting.sections.observed import trajectories


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        [(i, visit, "ab"[i % 2]) for i in range(30) for visit in range(3)], columns=["id", "visit", "arm"]
    )
    table["y"] = np.exp(rng.normal(1, 0.3, 90) + rng.normal(0, 0.3, 30)[table["id"]])
    table.loc[(table["id"] == 3) & (table["visit"] == 2), "y"] = np.nan
    table.loc[(table["id"] == 4) & (table["visit"] == 0), "y"] = np.nan
    return table


def changes(trial, **fields) -> pd.Series:
    given = analysis(ml.fit(ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)", **fields), trial))
    return individual_changes(given, trajectories(given)).set_index("subject")["change"]


def wide(trial) -> pd.DataFrame:
    return trial.assign(id=trial["id"].astype(str)).pivot(index="id", columns="visit", values="y")


@pytest.mark.parametrize("use", [None, "covariate", "change"])
def test_changes_are_last_minus_baseline_of_those_seen_at_both(trial, use):
    fields = {} if use is None else {"baseline_as": use, "visit": "visit"}
    if use == "covariate":
        trial = trial[trial["id"] != 4]  # without a baseline there is no covariate
        given = analysis(
            ml.fit(ml.ModelSpec("y ~ baseline + arm * C(visit) + us(visit | id)", **fields), trial)
        )
        found = individual_changes(given, trajectories(given)).set_index("subject")["change"]
    else:
        found = changes(trial, **fields)
    expected = (wide(trial)[2] - wide(trial)[0]).dropna()
    pd.testing.assert_series_equal(
        found.sort_index(), expected.sort_index(), check_names=False, check_index_type=False
    )
    assert len(found) == 28


def test_changes_of_ratios_are_in_per_cent(trial):
    found = changes(trial, family="lognormal")
    expected = (100 * (wide(trial)[2] / wide(trial)[0] - 1)).dropna()
    np.testing.assert_allclose(found.sort_index(), expected.sort_index())


def test_panels_have_the_fits_own_courses_missed_visits_included(trial):
    fit = ml.fit("y ~ arm * C(visit) + us(visit | id)", trial)
    figures = {b.key: b for b in individuals(analysis(fit)).blocks if isinstance(b, Figure)}
    data = figures["subjects"].data
    assert data["subject"].nunique() == SOME
    assert "missed visits included" in figures["subjects"].caption or data["observed"].all()
    course = fit.trajectories()
    for subject, position, estimate in data[["subject", "position", "estimate"]].itertuples(index=False):
        assert course.loc[(int(subject), int(position)), "estimate"] == pytest.approx(estimate)


def test_some_subjects_alone_have_the_courses_that_they_have_among_all(trial):
    fit = ml.fit("y ~ arm * C(visit) + us(visit | id)", trial)
    pd.testing.assert_frame_equal(fit.trajectories(subjects=[3, 4]), fit.trajectories().loc[[3, 4]])


def test_without_visits_there_is_no_section(trial):
    assert individuals(analysis(ml.fit("y ~ arm + (1 | id)", trial))) is None
