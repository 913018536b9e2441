"""Counts and patterns of missing visits, worked out by hand on a small table."""

import numpy as np
import pandas as pd
import pytest

from msclong.data import LongData, missing_patterns, visit_counts
from msclong.errors import DataError

# complete; dropout (row absent); a gap (outcome missing); never observed
TABLE = pd.DataFrame(
    {
        "id": ["a", "a", "a", "b", "b", "c", "c", "c", "d"],
        "arm": ["X", "X", "X", "X", "X", "Y", "Y", "Y", "Y"],
        "visit": [1, 2, 3, 1, 2, 1, 2, 3, 1],
        "y": [1, 2, 3, 1, 2, 1, np.nan, 3, np.nan],
    }
)


def test_counts_by_arm_and_visit():
    counts = visit_counts(LongData(TABLE, "id", "y", "visit", arm="arm"))
    assert list(counts.columns) == ["arm", "visit", "subjects", "observed", "missing", "percent_missing"]
    assert counts["arm"].tolist() == ["X"] * 3 + ["Y"] * 3
    assert counts["visit"].tolist() == [1, 2, 3] * 2
    assert counts["observed"].tolist() == [2, 2, 1, 1, 0, 1]
    assert counts["missing"].tolist() == [0, 0, 1, 1, 2, 1]
    assert counts["percent_missing"].tolist() == [0, 0, 50, 50, 100, 50]


def test_counts_without_arms():
    counts = visit_counts(LongData(TABLE, "id", "y", "visit"))
    assert list(counts.columns) == ["visit", "subjects", "observed", "missing", "percent_missing"]
    assert counts["observed"].tolist() == [3, 2, 2]


def test_patterns_and_their_kinds():
    patterns = missing_patterns(LongData(TABLE, "id", "y", "visit"))
    assert dict(zip(patterns["pattern"], patterns["kind"], strict=True)) == {
        "OOO": "complete",
        "OO.": "monotone",
        "O.O": "intermittent",
        "...": "unobserved",
    }
    assert patterns["subjects"].sum() == 4
    assert patterns["percent"].sum() == 100


def test_no_visits_no_counts():
    with pytest.raises(DataError, match="visit="):
        visit_counts(LongData(TABLE, "id", "y"))
