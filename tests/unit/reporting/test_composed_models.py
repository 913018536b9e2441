"""Reports of composed covariances, of each use of the baseline, and of fits that did not go as declared."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.design import units
from msclong.errors import ConvergenceWarning
from msclong.reporting import html
from msclong.reporting.covariance_words import covariance_in_words
from msclong.reporting.data_hash import analysed_columns, data_hash
from msclong.reporting.inline import plain
from msclong.reporting.record import unfolded

SAME = 1e-12
"""Relative: a cell holds the fit's own number."""

WEEKS = (0, 2, 4, 8)


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    """40 subjects of two arms, numbered anew in each of 6 sites, at four weeks; days scatter around the weeks."""
    rng = np.random.default_rng(2)
    n, T = 40, len(WEEKS)
    root = np.linalg.cholesky(9 * (0.5 + 0.5 * np.eye(T)))
    site = np.arange(n) % 6
    site_effect = rng.normal(0, 1.5, 6)[site]
    fall = np.where(np.arange(n) < n // 2, 0.3, 1.0)
    y = 20 + site_effect[:, None] + rng.normal(size=(n, T)) @ root.T - np.outer(fall, np.arange(T))
    table = pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), T),
            "number": np.repeat(np.arange(n) // 6, T),
            "site": np.repeat(site, T),
            "week": np.tile(WEEKS, n),
            "arm": np.repeat(["placebo", "drug"], n // 2 * T),
            "weight": rng.choice([1.0, 2.0, 4.0], n * T),
            "score": y.ravel(),
        }
    )
    table["arm"] = pd.Categorical(table["arm"], ["placebo", "drug"])
    table["day"] = 7 * table["week"] + rng.integers(-3, 4, len(table))
    return table[(table["week"] == 0) | (rng.random(len(table)) > 0.1)]


@pytest.fixture(scope="module")
def fitted(trial) -> Callable[..., ml.Fit]:
    made: dict[str, ml.Fit] = {}

    def fit(covariance: str, mean: str = "arm * C(week)", **fields: object) -> ml.Fit:
        key = f"{covariance} {mean} {fields}"
        if key not in made:
            made[key] = ml.fit(ml.ModelSpec(f"score ~ {mean} + {covariance}", **fields), trial)
        return made[key]

    return fit


def rendered(fit: ml.Fit, **options: object) -> ml.reporting.report.Report:
    """The report, checked to be one self-contained page whose ids are unique."""
    report = ml.report(fit, **options)
    page = html.render(report)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "http" not in page
    assert "/tmp" not in page
    return report


def section(report, key):
    return next(section for section in report.sections if section.key == key)


def words(report, key):
    """All paragraphs, items and definitions of a section."""
    found = []
    for block in unfolded(section(report, key).blocks):
        if hasattr(block, "text"):
            found.append(block.text)
        for item in getattr(block, "items", ()):
            found.append(item if isinstance(item, str) else ": ".join(item))
    return plain(" ".join(found))


def table(report, key):
    return next(table for table in report.tables if table.key == key)


def covariance_figures(report):
    return [figure for figure in report.figures if figure.key.startswith("covariance")]


def test_a_covariance_by_arm_has_a_heat_map_and_parameters_for_each(fitted):
    fit = fitted("us(week | arm / id)")
    report = rendered(fit)
    figures = covariance_figures(report)
    assert [figure.key for figure in figures] == ["covariance-1", "covariance-2"]
    for figure, (arm, sigma) in zip(figures, fit.covariance.matrices.items(), strict=True):
        assert f", arm {arm}" in figure.caption
        sd = np.sqrt(np.diag(sigma))
        assert np.diag(figure.data["fitted"]) == pytest.approx(sd, rel=SAME)
        assert figure.data["observed"].notna().to_numpy().all()
    assert not figures[0].data["observed"].equals(figures[1].data["observed"])
    rows = table(report, "covariance-parameters").rows
    assert [row.group for row in rows] == ["arm placebo"] * 10 + ["arm drug"] * 10
    assert rows[0].cells[0].text == rows[10].cells[0].text == "variance(0)"
    assert "Each arm (placebo and drug) has such parameters of its own" in words(report, "model")


def test_subjects_nested_in_sites_are_counted_by_the_datas_own_column(fitted):
    fit = fitted("(1 | site / number)", visit="week")
    assert fit.design.data.subject == "site:number"
    report = rendered(fit)
    assert "40 participants with" in words(report, "question")
    assert "(n = 20)" in words(report, "question")
    text = words(report, "model")
    assert "an intercept for each site; an intercept for each number within site" in text
    assert "the 6 levels of site are independent" in text
    entries = {row.cells[0].text: row.cells[1].value for row in table(report, "random-effects").rows}
    G = fit.covariance.random_effects
    assert entries["SD of Intercept by site"] ** 2 == pytest.approx(G.iloc[0, 0], rel=SAME)
    assert entries["SD of Intercept by site:number"] ** 2 == pytest.approx(G.iloc[1, 1], rel=SAME)
    assert entries["Residual SD"] ** 2 == pytest.approx(fit.covariance.residual_variance, rel=SAME)
    assert len(covariance_figures(report)) == 1


def test_a_site_effect_beside_an_unstructured_covariance(fitted):
    report = rendered(fitted("(1 | site) + us(week | id)"))
    table_of_effects = table(report, "random-effects")
    assert [row.cells[0].text for row in table_of_effects.rows] == ["SD of Intercept by site"]
    assert "[[table:covariance-parameters]]" in table_of_effects.notes[-1]
    assert "from random effects and residual together" in covariance_figures(report)[0].caption


def test_crossed_groupings_are_not_called_independent(trial):
    report = rendered(ml.fit("score ~ 1 + (1 | site) + (1 | week)", trial))
    assert "all observations are correlated with each other" in words(report, "model")
    assert "Participants are independent" not in words(report, "model")


def test_random_effects_with_a_residual_structure_show_both(fitted):
    fit = fitted("(1 | id) + ar1(week | id)")
    report = rendered(fit)
    entries = {row.cells[0].text: row.cells[1].value for row in table(report, "random-effects").rows}
    assert list(entries) == ["SD of Intercept", "Residual SD", "Residual correlation"]
    estimate = fit.covariance.parameters["estimate"]
    assert entries["Residual SD"] ** 2 == pytest.approx(estimate["variance"], rel=SAME)
    assert entries["Residual correlation"] == pytest.approx(estimate["correlation"], rel=SAME)
    assert "Around them, the residuals of one participant have a first-order autoregressive" in words(
        report, "model"
    )


def test_a_structure_in_measured_time_has_parameters_but_no_matrix(fitted):
    report = rendered(fitted("sp_exp(day | id)", mean="arm * day"))
    assert covariance_figures(report) == []
    assert "no single covariance matrix" in words(report, "covariance")
    assert [row.cells[0].text for row in table(report, "covariance-parameters").rows] == ["variance", "range"]
    # 25 days scattered over the subjects are not visits.
    assert "means are given at 0, 10, 20, 30, 40 and 50" in words(report, "question")


def test_weights_are_told_and_covered_by_the_hash(trial, fitted):
    fit = fitted("diag(week | id)", weights="weight")
    report = rendered(fit)
    assert "variance of an observation is divided by its weight" in words(report, "model")
    figure = covariance_figures(report)[0]
    assert "For observations of weight one." in figure.caption
    assert set(figure.data.columns.get_level_values(0)) == {"fitted"}
    assert "weight" in analysed_columns(fit.design)
    changed = trial.assign(weight=trial["weight"].where(trial.index != trial.index[0], 3.0))
    assert data_hash(ml.fit(fit.spec, changed).design) != data_hash(fit.design)


def test_the_hash_covers_the_columns_of_a_made_up_subject_and_the_baseline(fitted):
    columns = analysed_columns(fitted("(1 | site / number)", visit="week").design)
    assert {"site", "number"} <= set(columns)
    assert "site:number" not in columns
    assert "baseline" in analysed_columns(fitted("us(week | id)", baseline_as="covariate", arm="arm").design)


def test_arms_equal_at_baseline(fitted):
    report = rendered(fitted("us(week | id)", baseline_as="constrained"))
    assert "constrained to be equal at week 0" in words(report, "model")
    assert "pre-post designs. Sankhyā" in words(report, "model")
    assert "the same in all arms" in words(report, "question")


def test_with_the_baseline_as_covariate_the_contrasts_are_between_arms(fitted):
    fit = fitted("us(week | id)", baseline_as="covariate", arm="arm")
    report = rendered(fit)
    assert [row.group for row in table(report, "contrasts").rows] == ["drug − placebo"] * 3
    assert "The estimated difference between the arms at week 8, drug − placebo, was" in words(
        report, "answer"
    )
    assert "from week 2" not in words(report, "answer") + words(report, "question")
    assert section(report, "contrasts").title == "Contrasts between arms"


def test_with_the_baseline_subtracted_means_are_changes(fitted):
    report = rendered(
        fitted("us(week | id)", mean="arm * C(week) + baseline", baseline_as="change", arm="arm")
    )
    assert "change from baseline, taken here" in words(report, "question")
    assert "Subtracted from every later outcome" in words(report, "question")


def test_several_random_terms_and_their_boundary(trial):
    alike = trial.assign(score=trial["score"] - trial.groupby("site")["score"].transform("mean"))
    with pytest.warns(ConvergenceWarning):
        fit = ml.fit("score ~ arm * week + (1 + week || id) + (1 | site)", alike)
    report = rendered(fit)
    assert section(report, "answer").blocks[0].role == "caution"
    assert "variation of the random effect Intercept by site was estimated as zero" in words(report, "answer")
    zero = next(row for row in table(report, "covariance-parameters").rows if "site" in row.cells[0].text)
    assert [cell.text for cell in zero.cells[1:]] == ["0.00", "–"]
    assert "an intercept and an effect of week for each id (uncorrelated)" in words(report, "model")


def test_a_fallback_is_told_first_and_in_the_model(trial):
    few = trial[(trial["week"] < 8) | (trial["id"] % 20 < 2)]
    fit = ml.fit(ml.ModelSpec("score ~ arm * C(week) + us(week | id)", fallback=("us", "cs")), few)
    assert fit.outcome.fallback
    report = rendered(fit)
    first = section(report, "answer").blocks[0]
    assert first.role == "caution"
    assert (
        "declared first, unstructured (us), could not be estimated: an unstructured covariance over"
        in first.text
    )
    assert "declared for this case beforehand, compound symmetric (cs)" in first.text
    assert "ModelSpec" not in first.text
    assert "in the order declared beforehand: unstructured (us) and compound symmetric (cs)" in words(
        report, "model"
    )


def test_a_fit_that_went_as_declared_has_no_caution(fitted):
    report = rendered(fitted("us(week | id)"))
    assert all(block.role != "caution" for block in section(report, "answer").blocks)


def test_a_fit_that_did_not_converge_is_not_to_be_used(fitted):
    fit = fitted("us(week | id)")
    report = rendered(replace(fit, outcome=replace(fit.outcome, converged=False)))
    assert "did not converge" in section(report, "answer").blocks[0].text


def test_a_registered_structure_is_described_in_its_own_words(fitted):
    design = fitted("cs(week | id)").design
    assert covariance_in_words(design).cites == ("jennrich",)
    text = covariance_in_words(fitted("homdiag(week | id)").design).text
    assert text == (
        "The outcomes of one participant have the same variance at every visit and no correlation between visits. "
        "Participants are independent."
    )


def test_units_too_large_for_one_matrix_have_pearson_residuals(fitted, monkeypatch):
    fit = fitted("(1 | site / number)")
    assert "Scaled residuals" in words(rendered(fit), "diagnostics")
    monkeypatch.setattr(units, "MOST_IN_UNIT", 10)
    said = words(rendered(fit), "diagnostics")
    assert "Pearson residuals are the deviations from the fitted means over their standard deviations" in said
    assert "Scaled residuals" not in said
