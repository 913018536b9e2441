"""Data that tests of several parts share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def sites() -> pd.DataFrame:
    """40 subjects in 8 sites and 2 arms at visits 0, 1, 2, 3, with dropout; index out of order."""
    rng = np.random.default_rng(11)
    n, visits = 40, np.arange(4)
    subject = np.repeat(np.arange(n), 4)
    visit = np.tile(visits, n)
    site, arm = subject % 8, (subject // 8) % 2
    y = (
        10 + visit + 2 * arm * visit
        + rng.normal(0, 1, 8)[site] + rng.normal(0, 2, n)[subject] + rng.normal(0, 0.7, n)[subject] * visit
        + rng.normal(0, 1 + 0.2 * visit)
    )  # fmt: skip
    table = pd.DataFrame(
        {
            "id": [f"s{i}" for i in subject],
            "site": site,
            "arm": np.array(["a", "b"])[arm],
            "visit": visit,
            "y": y,
        }
    )
    gone = rng.random(len(table)) < 0.12 * visit
    table["w"] = rng.uniform(0.5, 2, len(table))
    table.loc[gone, "y"] = np.nan
    return table.sample(frac=1, random_state=1)
