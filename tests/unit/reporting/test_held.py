"""What marginal means are said to hold fixed and to average over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.reporting.analysis import analysis
from msclong.reporting.comparisons import contrasts
from msclong.reporting.held import held
from msclong.reporting.inline import plain
from msclong.reporting.sections.answer import answer
from msclong.reporting.sections.effects import means_section
from msclong.reporting.study.changes import primary
from msclong.reporting.study.results import study_result
from msclong.reporting.words import words

HAMD17 = "taken at the mean of basval over the observed outcomes and averaged over POOLINV with equal weights"


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"id": np.repeat(np.arange(24), 3), "visit": np.tile([0, 1, 2], 24)})
    for name in ("age", "score"):
        table[name] = rng.normal(size=24)[table["id"]]
    table["sex"] = np.where(table["id"] % 3 == 0, "f", "m")
    table["y"] = 0.2 * table["visit"] + table["age"] + rng.normal(size=len(table))
    return table.assign(other=rng.normal(size=len(table)))


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("", ""),
        (" + age", "taken at the mean of age over the observed outcomes"),
        (" + age + score", "taken at the means of age and score over the observed outcomes"),
        (" + sex", "averaged over sex with equal weights"),
        (
            " + C(sex) * age",
            "taken at the mean of age over the observed outcomes and averaged over sex with equal weights",
        ),
    ],
)
def test_only_what_there_is_is_told(trial, added, told):
    given = analysis(ml.fit(f"y ~ C(visit){added} + cs(visit | id)", trial))
    assert held(given) == told
    means = words(means_section(given, contrasts(given)))
    assert ("taken at" in means or "averaged over" in means) == bool(told)


def test_the_grid_is_that_of_the_means(hamd17):
    """Moved from equal weights or from the mean, the means would be others."""
    fit = hamd17[0]
    rows, levels = fit.design.fixed.frame["basval"], fit.design.fixed.values("POOLINV")
    each = [fit.means(at={"basval": [rows.mean()], "POOLINV": [level]})["estimate"] for level in levels]
    assert fit.means()["estimate"].to_numpy() == pytest.approx(np.mean(each, axis=0), rel=1e-9)


def test_summary_and_figure_of_a_report_tell_it(hamd17, hamd17_report):
    assert held(analysis(hamd17)) == HAMD17
    given = analysis(hamd17)
    assert f"means of the model and their differences, {HAMD17}." in plain(
        words(answer(given, contrasts(given)))
    )
    [means] = [figure for figure in hamd17_report.figures if figure.key == "means"]
    assert f"frequentist fit, {HAMD17}." in means.caption


def test_a_study_tells_it_of_the_outcomes_that_have_it(trial):
    plan = {"y": {"better": "higher", "role": "primary"}, "other": {"better": "higher", "role": "primary"}}
    plan["y"]["formula"] = "y ~ C(visit) + age + cs(visit | id)"
    study = ml.Study(trial, plan, defaults={"formula": "{outcome} ~ C(visit) + cs(visit | id)"})
    tables = [
        block for block in primary(study_result(study.fit([ml.Frequentist()], n_jobs=1))).blocks
        if hasattr(block, "notes")
    ]  # fmt: skip
    told = [[note for note in table.notes if "taken at" in note] for table in tables]
    assert told == [["The model\u2019s means are taken at the mean of age over the observed outcomes."], []]
