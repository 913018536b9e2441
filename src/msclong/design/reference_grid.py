"""The reference grid: the combinations of factor levels at which marginal means are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from msclong.design.fixed_effects import FixedEffects
from msclong.errors import HypothesisError, listing

MOST_TIMES = 30
"""A numeric variable with more distinct values than this is not expanded unasked."""


def reference_grid(
    fixed: FixedEffects,
    by: Sequence[str] = (),
    at: Mapping[str, Sequence[object]] | None = None,
    row_weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """Rows of covariate values, one for each combination of levels.

    Factors take all their levels, covariates their mean over the observed rows (`row_weights`: those of the rows of
    `fixed.table`); a covariate in `by` takes its distinct values; `at` replaces the values of any variable. (SAS's
    rule, and that of Lenth's emmeans but for numeric covariates of two values, which emmeans averages equally: write
    C(x) for that.)
    Raises HypothesisError for a variable that the fixed part does not have, or an unknown level.
    """
    if fixed.derived_factors:
        raise HypothesisError(
            f"Means cannot be averaged over {listing(fixed.derived_factors)}, a factor made inside the formula: its "
            "levels are not those of a column. Make it a column of the table and fit again, or average over the "
            "subjects as they are: weights='counterfactual'."
        )
    values = listed_values(fixed, by, at)
    for name in fixed.variables:
        if name in fixed.discrete:
            values.setdefault(name, list(fixed.discrete[name]))
        elif name not in values:
            column = fixed.table[name].to_numpy(dtype=float)
            values[name] = [float(np.average(column, weights=row_weights))]
    return expanded(fixed, values)


def listed_values(
    fixed: FixedEffects, by: Sequence[str], at: Mapping[str, Sequence[object]] | None
) -> dict[str, list[object]]:
    """The values of the variables in `by` and `at`, those of `by` first and in its order.

    Raises HypothesisError as `reference_grid` does.
    """
    chosen: dict[str, list[object]] = {}
    if at is not None and not isinstance(at, Mapping):
        raise HypothesisError(f"at takes a list of values for each variable, {{name: [...]}}; got {at!r}.")
    for name, wanted in (at or {}).items():
        if isinstance(wanted, str) or not np.iterable(wanted):
            raise HypothesisError(f"at={{{name!r}: ...}} takes a list of values; write [{wanted!r}].")
        if not len(wanted):
            raise HypothesisError(f"at={{{name!r}: ...}} names no value; give at least one.")
        chosen[name] = list(wanted)
    for name in (*by, *chosen):
        if name not in fixed.variables:
            raise HypothesisError(
                f"{name!r} is not a variable of the fixed part; its variables are {listing(fixed.variables) or 'none'}."
            )
    # `by` varies slowest, in the order asked, so that tables come out sorted as they are read.
    values: dict[str, list[object]] = {}
    for name in dict.fromkeys((*by, *chosen)):
        known = fixed.discrete.get(name, fixed.values(name))
        values[name] = chosen.get(name, list(known))
        if name in fixed.discrete and (unknown := [v for v in values[name] if v not in known]):
            raise HypothesisError(
                f"{name!r} has no level {listing(map(repr, unknown))}; its levels are {listing(known, 20)}."
            )
        numeric = name not in fixed.discrete and is_numeric_dtype(fixed.table[name].dtype)
        if numeric and (wrong := [v for v in values[name] if not _is_number(v)]):
            raise HypothesisError(
                f"{name!r} is a covariate, and at={{{name!r}: ...}} takes finite numbers; "
                f"got {listing(map(repr, wrong))}."
            )
        many = name in fixed.averaged or len(known) > MOST_TIMES
        if name not in fixed.discrete and name not in chosen and many:
            number = "many (or unlisted)" if name in fixed.averaged else len(known)
            raise HypothesisError(
                f"{name!r} has {number} distinct values; say which ones you want: at={{{name!r}: [...]}}."
            )
    return values


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float, np.number))
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )


def expanded(fixed: FixedEffects, values: Mapping[str, Sequence[object]]) -> pd.DataFrame:
    """A row for each combination of `values`, the last varying fastest, with the dtypes of the fixed part's table."""
    rows = zip(*product(*values.values()), strict=True)
    return pd.DataFrame(
        {
            name: _of_dtype(list(column), fixed.table[name].dtype)
            for name, column in zip(values, rows, strict=True)
        }
    )


def _of_dtype(column: list[object], dtype: object) -> Any:
    """Levels as a categorical of this dtype, where it is one; other values as they are."""
    if not isinstance(dtype, pd.CategoricalDtype):
        return column
    place = {level: i for i, level in enumerate(dtype.categories.tolist())}
    return pd.Categorical.from_codes([place.get(level, -1) for level in column], dtype=dtype)
