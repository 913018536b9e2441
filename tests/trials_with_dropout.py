"""Small trials with dropout and a gap, for tests of sensitivity analyses."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

import msclong as ml

VISITS = ("w1", "w2", "w4", "w8")
SATURATED = "y ~ (x + arm) * visit + us(visit | id)"
BY_ARM = "y ~ x * arm * visit + us(visit | arm / id)"

_ROOT = np.linalg.cholesky(4 * (0.4 + 0.6 * np.eye(4)) * np.outer([1, 1.1, 1.2, 1.4], [1, 1.1, 1.2, 1.4]))


def trial(n: int = 60, seed: int = 1, arms: tuple[str, ...] = ("A", "B"), gaps: bool = True) -> pd.DataFrame:
    """n patients in turn to the arms, a covariate x, four visits; a third drops out, two have a gap as well."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": np.repeat([f"p{i:03}" for i in range(n)], 4),
            "arm": np.repeat([arms[i % len(arms)] for i in range(n)], 4),
            "visit": pd.Categorical(list(VISITS) * n, VISITS, ordered=True),
            "x": np.repeat(rng.standard_normal(n), 4),
        }
    )
    effect = {arm: i for i, arm in enumerate(arms)}
    time = np.tile(np.arange(4), n)
    mean = 20 + frame["x"] - (0.5 + 0.8 * frame["arm"].map(effect).astype(float)) * time
    frame["y"] = mean + (rng.standard_normal((n, 4)) @ _ROOT.T).reshape(-1)
    dropped = rng.random(n) < 0.35
    last = np.where(dropped, rng.integers(0, 3, n), 3)
    gone = time > np.repeat(last, 4)
    if gaps:
        for who, when in ((0, 1), (3, 0)):
            last[who] = 3 if when else 2
            gone[4 * who : 4 * who + 4] = time[:4] > last[who]
            gone[4 * who + when] = True
    return frame[~gone].reset_index(drop=True)


@cache
def saturated(**options: object) -> ml.Fit:
    """The trial, fitted with coefficients of each visit's own."""
    return ml.fit(ml.ModelSpec(SATURATED, arm="arm", outcome_type="change"), trial(**options))
