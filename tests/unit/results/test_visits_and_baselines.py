"""Visits keep the order and the baseline that were stated, wherever they were stated."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import DataError, DesignError, FormulaError, HypothesisError, SpecError

FORMULA = "y ~ C(v) + us(v | id)"


def trial(visits=(1, 2, 3, 99), n: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(n, len(visits))) + np.arange(len(visits)) + rng.normal(size=(n, 1))
    return pd.DataFrame({"id": np.repeat(np.arange(n), len(visits)), "v": np.tile(visits, n), "y": y.ravel()})


def test_a_stated_order_of_numeric_visits():
    spec = ml.ModelSpec(FORMULA, visit_order=(99, 1, 2, 3))
    fit = ml.fit(spec, trial())
    assert list(fit.contrasts().index) == ["1 - 99", "2 - 99", "3 - 99"]
    assert list(fit.means().index) == [99, 1, 2, 3]
    assert fit.design.baseline == 99
    numeric = ml.fit(ml.ModelSpec("y ~ v + us(v | id)", visit_order=(99, 1, 2, 3)), trial())
    assert list(numeric.contrasts().index) == ["1 - 99", "2 - 99", "3 - 99"]


def test_the_baseline_of_longdata():
    data = ml.LongData(trial(), subject="id", outcome="y", visit="v", baseline=3)
    assert list(ml.fit(FORMULA, data).contrasts().index) == ["1 - 3", "2 - 3", "99 - 3"]
    with pytest.raises(DataError, match="baseline is 3 in the data and 1 in the spec"):
        ml.fit(ml.ModelSpec(FORMULA, baseline=1), data)
    with pytest.raises(
        DataError, match=r"visits is \(1, 2, 3, 99\) in the data and \(99, 1, 2, 3\) in the spec"
    ):
        ml.fit(ml.ModelSpec(FORMULA, visit_order=(99, 1, 2, 3)), data)


def test_levels_taken_from_numpy_can_be_written_as_json():
    spec = ml.ModelSpec(FORMULA, baseline=np.int64(2), visit_order=tuple(np.array([1, 2, 3, 99])))
    assert ml.ModelSpec.from_json(spec.to_json()) == spec
    assert list(ml.fit(spec, trial()).contrasts().index) == ["1 - 2", "3 - 2", "99 - 2"]


@pytest.mark.parametrize("visits", [("Screening", "Month 1", "Month 6", "Month 12"), ("2", "8", "10", "20")])
def test_random_effects_alone_give_no_order_to_text(visits):
    fit = ml.fit("y ~ v + (1 | id)", trial(visits))
    with pytest.raises(
        HypothesisError, match=r"Which variable holds the visits.*ModelSpec\(..., visit='...'\)"
    ):
        fit.contrasts()
    named = ml.fit(ml.ModelSpec("y ~ v + (1 | id)", visit="v", visit_order=visits), trial(visits))
    assert list(named.contrasts().index) == [f"{visit} - {visits[0]}" for visit in visits[1:]]


def test_a_transform_that_is_undefined_names_rows():
    table = trial().assign(y=lambda t: np.where(t.index == 7, -1.0, np.exp(t["y"])))
    with pytest.raises(DataError, match=r"'np.log\(y\)' is not a number in 1 rows that have values: rows 7"):
        ml.fit("np.log(y) ~ C(v) + us(v | id)", table)
    table.loc[7, "y"] = np.nan
    assert ml.fit("np.log(y) ~ C(v) + us(v | id)", table).n_obs == len(table) - 1


def test_a_fit_can_be_copied_and_sent_to_another_process():
    fit = ml.fit(ml.ModelSpec(FORMULA, visit_order=(99, 1, 2, 3)), trial())
    for again in (pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit)):
        pd.testing.assert_frame_equal(again.contrasts(), fit.contrasts())


def test_terms_with_spaces_in_their_names():
    table = trial().rename(columns={"v": "visit no"}).assign(arm=lambda t: np.where(t["id"] % 2, "a", "b"))
    fit = ml.fit('y ~ C(Q("visit no")) * arm + us(Q("visit no") | id)', table)
    assert fit.test('arm:C(Q("visit no"))').iloc[0]["num_df"] == 3


def test_one_arm_left_by_at_has_no_differences():
    table = trial().assign(arm=lambda t: np.where(t["id"] % 2, "a", "b"))
    fit = ml.fit("y ~ C(v) * arm + us(v | id)", table)
    assert set(fit.contrasts(at={"arm": ["a"]}).index.get_level_values("arm")) == {"a"}


def test_more_that_means_nothing():
    fit = ml.fit(FORMULA, trial())
    with pytest.raises(HypothesisError, match="names no value"):
        fit.contrasts(at={"v": []})
    with pytest.raises(HypothesisError, match="or a LinearHypothesis; got 3"):
        fit.test(3)
    with pytest.raises(SpecError, match="level must lie between 0 and 1"):
        fit.coefficients(level="a")
    with pytest.raises(SpecError, match="margin must be a number"):
        fit.contrasts(margin="a")
    with pytest.raises(FormulaError, match=r"names no random effect; write \(1 \| id\)"):
        ml.fit("y ~ C(v) + (0 | id)", trial())
    with pytest.raises(DesignError, match="No id has more than one observation"):
        ml.fit("y ~ C(v) + cs(v | id)", trial().assign(id=range(80)))
    with pytest.raises(FormulaError, match="Columns named C hide the functions of formulas"):
        ml.fit(FORMULA, trial().assign(C=1.0))
    with pytest.raises(SpecError, match="priors of this spec cannot be read"):
        ml.ModelSpec.from_json('{"formula": "y ~ t + (1 | id)", "priors": {"sd": 1}}')
