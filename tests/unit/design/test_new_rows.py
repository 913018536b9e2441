"""Rows that a design has not seen: their X, their coordinates, and whom they belong to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import Design, build_design
from msclong.errors import DataError


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


def test_a_new_level_belongs_to_the_unit_that_one_of_its_rows_is_of():
    """Raters of sites of their own: what a new rater does in a known site tells of the rater in a new one."""
    frame = table().assign(rater=lambda rows: rows["site"] * 2 + rows["visit"] % 2)
    spec = ml.ModelSpec("y ~ C(visit) + (1 | id) + (1 | rater)")
    design = build_design(spec, long_data(spec, frame))
    new = pd.DataFrame({"id": [3, 100, 101, 102], "visit": 1, "rater": [77, 77, 78, 78]})
    assert design.rows(new).unit.tolist() == [design.unit[9], design.unit[9], 4, 4]
    with pytest.raises(DataError, match="combine groups that the fit holds to be independent"):
        design.rows(new.assign(id=[3, 100, 9, 102], rater=77))


def test_new_subjects_are_units_of_their_own_and_new_visits_of_known_ones_are_not():
    new = pd.DataFrame(
        {"id": [3, 100, 100, 101], "visit": [1, 1, 2, 1], "site": [1, 0, 0, 9], "arm": "a", "w": 1.0}
    )
    assert design_of("us(visit | id)").rows(new).unit.tolist() == [3, 12, 12, 13]
    # Site 0 is known, site 9 is not.
    assert design_of("(1 | site) + us(visit | id)").rows(new).unit.tolist() == [1, 0, 0, 4]


REFUSED = [
    ({"visit": 9}, DataError, r"in rows 5 \(9\); its levels are 1, 2, 3"),
    ({"visit": "1"}, DataError, r"in rows 5 \('1'\)"),
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


DTYPES = {
    "text": lambda column: column.astype(str).astype(object),
    "fewer categories": lambda column: pd.Categorical(column, categories=["a"]),
    "more categories": lambda column: pd.Categorical(column, categories=["z", "b", "a"]),
    "ordered": lambda column: pd.Categorical(column, categories=["b", "a"], ordered=True),
    "arrow": lambda column: column.astype("string"),
}


@pytest.mark.parametrize("formula", ["(1 | id)", "(0 + arm | site) + ar1(visit | id)"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_factors_are_compared_by_value_and_not_by_dtype(formula, dtype):
    spec = ml.ModelSpec(f"y ~ arm * C(visit) + {formula}")
    design = build_design(spec, long_data(spec, table()))
    own = design.fixed.frame["arm"] == "a"
    rows = table()[own].assign(arm=lambda d: DTYPES[dtype](d["arm"]))
    found = design.rows(rows.assign(visit=pd.Categorical(rows["visit"], categories=[3, 2, 1])))
    np.testing.assert_array_equal(found.X, design.fixed.X[own])
    np.testing.assert_array_equal(found.coords, design.coords[own])
    with pytest.raises(DataError, match=r"'arm' has values .* in rows 3 \('c'\); its levels are a, b"):
        design.rows(table().assign(arm=lambda d: d["arm"].where(d.index != 3, "c")))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("high", "'w' must be a number, as in the fit; it holds 'high'"),
        (True, "'w' must be a number, as in the fit; it holds True"),
        (np.inf, "'w' is infinite in rows 0, 1"),
        (np.nan, "'w' is missing in rows 0, 1"),
        (-1.0, "infinite or undefined in rows 0, 1"),
    ],
)
@pytest.mark.parametrize("formula", ["y ~ visit + np.log(w) + (1 | id)", "y ~ visit + (1 + np.log(w) | id)"])
def test_covariates_must_be_numbers_that_the_formula_can_take(formula, value, message):
    spec = ml.ModelSpec(formula)
    data = table().assign(w=np.random.default_rng(2).uniform(1, 2, 36))
    design = build_design(spec, long_data(spec, data))
    if value == -1.0 and "|" in formula.split("np.log")[1][:6]:
        message = "have missing or infinite values; correct or drop rows 0, 1"
    with pytest.raises(DataError, match=message):
        design.rows(data.assign(w=value))
    # Numbers of any dtype are numbers.
    same = design.rows(data.assign(w=data["w"].astype("Float64"), visit=data["visit"].astype("category")))
    np.testing.assert_array_equal(same.X, design.fixed.X)
    np.testing.assert_array_equal(same.coords, design.coords)


def test_truth_values_and_what_formulas_make_of_factors_are_read_again():
    spec = ml.ModelSpec("y ~ smoker + I(arm == 'b') + (1 | id)")
    data = table().assign(smoker=lambda d: d["id"] % 3 == 0)
    design = build_design(spec, long_data(spec, data))
    np.testing.assert_array_equal(
        design.fixed.matrix(data[data["arm"] == "b"]), design.fixed.X[data["arm"] == "b"]
    )
    with pytest.raises(DataError, match="'arm' has values"):
        design.fixed.matrix(data.assign(arm="c"))
