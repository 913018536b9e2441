"""Marginal residuals: a hand example, and what standardising them must achieve."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.diagnostics.residuals import fitted, residuals
from msclong.errors import SpecError


@pytest.fixture
def pairs() -> ml.Fit:
    """Three subjects, two visits, one common mean: beta is the mean of y, and cs has theta in closed form."""
    table = pd.DataFrame(
        {"id": [1, 1, 2, 2, 3, 3], "visit": [0, 1] * 3, "y": [1.0, 2.0, 5.0, 4.0, 9.0, 9.0]},
        index=list("abcdef"),
    )
    return ml.fit("y ~ 1 + cs(visit | id)", table)


def test_raw_residuals_are_what_the_fixed_effects_leave(pairs):
    assert residuals(pairs).to_dict() == pytest.approx(
        dict(zip("abcdef", [-4, -3, 0, -1, 4, 4], strict=True))
    )
    assert fitted(pairs).tolist() == pytest.approx([5.0] * 6)


def test_hand_example_of_pearson_and_scaled_residuals(pairs):
    covariance, residual = pairs.covariance.theta
    variance = covariance + residual
    raw = residuals(pairs).to_numpy().reshape(3, 2)
    assert residuals(pairs, "pearson").to_numpy() == pytest.approx(raw.reshape(-1) / np.sqrt(variance))
    # The Cholesky factor of [[v, c], [c, v]] is [[sqrt v, 0], [c / sqrt v, sqrt(v - c^2 / v)]].
    first = raw[:, 0] / np.sqrt(variance)
    second = (raw[:, 1] - covariance / variance * raw[:, 0]) / np.sqrt(variance - covariance**2 / variance)
    assert residuals(pairs, "scaled").to_numpy() == pytest.approx(
        np.column_stack([first, second]).reshape(-1)
    )


def test_scaled_residuals_of_simulated_data_are_uncorrelated_with_variance_one():
    rng = np.random.default_rng(7)
    n, sigma = 4000, np.array([[4.0, 3.0, 1.0], [3.0, 9.0, 4.0], [1.0, 4.0, 6.0]])
    y = rng.multivariate_normal([1.0, 2.0, 4.0], sigma, size=n)
    table = pd.DataFrame(
        {"id": np.repeat(np.arange(n), 3), "visit": np.tile([1, 2, 3], n), "y": y.reshape(-1)}
    )
    kept = table.drop(
        table.index[(table["visit"] == 2) & (table["id"] % 5 == 0)]
    )  # some miss the second visit
    fit = ml.fit("y ~ C(visit) + us(visit | id)", kept)
    scaled = residuals(fit, "scaled").to_frame("r").join(kept).pivot(index="id", columns="visit", values="r")
    # Standard error of a correlation of 4000 (3200 for visit 2) pairs: 0.018.
    assert np.abs(scaled.cov().to_numpy() - np.eye(3)).max() < 0.06
    pearson = (
        residuals(fit, "pearson").to_frame("r").join(kept).pivot(index="id", columns="visit", values="r")
    )
    assert pearson.var().to_numpy() == pytest.approx(np.ones(3), abs=0.06)
    assert pearson.corr().loc[1, 2] > 0.4


def test_the_order_of_rows_does_not_matter():
    table = ml.datasets.hamd17()
    spec = "change ~ TRT * week + ar1h(week | PATIENT)"
    shuffled = table.sample(frac=1, random_state=3)
    expected = residuals(ml.fit(spec, table), "scaled")
    found = residuals(ml.fit(spec, shuffled), "scaled")
    assert found.index.equals(shuffled.index)
    assert found.loc[expected.index].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)


def test_random_effects_have_scaled_residuals_too():
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    assert residuals(fit, "scaled").var() == pytest.approx(1, abs=0.1)


def test_an_unknown_kind_is_refused(pairs):
    with pytest.raises(SpecError, match="'raw', 'pearson', 'scaled'; got 'deviance'"):
        residuals(pairs, "deviance")
