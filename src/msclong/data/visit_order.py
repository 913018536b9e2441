"""In which order the visits took place: stated by the data or by the user, never taken from the alphabet."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from msclong.errors import DataError, listing

Levels = list[Hashable]


def ordered_visits(
    visit: pd.Series, time: pd.Series | None, stated: Sequence[Hashable] | None
) -> tuple[Levels, str]:
    """The levels of `visit` that have rows, in order of time, and what that order was taken from.

    Tried in turn: (1) the order that the user stated; (2) an ordered categorical; (3) numbers, or labels that
    are all plain numbers; (4) a time whose median differs between all visits; (5) an unordered categorical
    whose categories somebody put in another order than the alphabet's.

    Raises
    ------
    DataError
        The stated order does not match the levels, the order contradicts `time`, or nothing states an order.
    """
    levels, source = _first_source(visit, time, stated)
    if time is not None:
        _refuse_contradiction(visit, time, levels, source)
    return levels, source


def _first_source(
    visit: pd.Series, time: pd.Series | None, stated: Sequence[Hashable] | None
) -> tuple[Levels, str]:
    present: Levels = visit.unique().tolist()
    if stated is not None:
        return _as_stated(visit, present, list(stated)), "visit_order"
    categories: Levels = visit.cat.categories.tolist() if isinstance(visit.dtype, pd.CategoricalDtype) else []
    if categories and visit.cat.ordered:
        return categories, "the ordered categories"
    if pd.api.types.is_numeric_dtype(visit.dtype):
        return [present[position] for position in np.argsort(np.array(present))], "the visit numbers"
    numbers = pd.to_numeric(pd.Series(present, dtype=object), errors="coerce")
    if numbers.notna().all() and numbers.is_unique:
        return [present[position] for position in np.argsort(numbers.to_numpy())], "the visit numbers"
    if time is not None:
        medians = _median_times(visit, time)
        if medians.notna().all() and medians.is_unique:
            return medians.sort_values().index.tolist(), f"the median of {time.name!r}"
    if categories and categories != sorted(categories, key=str):
        return categories, "the order of the categories"
    raise DataError(
        f"Nothing says in which order the visits of {visit.name!r} took place: {listing(present)}. State it "
        "with visit_order=[...], make the column an ordered pd.Categorical, or name a numeric time column."
    )


def _as_stated(visit: pd.Series, present: Levels, stated: Levels) -> Levels:
    left_out = [level for level in present if level not in stated]
    unknown = [level for level in stated if level not in present]
    problems = []
    if left_out:
        problems.append(f"leaves out {listing(map(repr, left_out))}")
    if unknown:
        problems.append(f"names {listing(map(repr, unknown))}, of which there are no rows")
    if len(set(stated)) < len(stated):
        problems.append("names a visit twice")
    if problems:
        raise DataError(
            f"visit_order {' and '.join(problems)}. The visits in {visit.name!r} are "
            f"{listing(map(repr, present), most=20)}; give each of them once."
        )
    return stated


def _median_times(visit: pd.Series, time: pd.Series) -> pd.Series:
    return time.groupby(visit, observed=True).median()


def _refuse_contradiction(visit: pd.Series, time: pd.Series, levels: Levels, source: str) -> None:
    medians = _median_times(visit, time).reindex(levels).dropna()
    earlier = np.flatnonzero(np.diff(medians.to_numpy()) < 0)
    if len(earlier):
        before, after = medians.index[earlier[0]], medians.index[earlier[0] + 1]
        raise DataError(
            f"The visit order, taken from {source}, puts {before!r} before {after!r}, but the median of "
            f"{time.name!r} is {medians[before]:g} at {before!r} and {medians[after]:g} at {after!r}. "
            "Correct the one that is wrong."
        )
