"""Names that no column has: what is told of them, and what is no such name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.design.named_columns import refuse_unknown_columns
from msclong.errors import DataError, FormulaError

TABLE = pd.DataFrame(
    {
        "pat_no": np.repeat(range(12), 3),
        "treat": np.repeat(["a", "b"], 18),
        "visit_name": [1, 2, 3] * 12,
        "score": np.random.default_rng(1).normal(size=36),
        "age": 50.0,
        "site": "x",
        "body mass": 20.0,
    }
)
ALL = "The table has pat_no, treat, visit_name, score, age, site, body mass."
END = " + us(visit_name | pat_no)"

WRONG = {
    f"scorre ~ treat * visit_name{END}": (FormulaError, "column 'scorre' for the outcome. Did you mean 'score'?"),
    f"np.log(scorre) ~ treat{END}": (FormulaError, "column 'scorre', named in the outcome 'np.log(scorre)'."),
    f"score ~ treatment * visit_name{END}": (FormulaError, "'treatment', named in the fixed part"),
    f"score ~ np.log(agee){END}": (FormulaError, "'agee', named in the fixed part 'np.log(agee)'. Did you mean 'age'?"),
    f"score ~ Q('agee'){END}": (FormulaError, "Did you mean 'age'?"),
    f"score ~ id{END}": (FormulaError, "no column 'id' for the fixed part"),
    f"score ~ body - mass{END}": (FormulaError, 'need Q("..."): body mass.'),
    f"score ~ baseline{END}": (FormulaError, "no column 'baseline'"),
    "score ~ treat + (1 + visitname | pat_no)": (FormulaError, "'visitname', named in the random effects"),
    "score ~ treat + us(visitname | pat_no)": (DataError, "'visitname' for visit=. Did you mean 'visit_name'"),
    "score ~ treat + (1 | sites / pat_no)": (DataError, "'sites' to group by. Did you mean 'site'?"),
    "score ~ treat + us(visit_name | nobody)": (DataError, "no column 'nobody' to group by."),
}  # fmt: skip


@pytest.mark.parametrize("formula", WRONG)
def test_a_name_that_no_column_has_is_told_with_the_columns_of_the_whole_table(formula):
    error, words = WRONG[formula]
    with pytest.raises(error) as of_fit:
        ml.fit(formula, TABLE)
    message = str(of_fit.value)
    assert words in message
    assert ALL in message
    # A study's outcomes have the part of its table that they read, which is not what the message lists.
    problem = ml.Study(TABLE, {"o": {"formula": formula}}).check()["problem"]
    assert problem.tolist() == [message]


def test_roles_are_columns_too():
    spec = ml.ModelSpec(f"score ~ visit_name{END}", arm="treatm")
    with pytest.raises(DataError, match=f"'treatm' for arm=. Did you mean 'treat'. {ALL}"):
        ml.fit(spec, TABLE)
    assert ALL in ml.Study(TABLE, {"o": spec}).check()["problem"].iloc[0]
    rows = ml.Endpoint(spec.replace(arm=None), rows={"sites": "x"})
    assert (
        f"'sites', which rows= names. Did you mean 'site'? {ALL}"
        in (ml.Study(TABLE, {"o": rows}).check()["problem"].iloc[0])
    )


@pytest.mark.parametrize("column", ["pat_no", "treat"])
def test_a_column_in_the_index_is_pointed_out(column):
    with pytest.raises((DataError, FormulaError), match=r"reset_index\(\)"):
        ml.fit(f"score ~ treat{END}", TABLE.set_index(column))


def test_functions_are_told_from_columns():
    with pytest.raises(
        FormulaError, match=r"no function 'log', called in the fixed part 'log\(age\)'; write np.log"
    ):
        ml.fit(f"score ~ log(age){END}", TABLE)
    with pytest.raises(
        FormulaError, match=r"no function 'lg', called in the outcome 'lg\(score\)'; write those of"
    ):
        ml.fit(f"lg(score) ~ age{END}", TABLE)


@pytest.mark.parametrize(
    "formula",
    [
        f"np.exp(score) ~ C(treat, Treatment('b')) * bs(age, df=4) + I(age > 50) + np.minimum(age, 3){END}",
        f"Q('score') ~ Q('body mass') + center(age) + age.astype(float) + max([a for a in age]){END}",
        f"score ~ (lambda x: x + 1)(age) + 1{END}",
        "score ~ 0 + treat:visit_name + (1 + np.log(age) || site / pat_no)",
        f"score ~ age +* 3{END}",
    ],
)
def test_what_is_no_missing_column_passes(formula):
    refuse_unknown_columns(ml.ModelSpec(formula), TABLE)


def test_the_baseline_is_a_column_where_it_is_taken_out():
    refuse_unknown_columns(ml.ModelSpec(f"score ~ baseline{END}", baseline_as="covariate"), TABLE)
