"""Rows that a design has not seen: their X, their coordinates, and whom they belong to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import Design, build_design
from msclong.errors import DataError, FormulaError


def table() -> pd.DataFrame:
    frame = pd.DataFrame({"id": np.repeat(np.arange(12), 3), "visit": np.tile([1, 2, 3], 12)})
    frame["site"], frame["arm"] = frame["id"] // 3, np.where(frame["id"] % 2, "a", "b")
    return frame.assign(y=np.random.default_rng(1).normal(size=36), w=1.0)


def design_of(formula: str, weights: str | None = None) -> Design:
    spec = ml.ModelSpec(f"y ~ C(visit) + {formula}", weights=weights)
    return build_design(spec, long_data(spec, table()))


@pytest.mark.parametrize(
    "formula",
    ["us(visit | id)", "(1 + visit | id)", "(1 | site) + ar1(visit | arm / id)", "sp_exp(visit | id)"],
)
def test_the_fitted_rows_are_read_as_they_were(formula):
    design = design_of(formula, "w")
    rows = design.rows(design.fixed.frame.iloc[::-1])
    np.testing.assert_array_equal(rows.X, design.fixed.X[::-1])
    np.testing.assert_array_equal(rows.coords, design.coords[::-1])
    np.testing.assert_array_equal(rows.unit, design.unit[::-1])


def test_new_subjects_are_units_of_their_own_and_new_visits_of_known_ones_are_not():
    new = pd.DataFrame(
        {"id": [3, 100, 100, 101], "visit": [1, 1, 2, 1], "site": [1, 0, 0, 9], "arm": "a", "w": 1.0}
    )
    assert design_of("us(visit | id)").rows(new).unit.tolist() == [3, 12, 12, 13]
    # Site 0 is known, site 9 is not.
    assert design_of("(1 | site) + us(visit | id)").rows(new).unit.tolist() == [1, 0, 0, 4]


REFUSED = [
    ({"visit": 9}, FormulaError, "9"),
    ({"site": 0}, DataError, "Rows 5 combine groups"),
    ({"arm": "c"}, DataError, "in rows 5"),
    ({"w": 0.0}, DataError, "positive numbers; rows 5"),
    ({"id": np.nan}, DataError, "missing in rows 5"),
]


@pytest.mark.parametrize(("change", "kind", "text"), REFUSED)
def test_rows_that_cannot_be_read(change, kind, text):
    design = design_of("(1 | site) + ar1(visit | arm / id)", "w")
    row = pd.DataFrame({"id": 4, "visit": 1, "site": 1, "arm": "b", "w": 1.0}, index=[5])
    design.rows(row)
    with pytest.raises(kind, match=text):
        design.rows(row.assign(**change))
    with pytest.raises(DataError, match="no column 'w'"):
        design.rows(row.drop(columns="w"))
