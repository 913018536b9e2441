"""How often a true hypothesis of no change is rejected: unstructured covariance, Kenward-Roger, few subjects.

`python tests/calibration/type_one_error.py` prints the table of docs/validation.md.
"""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np
import pandas as pd

import msclong as ml

SUBJECTS = (11, 24, 50)
MISSING = (0.0, 0.2)
REPLICATES = 5000
NOMINAL = 0.05
VISITS = (0, 3, 6, 12)
SPEC = ml.ModelSpec("y ~ C(month) + us(month | id)", fallback=("us", "toeph", "ar1h", "cs"))


def trial(rng: np.random.Generator, n: int, missing: float) -> pd.DataFrame:
    """One arm without any change: SDs 1, 1.2, 1.4, 1.6, correlation 0.6; later visits missing at random."""
    T = len(VISITS)
    y = np.sqrt(0.6) * rng.normal(size=(n, 1)) + np.sqrt(0.4) * rng.normal(size=(n, T))
    y *= 1 + 0.2 * np.arange(T)
    y[:, 1:][rng.random((n, T - 1)) < missing] = np.nan
    return pd.DataFrame({"id": np.repeat(np.arange(n), T), "month": np.tile(VISITS, n), "y": y.ravel()})


def one(setting: tuple[int, float, int]) -> dict[str, object]:
    """The p-values of the contrasts against baseline in one simulated trial, and the structure that was used."""
    n, missing, replicate = setting
    rng = np.random.default_rng([n, int(100 * missing), replicate])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.errors.MsclongWarning)
        fit = ml.fit(SPEC, trial(rng, n, missing))
    p_values = dict(zip(VISITS[1:], fit.contrasts()["p_value"], strict=True))
    return {"n": n, "missing": missing, "structure": fit.spec.parsed.structure.structure, **p_values}


def simulate(replicates: int = REPLICATES, first: int = 0) -> pd.DataFrame:
    """Share of rejections by setting: of all contrasts, and at each visit, with z in Monte Carlo standard errors.

    fallback : share of trials where too few subjects completed for an unstructured covariance. The contrasts of one
    trial are dependent, so the error of their common rate is that of the mean over trials.
    """
    settings = [(n, m, first + r) for n, m in product(SUBJECTS, MISSING) for r in range(replicates)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        runs = pd.DataFrame(list(pool.map(one, settings, chunksize=50)))
    rows = []
    for (n, missing), group in runs.groupby(["n", "missing"]):
        rejected = group[list(VISITS[1:])] < NOMINAL
        rejected.insert(0, "all", rejected.mean(axis="columns"))
        row = {"n": n, "missing": missing, "fallback": float((group["structure"] != "us").mean())}
        for name, column in rejected.items():
            error = np.sqrt(NOMINAL * (1 - NOMINAL) / replicates) if name != "all" else column.sem()
            row |= {
                f"rate {name}": float(column.mean()),
                f"z {name}": float((column.mean() - NOMINAL) / error),
            }
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    print(simulate().round(4).to_string(index=False))
