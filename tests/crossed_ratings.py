"""Small made-up data whose random effects are crossed or nested, and the choice of the route that fits them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from msclong.design import crossed_moments

FORMULAS = {
    "crossed": "y ~ t + (1 | s) + (1 | d)",
    "nested": "y ~ t + (1 | site / s)",
    "slopes of the many": "y ~ t + (1 + t | s) + (1 | d)",
    "slopes of the few": "y ~ t + (1 | s) + (1 + t | d)",
    "three, slopes of both": "y ~ t + (1 + t | s) + (1 + t | d) + (1 | h)",
    "uncorrelated": "y ~ t + (1 + t || s) + (1 | d)",
    "nested slopes": "y ~ t + (1 + t | site / s)",
    "one grouping": "y ~ t + (1 + t | s)",
}


def ratings(n: int = 240, seed: int = 1) -> pd.DataFrame:
    """`n` ratings of 9 raters d by 24 subjects s in 4 sites, with occasions h, a covariate t and weights w."""
    rng = np.random.default_rng(seed)
    s, d = rng.integers(0, 24, n), rng.integers(0, 9, n)
    t = rng.normal(size=n)
    effects = rng.normal(size=(24, 2))[s] + rng.normal(size=(9, 2))[d] * [0.8, 0.5]
    y = 2 + t + effects[:, 0] + effects[:, 1] * t + rng.normal(size=4)[s // 6] + rng.normal(size=n)
    return pd.DataFrame(
        {
            "s": s,
            "d": d,
            "site": s // 6,
            "h": rng.integers(0, 5, n),
            "t": t,
            "w": rng.uniform(0.5, 2, n),
            "y": y,
        }
    )


def take_route(monkeypatch: pytest.MonkeyPatch, crossed: bool) -> None:
    """Fit by the blocks of Z'Z whatever the size, or by one dense covariance a unit whatever the size."""
    monkeypatch.setattr(crossed_moments, "TIED", 0)
    monkeypatch.setattr(crossed_moments, "WORK", 0.0 if crossed else np.inf)
