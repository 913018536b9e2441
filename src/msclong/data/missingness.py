"""Who was observed when: counts by visit and the patterns of missing visits."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from msclong.data.long_data import LongData
from msclong.errors import DataError


def visit_counts(data: LongData) -> pd.DataFrame:
    """Subjects with and without an observed outcome, by visit (and by arm, where there is one).

    A visit counts as missing for a subject whether its row is absent or its outcome is missing.

    Returns
    -------
    DataFrame
        One row per arm and visit, in order: the arm and visit columns under their own names, then `subjects`,
        `observed`, `missing` and `percent_missing` (of `subjects`, 0 to 100).

    Examples
    --------
    >>> import msclong as ml
    >>> from msclong.data import visit_counts
    >>> data = ml.LongData(ml.datasets.hamd17(), subject="PATIENT", outcome="change", visit="week", arm="TRT")
    >>> visit_counts(data).tail(2)
      TRT week  subjects  observed  missing  percent_missing
    8   2    6       100        75       25             25.0
    9   2    8       100        70       30             30.0
    """
    observed = _observed(data)
    by_arm: dict[Any, pd.DataFrame] = {None: observed}
    if data.arm is not None:
        arm = data.frame.groupby(data.subject, observed=True)[data.arm].first().reindex(observed.index)
        by_arm = {level: observed[arm == level] for level in data.arms}
    blocks = []
    for level, rows in by_arm.items():
        block = pd.DataFrame(
            {data.visit: observed.columns, "subjects": len(rows), "observed": rows.sum().to_numpy()}
        )
        if data.arm is not None:
            block.insert(0, data.arm, level)
        blocks.append(block)
    counts = pd.concat(blocks, ignore_index=True)
    counts["missing"] = counts["subjects"] - counts["observed"]
    counts["percent_missing"] = 100 * counts["missing"] / counts["subjects"]
    return counts


def missing_patterns(data: LongData) -> pd.DataFrame:
    """How many subjects share each pattern of observed (O) and missing (.) visits.

    Returns
    -------
    DataFrame
        `pattern` (one character per visit, in order), `kind`, `subjects` and `percent`, the commonest
        first. `kind` is "complete", "monotone" (nothing after the first missing visit), "intermittent" or
        "unobserved".

    Examples
    --------
    >>> import msclong as ml
    >>> from msclong.data import missing_patterns
    >>> data = ml.LongData(ml.datasets.hamd17(), subject="PATIENT", outcome="change", visit="week", arm="TRT")
    >>> missing_patterns(data).head(3)
      pattern      kind  subjects  percent
    0   OOOOO  complete       130     65.0
    1   OOO..  monotone        22     11.0
    2   OOOO.  monotone        17      8.5
    """
    patterns = _observed(data).apply(lambda row: "".join("O" if seen else "." for seen in row), axis=1)
    counts = patterns.value_counts().rename_axis("pattern").reset_index(name="subjects")
    counts.insert(1, "kind", counts["pattern"].map(_kind))
    counts["percent"] = 100 * counts["subjects"] / counts["subjects"].sum()
    return counts.sort_values(["subjects", "pattern"], ascending=False, ignore_index=True)


def patterns_by_arm(data: LongData) -> pd.DataFrame:
    """How many subjects of each arm share each pattern: columns arm (None without arms), pattern (1 or 0), subjects."""
    observed = _observed(data)
    patterns = observed.astype(int).astype(str).agg("".join, axis=1)
    arms = pd.Series(None, index=observed.index, dtype=object)
    if data.arm is not None:
        arms = data.frame.groupby(data.subject, observed=True)[data.arm].first().reindex(observed.index)
    found = pd.DataFrame({"arm": arms.astype(object), "pattern": patterns})
    return found.groupby(["arm", "pattern"], dropna=False).size().rename("subjects").reset_index()


def _kind(pattern: str) -> str:
    if "." not in pattern:
        return "complete"
    if "O" not in pattern:
        return "unobserved"
    return "monotone" if re.fullmatch(r"O+\.+", pattern) else "intermittent"


def _observed(data: LongData) -> pd.DataFrame:
    """Subjects x visits: True where the outcome was observed."""
    if data.visit is None:
        raise DataError("Missing visits can be counted only where visit= names the visit column of LongData.")
    outcome = data.frame.pivot(index=data.subject, columns=data.visit, values=data.outcome)
    return outcome.notna()[list(data.visits)]
