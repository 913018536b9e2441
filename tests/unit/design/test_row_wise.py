"""X from distinct rows is patsy's."""

import numpy as np
import pandas as pd
import pytest
from patsy import EvalEnvironment, dmatrix

from msclong.data.tables import modelling_frame
from msclong.design.coordinates import effects
from msclong.design.fixed_effects import build_fixed_effects
from msclong.design.row_wise import row_wise
from msclong.errors import DataError, FormulaError

GRAM = 1e-14
"""Of X'X, relative to the columns' lengths: sums of 200 products in another order."""


def _table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n, visits = 50, 4
    table = pd.DataFrame(
        {
            "visit": np.tile(np.arange(visits), n),
            "arm": np.repeat(rng.choice(["placebo", "active"], n), visits),
            "basval": np.repeat(rng.normal(20, 4, n), visits),
            "x": rng.gamma(2, size=n * visits),
            "site": np.repeat(np.arange(n) % 30, visits),
            "dose": rng.integers(0, 3, n * visits),
            "flag": rng.random(n * visits) > 0.5,
        }
    )
    table["odd name"] = 2 * table["x"]
    return modelling_frame(table)


TABLE = _table()

ROW_WISE = [
    "1",
    "x",
    "-1 + x",
    "arm * C(visit) + basval * C(visit)",
    "0 + arm:C(visit)",
    "np.log(x) * arm",
    "np.log(x) * basval * arm",
    "I(x**2) + x * visit",
    "I(visit > 2) * arm",
    "C(site)",
    "C(arm, Sum) * x",
    "C(visit, Treatment(2)) * basval",
    "C(visit, Poly)",
    "C(visit, levels=[3, 2, 1, 0])",
    "C(arm, Helmert):C(visit, Diff):x",
    "Q('odd name') * arm",
    "flag * x",
    "x:basval:C(visit)",
    "(x + basval)**2",
    "dose * visit * x",
    "np.power(x, 2) * np.maximum(x, 1)",
]

WHOLE_COLUMNS = [
    "I(x - np.mean(x)) * arm",
    "x.rank() + arm",
    "center(x) * arm * C(visit)",
    "standardize(basval) * C(visit)",
    "center(visit) * arm",
    "bs(x, df=4) * arm",
    "np.where(x > 1, 1, 0) + flag",
    "np.cumsum(x) + arm",
    "I(x - (x @ x) / 1000)",
    "I(x - np.vecdot(x, x) / 1000) + I(x * visit)",
]
"""Each value of a factor depends on other rows: to be read of all rows, not of distinct ones."""

PLAIN = [
    "I(x > 1) * visit",
    "I(x > x.mean())",
    "center(visit):x + C(visit, Sum)",
    "I(1 + np.mean(visit)) + flag",
]


def _patsys(formula: str) -> tuple[np.ndarray, list[str]]:
    X = dmatrix(formula, TABLE, eval_env=EvalEnvironment([{"np": np}]))
    return np.asarray(X), X.design_info.column_names


@pytest.mark.parametrize("formula", [*ROW_WISE, *WHOLE_COLUMNS])
def test_x_of_distinct_rows_is_patsys_bit_for_bit(formula):
    info, found = row_wise(formula, TABLE)
    X, names = _patsys(formula)
    np.testing.assert_array_equal(found.dense(), X)
    assert info.column_names == names
    R, length = found.triangle(), np.linalg.norm(X, axis=0)
    np.testing.assert_allclose(
        R.T @ R / np.outer(length, length), X.T @ X / np.outer(length, length), atol=GRAM
    )


@pytest.mark.parametrize("formula", PLAIN[:3])
def test_what_cannot_be_taken_apart_is_left_to_patsy(formula):
    assert row_wise(formula, TABLE) is None
    X, names = _patsys(formula)
    fixed = build_fixed_effects(formula, TABLE)
    np.testing.assert_array_equal(fixed.X, X)
    assert list(fixed.names) == names


def test_distinct_rows_that_are_not_fewer_are_left_to_patsy():
    assert row_wise("C(visit)", TABLE.iloc[:6]) is None


def test_a_constant_of_a_whole_column_is_refused_as_patsy_refuses_it():
    assert row_wise(PLAIN[3], TABLE) is None
    with pytest.raises(FormulaError, match="Number of rows mismatch"):
        build_fixed_effects(PLAIN[3], TABLE)


@pytest.mark.parametrize("formula", ["center(x) * arm", "bs(x, df=4)", "standardize(basval)"])
def test_new_rows_are_read_by_what_was_learnt_of_the_old(formula):
    fixed = build_fixed_effects(formula, TABLE)
    np.testing.assert_array_equal(fixed.matrix(TABLE.iloc[3:9]), _patsys(formula)[0][3:9])


def test_a_table_larger_than_x_is_not_made():
    """7 products of covariates in 30 cells of 200 rows."""
    assert row_wise("C(site) + x * basval * np.log(x)", TABLE) is None


def test_new_rows_are_read_as_patsy_reads_them():
    fixed = build_fixed_effects("np.log(x) * arm + C(visit) * basval", TABLE)
    np.testing.assert_array_equal(fixed.matrix(TABLE.iloc[3:9]), fixed.X[3:9])


def test_random_effects_are_patsys():
    read = effects("1 + visit * x", TABLE)
    np.testing.assert_array_equal(read(TABLE), _patsys("1 + visit * x")[0])
    np.testing.assert_array_equal(read(TABLE.iloc[2:5]), read(TABLE)[2:5])


@pytest.mark.parametrize("column", ["basval", "visit", "arm"])
def test_a_missing_covariate_is_told_with_its_row(column):
    table = TABLE.astype({"visit": float})
    table.loc[7, column] = None
    with pytest.raises(DataError, match=rf"1 rows have no value of '{column}' but an outcome: rows 7\."):
        build_fixed_effects("basval * C(visit) + arm", table)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_an_infinite_covariate_is_told_with_columns_and_rows():
    table = TABLE.copy()
    table.loc[[3, 9], "basval"] = np.inf
    with pytest.raises(DataError, match=r"infinite values in basval, basval:arm\[T\.placebo\], rows 3, 9;"):
        build_fixed_effects("basval * arm", table)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_a_transform_that_is_infinite_is_told():
    with pytest.raises(DataError, match=r"infinite values in np.log\(visit\), rows 0, 4,"):
        build_fixed_effects("np.log(visit)", TABLE)


def test_a_column_that_hides_a_function_is_told():
    with pytest.raises(FormulaError, match="Columns named C hide the functions"):
        build_fixed_effects("C(visit)", TABLE.assign(C=1))
