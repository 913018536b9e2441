"""Simulated outcomes of the same subjects, with correlated subject effects."""

from __future__ import annotations

import numpy as np
import pandas as pd


def several_outcomes(
    n: int = 24, visits: int = 4, outcomes: int = 2, rho: float = 0.8, seed: int = 0
) -> pd.DataFrame:
    """y0, y1, ...: intercepts of SD k + 1 with correlation rho, residuals of SD k + 1, changes of -(k + 1) / 2."""
    rng = np.random.default_rng(seed)
    R = np.full((outcomes, outcomes), rho) + (1 - rho) * np.eye(outcomes)
    effects = rng.multivariate_normal(np.zeros(outcomes), R, n)
    noise = rng.standard_normal((n, visits, outcomes))
    table = pd.DataFrame(
        {
            "id": np.repeat([f"s{i}" for i in range(n)], visits),
            "week": np.tile(np.arange(visits), n),
            "arm": np.repeat(np.where(np.arange(n) % 2, "B", "A"), visits),
        }
    )
    late = -0.5 * (table["week"] > 0).to_numpy()
    for k in range(outcomes):
        table[f"y{k}"] = (
            10 + 5 * k + (k + 1) * (np.repeat(effects[:, k], visits) + late + noise[..., k].ravel())
        )
    return table
