"""X by cells and measured covariates: the columns that patsy makes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from patsy import dmatrix

from msclong.design.expansion import expansion
from msclong.design.factored_matrix import FactoredMatrix
from msclong.design.row_wise import ENVIRONMENT

TABLE = pd.DataFrame(
    {
        "a": pd.Categorical(list("xyzxyzxy")),
        "b": pd.Categorical(list("ppqqppqq")),
        "k": [1, 2, 1, 2, 3, 3, 1, 2],
        "t": [True, False, False, True, True, False, True, True],
        "u": np.linspace(1, 3, 8),
        "v": np.linspace(5, 2, 8) ** 2,
    }
)
KEYS = ("a", "b", "k", "t")


@pytest.mark.parametrize(
    "formula",
    [
        "a * b + u", "a:u + b:v", "C(k, Sum) * u", "0 + a:b", "u * v * a", "np.log(u) + I(v / u) * t",
        "k + k:u + C(k):v", "1", "a + C(b, Treatment('q')):k", "bs(u, df=3) * a:v",
    ],
)  # fmt: skip
def test_the_columns_are_patsys(formula: str) -> None:
    info = dmatrix(formula, TABLE, eval_env=ENVIRONMENT).design_info
    parts = expansion(info, KEYS, TABLE.columns)
    n = len(TABLE)
    table = parts.table(parts.cells(TABLE[list(KEYS)], n))
    X = FactoredMatrix(table, np.arange(n), parts.covariates(TABLE, n))
    np.testing.assert_allclose(X.dense(), np.asarray(dmatrix(info, TABLE)), rtol=1e-15)


def test_levels_made_of_measured_covariates_are_told() -> None:
    info = dmatrix("a + I(u > 2)", TABLE, eval_env=ENVIRONMENT).design_info
    assert expansion(info, KEYS, TABLE.columns).levels_of_rows == ("I(u > 2)",)
