"""The reference files themselves: readable, complete, and lined up with patsy's names."""

import json

import numpy as np
import pandas as pd
import patsy
import pytest

from parity import reference

FORMULAS = {
    ("sleepstudy", "factor_intercept_reml"): "Reaction ~ DaysF",
    ("orthodont", "mmrm_us_fac_reml"): "distance ~ ageF * Sex",
    ("btheb", "mmrm_us_reml"): "bdi ~ bdi_pre + drug + length + treatment * visit",
    ("bodyweight", "slope_reml"): "weight ~ Time * Diet",
    ("chickweight", "slope_reml"): "weight ~ Time * Diet",
}


@pytest.mark.parametrize("name", ["sleepstudy", "orthodont", "bodyweight", "chickweight", "btheb"])
def test_each_file_states_its_source_and_its_models(name):
    content = reference.load(name)
    assert set(content) == {"source", "data", "fits"}
    assert set(content["source"]["models"]) == set(content["fits"])
    assert len(reference.frame(name)) == content["data"]["nrow"]


@pytest.mark.parametrize(("key", "formula"), FORMULAS.items(), ids="/".join)
def test_patsy_builds_the_columns_that_r_names(key, formula):
    name, fit = key
    data = reference.load(name)["data"]
    _, design = patsy.dmatrices(formula, reference.frame(name), return_type="dataframe")
    r_names = reference.load(name)["fits"][fit]["coef_names"]
    assert {reference.patsy_name(r, data["factor_levels"]) for r in r_names} == set(design.columns)


def test_frames_keep_missing_rows_and_level_order():
    btheb = reference.frame("btheb")
    assert len(btheb) == 400
    assert btheb["bdi"].notna().sum() == 280
    assert list(btheb["treatment"].cat.categories) == ["TAU", "BtheB"]
    assert btheb["visit"].cat.ordered
    assert not btheb["drug"].cat.ordered


def test_a_linear_function_times_beta_is_the_marginal_mean():
    fit = reference.load("btheb")["fits"]["mmrm_us_reml"]
    means = fit["emmeans"]
    assert means["linfct_cols"] == fit["coef_names"]
    product = np.array(means["linfct"]) @ np.array(fit["beta"])
    table = pd.DataFrame(means["tables"]["kenward_roger_kenward_roger_linear"])
    np.testing.assert_allclose(product, table["emmean"], rtol=1e-10)


def test_reference_files_stay_small():
    for path in reference.FOLDER.glob("*.json"):
        assert path.stat().st_size < 1_000_000, path.name
        json.loads(path.read_text(encoding="utf-8"))
