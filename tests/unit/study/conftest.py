"""A small trial with several outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml

MONTHS = (0, 1, 3, 6)

OUTCOMES = {
    "score": {"margin": -1, "role": "primary", "mid": -2},
    "flow": {"family": "lognormal", "better": "higher", "mid": 1.5},
    "pain": {"better": "lower", "tested": [3, 6]},
    "mood": {"better": "higher", "role": "exploratory"},
}

DEFAULTS = {"formula": "{outcome} ~ C(month) + us(month | patient)"}


@pytest.fixture(scope="session")
def trial() -> pd.DataFrame:
    """20 patients at months 0, 1, 3 and 6; `flow` of 12 of them, not at month 1; some visits missed."""
    rng = np.random.default_rng(24)
    table = pd.MultiIndex.from_product([range(20), MONTHS], names=["patient", "month"]).to_frame(index=False)
    own, n = rng.normal(size=(4, 20))[:, table["patient"]], len(table)
    table["score"] = 6 + own[0] - 0.35 * table["month"] + rng.normal(size=n)
    table["flow"] = np.exp(0.5 * own[1] + 0.08 * table["month"] + 0.3 * rng.normal(size=n))
    table["pain"] = 40 + 10 * own[2] - 3 * table["month"] + 8 * rng.normal(size=n)
    table["mood"] = own[3] + rng.normal(size=n)
    table.loc[(table["month"] == 1) | (table["patient"] >= 12), "flow"] = np.nan
    table.loc[rng.random(n) < 0.05, "pain"] = np.nan
    return table


@pytest.fixture(scope="session")
def fitted(trial) -> ml.StudyFit:
    study = ml.Study(trial, OUTCOMES, DEFAULTS, title="A small trial")
    return study.fit([ml.Frequentist(), ml.Bayesian(seed=1)], n_jobs=1)
