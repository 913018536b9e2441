"""Reports of designs unlike the example trial: each must render, and say what it cannot show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.reporting import html
from msclong.reporting.inline import plain


@pytest.fixture(scope="module")
def irregular() -> pd.DataFrame:
    """Two arms, 40 subjects, each seen at times of their own."""
    rng = np.random.default_rng(5)
    rows = []
    for i in range(40):
        level, slope = rng.normal(10, 2), rng.normal(-0.3, 0.2)
        for time in np.sort(rng.uniform(0, 12, rng.integers(2, 7))):
            rows.append((i, "drug" if i % 2 else "placebo", time, level + slope * time + rng.normal()))
    return pd.DataFrame(rows, columns=["id", "arm", "time", "y"])


@pytest.fixture(scope="module")
def single_arm() -> pd.DataFrame:
    """24 subjects at named visits with their times in months."""
    rng = np.random.default_rng(6)
    visits = {"Baseline": 0, "Week 2": 0.5, "Month 1": 1, "Month 3": 3, "Month 12": 12}
    rows = []
    for i in range(24):
        level = rng.normal(12, 3)
        for k, (visit, month) in enumerate(visits.items()):
            if k < 3 or rng.random() > 0.2:
                rows.append((i, visit, month, level - 0.5 * k + rng.normal()))
    return pd.DataFrame(rows, columns=["id", "visit", "month", "score"])


def words(report, key):
    section = next(section for section in report.sections if section.key == key)
    return plain(" ".join(block.text for block in section.blocks if hasattr(block, "text")))


def keys(items):
    return [item.key for item in items]


def test_single_arm_with_margin(single_arm, posterior):
    spec = ml.ModelSpec("score ~ visit + ar1h(visit | id)", time="month", margin=-1, label="Activity score")
    fit = ml.fit(spec, single_arm)
    report = ml.report([fit, posterior(fit)])
    html.render(report)
    table = next(table for table in report.tables if table.key == "contrasts")
    assert [row.group for row in table.rows] == [""] * 4
    assert [row.cells[0].text for row in table.rows] == ["Week 2", "Month 1", "Month 3", "Month 12"]
    assert table.columns[-1].label == "P(< −1)"
    assert "from Baseline was" in words(report, "answer")
    assert "means" in keys(report.tables)
    assert "equally" not in next(figure for figure in report.figures if figure.key == "means").caption


def test_irregular_times_with_random_slopes(irregular, posterior):
    fit = ml.fit("y ~ time * arm + (1 + time | id)", irregular)
    report = ml.report([fit, posterior(fit)])
    html.render(report)
    assert "Time is continuous" in str(report.sections[1])
    assert "cannot be counted" in words(report, "participants")
    assert "covariance" not in keys(report.figures)
    table = next(table for table in report.tables if table.key == "random-effects")
    assert [row.cells[0].text for row in table.rows] == [
        "SD of Intercept", "SD of time", "Correlation of Intercept and time", "Residual SD",
    ]  # fmt: skip
    G = fit.covariance.random_effects
    assert table.rows[0].cells[1].value == pytest.approx(np.sqrt(G.iloc[0, 0]))
    means = next(figure for figure in report.figures if figure.key == "means")
    assert means.data["visit"].tolist() == ["0", "2", "4", "6", "8", "10", "12"] * 2


def test_a_design_without_visits_says_why_it_has_no_contrasts(irregular, posterior):
    spec = ml.ModelSpec("y ~ arm + (1 | id)")
    fits = [ml.fit(spec, irregular, engine) for engine in (ml.Frequentist(), ml.StatsmodelsMixedLM())]
    report = ml.report([*fits, posterior(fits[0])])
    page = html.render(report)
    assert "names no variable that holds the visits" in words(report, "answer")
    assert 'href="#table-coefficients-1"' in page
    assert "contrasts" not in keys(report.tables)
    assert set(keys(report.figures)) == {"residuals", "influence", "chains-3"}
    table = next(table for table in report.tables if table.key == "random-effects")
    assert [column.label for column in table.columns] == [
        "Component",
        "Frequentist",
        "statsmodels",
        "Bayesian",
    ]


def test_a_visit_outside_the_fixed_part_is_explained_by_the_library(single_arm):
    report = ml.report(ml.fit("score ~ 1 + cs(visit | id)", single_arm.assign(visit=single_arm["month"])))
    html.render(report)
    assert "does not depend on the visit 'visit'" in words(report, "answer")


@pytest.mark.parametrize(
    "engine",
    [
        ml.Frequentist(),
        ml.Frequentist(method="ml", ddf="satterthwaite"),
        ml.Frequentist(ddf="residual"),
        ml.Frequentist(ddf="asymptotic"),
    ],
    ids=repr,
)
def test_one_engine_alone(irregular, engine):
    report = ml.report(ml.fit("y ~ time + (1 + time | id)", irregular, engine))
    html.render(report)
    assert "agreement" not in keys(report.sections)
    assert "p\xa0<\xa00.001" in words(report, "answer")


def test_a_posterior_alone(irregular, posterior):
    report = ml.report(posterior(ml.fit("y ~ time + (1 | id)", irregular)))
    html.render(report)
    assert "posterior probability that it lies below zero" in words(report, "answer")
    assert "p-value" not in words(report, "answer")


def test_independent_rows_of_few_days_are_visits(posterior):
    spec = ml.ModelSpec("Reaction ~ Days + (1 + Days | Subject)", label="Reaction time", unit="ms")
    data = ml.datasets.sleepstudy()
    fit, second = ml.fit(spec, data), ml.fit(spec, data, ml.StatsmodelsMixedLM())
    report = ml.report([fit, second, posterior(fit)])
    html.render(report)
    assert "At day 9, the estimated mean change in reaction time from day 0 was 94.2\xa0ms" in words(
        report, "answer"
    )


def test_three_arms_and_a_transformed_outcome(irregular):
    rng = np.random.default_rng(8)
    arms = np.repeat(["A", "B", "C"], 20)
    table = pd.DataFrame(
        {"id": np.repeat(np.arange(60), 3), "visit": np.tile([0, 1, 2], 60), "arm": np.repeat(arms, 3)}
    )
    table["titre"] = np.exp(
        rng.normal(2, 1, 60)[table["id"]] + 0.1 * table["visit"] + rng.normal(0, 0.3, 180)
    )
    report = ml.report(
        ml.fit(ml.ModelSpec("np.log(titre) ~ arm * C(visit) + cs(visit | id)", arm="arm"), table)
    )
    html.render(report)
    answer = words(report, "answer")
    assert "for arm B − arm A and" in answer
    assert "np.log(titre)" in answer
