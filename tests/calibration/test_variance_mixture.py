"""Likelihood-ratio test of a variance that is zero: the chi-squared mixture holds its level, the plain one does not."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import msclong as ml

pytestmark = pytest.mark.slow

REPLICATES = 600


def test_the_mixture_holds_its_level():
    rng = np.random.default_rng(20240502)
    engine = ml.Frequentist(ddf="asymptotic")
    mixture, plain = [], []
    for _ in range(REPLICATES):
        table = pd.DataFrame(
            {"id": np.repeat(np.arange(40), 4), "visit": np.tile(range(4), 40), "y": rng.standard_normal(160)}
        )
        smaller = ml.fit("y ~ 1 + homdiag(visit | id)", table, engine=engine)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ml.errors.ConvergenceWarning)
            larger = ml.fit("y ~ 1 + (1 | id)", table, engine=engine)
        test = ml.compare(smaller, larger).loc["larger"]
        mixture.append(test["p_value"])
        plain.append(chi2.sf(test["statistic"], test["df"]))
    for level in (0.05, 0.2):
        error = np.sqrt(level * (1 - level) / REPLICATES)
        assert abs(np.mean(np.array(mixture) < level) - level) < 3 * error
        assert np.mean(np.array(plain) < level) < level - 3 * error
