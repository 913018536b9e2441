"""The design: what patsy builds, what is refused, and which roles are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.design.reference_grid import reference_grid
from msclong.errors import DataError, DataWarning, DesignError, FormulaError, HypothesisError


def trial(n: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    subject, visit = np.repeat(np.arange(n), 3), np.tile(["base", "week 4", "week 12"], n)
    return pd.DataFrame(
        {
            "id": subject,
            "visit": pd.Categorical(visit, categories=["base", "week 4", "week 12"], ordered=True),
            "week": np.tile([0.0, 4.0, 12.0], n),
            "arm": np.where(subject % 2, "active", "control"),
            "sex": np.where(subject % 3, "f", "m"),
            "age": 50.0 + subject,
            "y": rng.normal(size=3 * n) + np.repeat(rng.normal(size=n), 3),
        }
    )


def design_of(spec, table=None):
    spec = ml.ModelSpec(spec) if isinstance(spec, str) else spec
    return build_design(spec, long_data(spec, trial() if table is None else table))


def test_columns_patterns_and_counts():
    table = trial()
    table.loc[[2, 5, 7], "y"] = np.nan
    design = design_of("y ~ arm * visit + age + us(visit | id)", table)
    assert design.fixed.names[:3] == ("Intercept", "arm[T.control]", "visit[T.week 4]")
    assert (design.n_obs, design.n_subjects) == (33, 12)
    patterns = {
        tuple(c[:, 0]): int(n) for b in design.moments.blocks for c, n in zip(b.coords, b.n, strict=True)
    }
    assert patterns == {(0.0, 1.0, 2.0): 9, (0.0, 1.0): 2, (0.0, 2.0): 1}


def test_aliased_columns_are_named_one_by_one_with_what_they_equal():
    table = trial().assign(age2=lambda t: 2 * t["age"] - 3)
    with pytest.raises(DesignError, match=r"1 column\(s\).*age2 = -3 Intercept \+ 2 age\. Remove or merge"):
        design_of("y ~ visit + age + age2 + us(visit | id)", table)
    with pytest.raises(DesignError, match=r"visit\[T.week 12\]:sex\[T.m\] is zero in every row"):
        design_of(
            "y ~ visit * sex + us(visit | id)", table[(table["sex"] != "m") | (table["visit"] != "week 12")]
        )


def test_more_coefficients_than_observations():
    with pytest.raises(DesignError, match="10 column|cannot estimate|cannot tell"):
        design_of("y ~ C(id) * visit + (1 | id)")


def test_missing_covariates_are_the_analysts_decision():
    table = trial()
    table.loc[[3, 4], "age"] = np.nan
    with pytest.raises(
        DataError, match=r"2 rows have no value of 'age'.*rows 3, 4.*dropna\(subset=\['age'\]\)"
    ):
        design_of("y ~ visit + age + us(visit | id)", table)
    # Where there is no outcome either, nothing is lost.
    table.loc[[3, 4], "y"] = np.nan
    assert design_of("y ~ visit + age + us(visit | id)", table).n_obs == 34
    table = trial().assign(dose=lambda t: t["age"] - 50)
    with (
        pytest.raises(DataError, match=r"infinite values in np.log\(dose\), rows 0, 1, 2"),
        np.errstate(divide="ignore"),
    ):
        design_of("y ~ visit + np.log(dose) + us(visit | id)", table)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y ~ visit + agee + us(visit | id)", "'agee'.* mean 'age'. The table has id, visit, week, arm,"),
        ("y ~ visit + (age + us(visit | id)", "Unbalanced"),
        ("y ~ visit + age * + us(visit | id)", "patsy cannot"),
        ("np.lg(y) ~ visit + us(visit | id)", "'np.lg\\(y\\)' is neither a column nor an expression"),
    ],
)
def test_formulas_that_do_not_fit_the_table(formula, message):
    with pytest.raises(FormulaError, match=message):
        design_of(formula)


def test_an_outcome_may_be_an_expression():
    table = trial().assign(titre=lambda t: np.exp(t["y"]))
    plain = ml.fit("y ~ visit + us(visit | id)", table)
    logged = ml.fit("np.log(titre) ~ visit + us(visit | id)", table)
    assert logged.loglik == pytest.approx(plain.loglik, rel=1e-12)
    assert "np.log(titre)" not in table


@pytest.mark.parametrize(
    ("spec", "visit", "arm"),
    [
        (ml.ModelSpec("y ~ arm * visit + sex + us(visit | id)"), "visit", "arm"),
        (ml.ModelSpec("y ~ arm * visit + sex * visit + us(visit | id)"), "visit", None),
        (ml.ModelSpec("y ~ arm * visit + sex * visit + us(visit | id)", arm="sex"), "visit", "sex"),
        (ml.ModelSpec("y ~ visit + sex + us(visit | id)"), "visit", None),
        (ml.ModelSpec("y ~ arm * week + (1 + week | id)"), "week", "arm"),
        (ml.ModelSpec("y ~ arm * week + (1 | id)"), "week", "arm"),
        (ml.ModelSpec("y ~ arm * visit + (week | id)"), "visit", "arm"),
        (ml.ModelSpec("y ~ age + (1 | id)"), None, None),
    ],
)
def test_the_roles_that_a_formula_implies(spec, visit, arm):
    design = design_of(spec)
    assert (design.visit, design.arm) == (visit, arm)


def test_more_random_effects_than_observations_of_a_subject():
    with pytest.raises(DesignError, match="No subject has more than 3 observation.s., so 3 random effect.s."):
        design_of("y ~ week + (1 + week + I(week**2) | id)")


def test_levels_without_outcomes_leave_the_model_and_are_noted():
    table = trial()
    table["site"] = pd.Categorical(np.where(table["id"] == 11, "far", "near"), categories=["near", "far"])
    table.loc[table["id"] == 11, "y"] = np.nan
    design = design_of("y ~ visit + site + us(visit | id)".replace(" + site", ""), table)
    assert any("Levels of site without any observed outcome" in note for note in design.notes)


def test_a_numeric_visit_in_the_mean_is_noted():
    notes = design_of("y ~ week + us(week | id)").notes
    assert any("week is numeric and enters the mean as a number; C(week)" in note for note in notes)
    assert not any("numeric" in note for note in design_of("y ~ C(week) + us(week | id)").notes)


def test_measured_times_in_place_of_visits():
    rng = np.random.default_rng(1)
    table = trial().assign(day=lambda t: 7 * t["week"] + rng.uniform(0, 3, len(t)))
    with pytest.warns(DataWarning, match=r"'day' has 36 distinct values.*\(1 \+ day \| id\)"):
        ml.fit("y ~ day + ar1(day | id)", table)


def test_columns_with_unusual_names():
    table = trial().rename(columns={"visit": "visit no.", "age": "age at entry", "id": "patient id"})
    formula = 'y ~ Q("visit no.") + Q("age at entry") + us(Q("visit no.") | Q("patient id"))'
    assert list(ml.fit(formula, table).contrasts().index) == ["week 4 - base", "week 12 - base"]
    with pytest.raises(FormulaError, match=r"need Q\(.*: patient id, visit no., age at entry"):
        ml.fit('y ~ Q("visit no.") + age + us(Q("visit no.") | Q("patient id"))', table)


def test_the_reference_grid():
    fixed = design_of("y ~ arm * week + age + sex + (1 + week | id)").fixed
    grid = reference_grid(fixed, by=["arm", "week"])
    assert list(grid.columns[:2]) == ["arm", "week"]
    assert len(grid) == 2 * 3 * 2
    assert (grid["age"] == trial()["age"].mean()).all()
    assert list(reference_grid(fixed, by=["week"], at={"week": [6], "sex": ["f"]})["week"]) == [6, 6]
    with pytest.raises(HypothesisError, match="'site' is not a variable of the fixed part"):
        reference_grid(fixed, by=["site"])
    with pytest.raises(HypothesisError, match="'sex' has no level 'x'; its levels are f, m"):
        reference_grid(fixed, at={"sex": ["x"]})
    many = design_of("y ~ z + (1 | id)", trial().assign(z=np.arange(36.0))).fixed
    with pytest.raises(HypothesisError, match="36 distinct values; say which ones you want"):
        reference_grid(many, by=["z"])
