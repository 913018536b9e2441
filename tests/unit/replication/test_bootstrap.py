"""Bootstrap distributions beside those that are known, and what the tables are made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, t

import msclong as ml
from msclong.errors import EngineError, SpecError

N = 12
REPLICATES = 1000


@pytest.fixture(scope="module")
def fit() -> ml.Fit:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(N), 2),
            "visit": np.tile([0, 1], N),
            "y": rng.standard_normal(2 * N) + np.repeat(rng.standard_normal(N), 2) + np.tile([0, 0.8], N),
        }
    )
    return ml.fit("y ~ C(visit) + us(visit | id)", frame)


@pytest.fixture(scope="module")
def found(fit):
    return ml.bootstrap(fit, n=REPLICATES, seed=2)


def test_t_limits_are_students_where_the_test_is_exact(fit, found):
    row, exact = found.contrasts.iloc[0], fit.contrasts().iloc[0]
    # The error of a 97.5 % quantile of t from 1000 draws.
    error = np.sqrt(0.025 * 0.975 / REPLICATES) / t.pdf(t.ppf(0.975, N - 1), N - 1) * row["se"]
    for side in ("lower", "upper"):
        assert abs(row[side] - exact[side]) < 4 * error
    assert abs(row["p_value"] - exact["p_value"]) < 4 * max(row["mcse"], 1 / REPLICATES)
    assert abs(row["bias"]) < 4 * row["sd"] / np.sqrt(REPLICATES)


def test_variances_vary_as_chi_squared(fit, found):
    row = found.parameters.iloc[0]
    limits = row["estimate"] * chi2.ppf([0.025, 0.975], N - 1) / (N - 1)
    np.testing.assert_allclose([row["lower"], row["upper"]], limits, rtol=0.12)


def test_coefficients_and_contrasts_are_of_the_same_replicates(found):
    columns = ["bias", "sd", "lower", "upper", "p_value"]
    np.testing.assert_allclose(
        found.contrasts.iloc[0][columns].astype(float), found.coefficients.iloc[1][columns].astype(float)
    )
    assert found.failed == 0
    assert "1,000 data sets" in repr(found)


def test_the_same_seed_gives_the_same_tables_in_any_batches(fit, monkeypatch):
    first = ml.bootstrap(fit, n=100, seed=3).contrasts
    monkeypatch.setattr("msclong.replication.bootstrap.BATCH", 17)
    np.testing.assert_allclose(ml.bootstrap(fit, n=100, seed=3).contrasts, first, rtol=1e-7)


def test_percentiles_are_of_the_refits_one_by_one(fit):
    y = ml.bootstrap(fit, n=100, seed=4)
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((100, fit.n_obs)).T
    from dataclasses import replace

    from msclong.results.simulation import simulated

    Y = simulated(fit.design, fit.estimate.beta, fit.covariance.theta, noise)
    each = [fit.engine.fit(replace(fit.design, y=column)).contrasts()["estimate"].iloc[0] for column in Y.T]
    row = y.contrasts.iloc[0]
    np.testing.assert_allclose(
        [row["lower_percentile"], row["upper_percentile"]], np.quantile(each, [0.025, 0.975]), rtol=1e-7
    )


def test_what_cannot_be_is_refused(fit):
    with pytest.raises(SpecError, match="n=100 or more"):
        ml.bootstrap(fit, n=10)
    with pytest.raises(SpecError, match="must be a fit"):
        ml.bootstrap("fit")
    posterior = ml.fit(fit.spec, fit.design.data, engine=ml.Bayesian(seed=1))
    with pytest.raises(EngineError, match="refits by ml.Frequentist"):
        ml.bootstrap(posterior)
