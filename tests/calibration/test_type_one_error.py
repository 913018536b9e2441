"""Type I error of the last visit against baseline, unstructured covariance with Kenward-Roger, 20 % missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml

pytestmark = pytest.mark.slow

REPLICATES = 1000
NOMINAL = 0.05


def trial(rng: np.random.Generator, n: int, visits: int = 4) -> pd.DataFrame:
    """No change over time; growing variance, correlation 0.6; a fifth of later visits missing at random."""
    y = np.sqrt(0.6) * rng.normal(size=(n, 1)) + np.sqrt(0.4) * rng.normal(size=(n, visits))
    y *= 1 + 0.2 * np.arange(visits)
    y[:, 1:][rng.random((n, visits - 1)) < 0.2] = np.nan
    return pd.DataFrame(
        {"id": np.repeat(np.arange(n), visits), "visit": np.tile(np.arange(visits), n), "y": y.ravel()}
    )


@pytest.mark.parametrize("n", [24, 50])
def test_rejections_are_as_frequent_as_they_say(n):
    rng = np.random.default_rng(20240501)
    p_values = np.array(
        [
            ml.fit("y ~ C(visit) + us(visit | id)", trial(rng, n)).contrasts()["p_value"].iloc[-1]
            for _ in range(REPLICATES)
        ]
    )
    error = np.sqrt(NOMINAL * (1 - NOMINAL) / REPLICATES)
    assert abs((p_values < NOMINAL).mean() - NOMINAL) < 3 * error
