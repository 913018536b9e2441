"""The subject of a formula with several groupings, and one name for subjects numbered within sites."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from msclong.data.roles import where_it_may_be
from msclong.errors import DataError
from msclong.linear_hypothesis import label


def with_subject(frame: pd.DataFrame, groupings: Sequence[tuple[str, ...]]) -> tuple[pd.DataFrame, str]:
    """The table and its subject column: of several groupings the one with the most levels (the first, among equals).

    Where a subject is named by several columns (`site:subject`) and its own number is used again in another site, a
    column of the combination is added. Raises DataError for a grouping column that is not there.
    """
    named = list(dict.fromkeys(column for grouping in groupings for column in grouping))
    if missing := [column for column in named if column not in frame.columns]:
        raise DataError(
            f"There is no column {missing[0]!r} to group by. {where_it_may_be(frame, missing[0])}"
        )
    if groupings == ((groupings[0][0],),):
        return frame, groupings[0][0]
    levels = [_n_levels(frame, grouping) for grouping in groupings]
    subject = groupings[levels.index(max(levels))]
    if len(subject) == 1 or frame[subject[-1]].nunique(dropna=False) == max(levels):
        return frame, subject[-1]
    combined = frame[list(subject)].map(label).agg(":".join, axis="columns")
    return frame.assign(
        **{":".join(subject): combined.where(frame[list(subject)].notna().all(axis="columns"))}
    ), ":".join(subject)


def _n_levels(frame: pd.DataFrame, grouping: tuple[str, ...]) -> int:
    if len(grouping) == 1:
        return int(frame[grouping[0]].nunique(dropna=False))
    return len(frame[list(grouping)].drop_duplicates())
