"""A small trial with every kind of censoring, and its design."""

from __future__ import annotations

import numpy as np
import pandas as pd

import msclong as ml
from msclong.api import long_data
from msclong.design.design import Design, build_design


def table(n: int = 12, t: int = 4, log: bool = False) -> pd.DataFrame:
    """Subjects at several sets of visits; one with no outcome censored, one with all."""
    rng = np.random.default_rng(4)
    subject, visit = np.repeat(np.arange(n), t), np.tile(np.arange(t), n)
    y = 0.5 + 0.2 * visit + rng.normal(0, 0.7, n)[subject] + rng.normal(0, 0.5, n * t)
    kind = rng.choice(["none", "left", "right", "interval"], n * t, p=[0.5, 0.2, 0.15, 0.15])
    kind[:t] = "none"
    kind[t : 2 * t] = "left"
    found = pd.DataFrame({"id": subject, "site": subject % 4, "visit": visit, "y": y, "c": kind})
    found["upper"] = np.where(kind == "interval", y + rng.uniform(0.1, 1, n * t), np.nan)
    if log:
        found[["y", "upper"]] = np.exp(found[["y", "upper"]])
    return found.drop(index=[1, 6, 9, 20]).sample(frac=1, random_state=2).reset_index(drop=True)


def spec_of(terms: str, family: str = "gaussian") -> ml.ModelSpec:
    return ml.ModelSpec(f"y ~ visit + {terms}", family=family, censored="c", censored_upper="upper")


def design_of(terms: str, data: pd.DataFrame, family: str = "gaussian") -> Design:
    spec = spec_of(terms, family)
    return build_design(spec, long_data(spec, data))
