"""Patients who were seen to respond, with exact limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from msclong.design.design import Design
from msclong.errors import DataError, listing
from msclong.linear_hypothesis import label
from msclong.results.change_threshold import ChangeThreshold

COLUMNS = ["responders", "n", "observed", "observed_lower", "observed_upper"]


def observed_responders(
    design: Design,
    threshold: ChangeThreshold,
    rows: Sequence[tuple[object, ...]],
    others: Sequence[str],
    level: float,
) -> pd.DataFrame:
    """COLUMNS for each of `rows`, levels of `others` and a visit.

    n : subjects with an outcome at baseline and at the visit, none of them censored. observed : the share of them
    whose change meets the threshold, with Clopper and Pearson's (1934, Biometrika 26:404) limits. Raises DataError
    where a subject has two outcomes at one visit.
    """
    frame, visit, subject = design.fixed.frame, str(design.visit), design.data.subject
    seen = frame.assign(outcome=frame[design.data.outcome].astype(float))[
        design.observation.get("censored", np.zeros(len(frame))) == 0
    ]
    if (twice := seen.duplicated([subject, visit])).any():
        raise DataError(
            f"Rows {listing(seen.index[twice])} are second ones of a subject at one visit, so its change is no one "
            "number; keep one of each."
        )
    if design.spec.outcome_type == "change":
        pairs = seen.assign(before=0.0)
    else:
        first = seen[seen[visit] == design.baseline].set_index(subject)["outcome"]
        pairs = seen.assign(before=seen[subject].map(first).astype(float))
        pairs = pairs[pairs["before"].notna()]
    met = threshold.met(pairs["before"].to_numpy(), pairs["outcome"].to_numpy())
    keys = list(zip(*(map(label, pairs[name].tolist()) for name in (*others, visit)), strict=True))
    found = pd.Series(met, index=pd.Index(keys, tupleize_cols=False))
    asked = [tuple(map(label, row)) for row in rows]
    counts = np.array([[found[found.index == key].sum(), (found.index == key).sum()] for key in asked])
    x, n = counts.reshape(-1, 2).T
    lower, upper = exact_limits(x, n, level)
    with np.errstate(invalid="ignore"):
        share = x / n
    return pd.DataFrame(dict(zip(COLUMNS, (x, n, share, lower, upper), strict=True)))


def exact_limits(x: np.ndarray | int, n: np.ndarray | int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Clopper and Pearson's limits of the probability behind x of n; not a number for none of none."""
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        lower = np.where(x > 0, betaincinv(np.maximum(x, 1), n - x + 1, tail), 0.0)
        upper = np.where(x < n, betaincinv(x + 1, np.maximum(n - x, 1), 1 - tail), 1.0)
    return np.where(n > 0, lower, np.nan), np.where(n > 0, upper, np.nan)
