"""Observed against fitted covariance: a closed form, pairs counted by hand, and random effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.diagnostics.observed_covariance import observed_sd_and_correlation
from msclong.errors import DataError, SpecError

EXACT = 1e-9


def test_with_complete_data_an_unstructured_ml_fit_is_what_was_observed():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"id": np.repeat(range(9), 3), "visit": np.tile([1, 2, 3], 9), "y": rng.normal(size=27)}
    )
    fit = ml.fit("y ~ C(visit) + us(visit | id)", table, ml.Frequentist(method="ml", ddf="satterthwaite"))
    found = ml.covariance_check(fit)
    assert list(found.index) == [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)]
    assert (found["n"] == 9).all()
    np.testing.assert_allclose(found["observed"], found["fitted"], rtol=1e-6)
    np.testing.assert_allclose(found["observed_correlation"], found["fitted_correlation"], rtol=1e-6)
    expected = np.cov(table.pivot(index="id", columns="visit", values="y"), rowvar=False, bias=True)
    np.testing.assert_allclose(found["observed"], expected[np.tril_indices(3)], rtol=1e-6)


def test_pairs_are_those_of_subjects_seen_at_both_visits(sites):
    fit = ml.fit("y ~ arm * C(visit) + ar1h(visit | id)", sites)
    wide = fit.residuals().to_frame("r").join(sites).pivot(index="id", columns="visit", values="r")
    sd = np.sqrt(fit.covariance.matrix)
    found = ml.covariance_check(fit)
    for (s, t), row in found.iterrows():
        both = wide[[s, t]].dropna().to_numpy() if s != t else wide[[s, s]].dropna().to_numpy()
        product = (both[:, 0] * both[:, 1]).mean()
        assert row["n"] == len(both)
        assert row["observed"] == pytest.approx(product, rel=EXACT)
        assert row["observed_correlation"] == pytest.approx(
            product / np.sqrt((both**2).mean(axis=0).prod()), rel=EXACT
        )
        assert row["fitted"] == pytest.approx(fit.covariance.matrix.loc[s, t], rel=EXACT)
        assert row["fitted_correlation"] == pytest.approx(
            row["fitted"] / sd.loc[s, s] / sd.loc[t, t], rel=EXACT
        )


def test_random_effects_by_arm(sites):
    fit = ml.fit("y ~ arm * visit + (1 + visit | id)", sites)
    found = ml.covariance_check(fit, by="arm")
    assert found.index.names == ["arm", "visit", "other visit"]
    G, s2 = fit.covariance.random_effects.to_numpy(), fit.covariance.residual_variance
    for (_, s, t), row in found.iterrows():
        assert row["fitted"] == pytest.approx(
            np.array([1, s]) @ G @ np.array([1, t]) + s2 * (s == t), rel=EXACT
        )
    whole = ml.covariance_check(fit)
    assert (found["n"].groupby(level=["visit", "other visit"]).sum() == whole["n"]).all()


def test_as_a_matrix_with_standard_deviations_on_the_diagonal(sites):
    check = ml.covariance_check(ml.fit("y ~ arm * C(visit) + us(visit | id)", sites))
    found = observed_sd_and_correlation(check.drop(index=[(3, 0)]))
    assert np.isnan(found.loc[3, 0])
    assert np.isnan(found.loc[0, 3])
    assert found.loc[1, 1] == pytest.approx(np.sqrt(check.loc[(1, 1), "observed"]))
    assert found.loc[0, 2] == found.loc[2, 0] == check.loc[(2, 0), "observed_correlation"]


def test_what_has_no_visits_or_no_such_column_is_refused(sites):
    rng = np.random.default_rng(2)
    table = sites.assign(day=rng.uniform(0, 100, len(sites)))
    with pytest.raises(SpecError, match="planned visits"):
        ml.covariance_check(ml.fit("y ~ arm * day + (1 | id)", table))
    with pytest.raises(DataError, match="no column sex"):
        ml.covariance_check(ml.fit("y ~ arm * visit + (1 | id)", sites), by="sex")
