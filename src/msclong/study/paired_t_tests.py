"""What most papers run instead of a model: one paired t-test for each visit against baseline."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from scipy import stats

from msclong.data.long_data import LongData
from msclong.errors import DataError
from msclong.linear_hypothesis import difference_label, label

COLUMNS = ["n", "estimate", "se", "lower", "upper", "df", "statistic", "p_value"]


def paired_t_tests(data: LongData, level: float = 0.95) -> pd.DataFrame:
    """Each visit minus baseline, of the patients who have both, by a paired t-test; by arm where there are arms.

    Indexed by (arm and) visit: n pairs, mean difference, se, limits, df, t and p_value, unadjusted. NaN where fewer
    than two pairs, or equal differences, leave no test. Raises DataError for data without visits.
    """
    if data.visit is None:
        raise DataError("Paired t-tests compare visits, and these data name none.")
    frame, arm = data.frame, data.arm
    baseline = data.baseline if data.baseline is not None else data.visits[0]
    groups = [("", frame)] if arm is None else [(name, frame[frame[arm] == name]) for name in data.arms]
    rows: dict[tuple[Hashable, ...], list[float]] = {}
    for name, part in groups:
        wide = part.pivot(index=data.subject, columns=data.visit, values=data.outcome)
        for visit in data.visits:
            if visit == baseline:
                continue
            key = (difference_label(visit, baseline),)
            there = visit in wide.columns and baseline in wide.columns
            change = (wide[visit] - wide[baseline]).dropna() if there else pd.Series(dtype=float)
            rows[key if arm is None else (label(name), *key)] = _one_sample(change.to_numpy(float), level)
    names = [data.visit] if arm is None else [arm, data.visit]
    index = (
        pd.MultiIndex.from_tuples(rows, names=names)
        if len(names) > 1
        else pd.Index([k[0] for k in rows], name=names[0])
    )
    return pd.DataFrame(list(rows.values()), index=index, columns=COLUMNS)


def _one_sample(change: np.ndarray, level: float) -> list[float]:
    n = len(change)
    mean = float(change.mean()) if n else np.nan
    se = float(change.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    if not se > 0:
        return [n, mean, se, np.nan, np.nan, n - 1, np.nan, np.nan]
    reach = stats.t.isf((1 - level) / 2, n - 1) * se
    t = mean / se
    return [n, mean, se, mean - reach, mean + reach, n - 1, t, 2 * float(stats.t.sf(abs(t), n - 1))]
