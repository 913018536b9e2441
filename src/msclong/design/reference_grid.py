"""The reference grid: the combinations of factor levels at which marginal means are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import pandas as pd

from msclong.design.fixed_effects import FixedEffects
from msclong.errors import HypothesisError, listing

MOST_TIMES = 30
"""A numeric variable with more distinct values than this is not expanded unasked."""


def reference_grid(
    fixed: FixedEffects, by: Sequence[str] = (), at: Mapping[str, Sequence[object]] | None = None
) -> pd.DataFrame:
    """Rows of covariate values, one for each combination of levels.

    Factors take all their levels, covariates their mean over the observed rows; a covariate in `by` takes its
    distinct values; `at` replaces the values of any variable. (SAS's rule, and that of Lenth's emmeans but for numeric
    covariates of two values, which emmeans averages equally: write C(x) for that.)
    Raises HypothesisError for a variable that the fixed part does not have, or an unknown level.
    """
    if fixed.derived_factors:
        raise HypothesisError(
            f"Means cannot be averaged over {listing(fixed.derived_factors)}, a factor made inside the formula: its "
            "levels are not those of a column. Make it a column of the table and fit again."
        )
    for name, wanted in (at or {}).items():
        if not len(wanted):
            raise HypothesisError(f"at={{{name!r}: ...}} names no value; give at least one.")
    chosen: dict[str, list[object]] = {name: list(values) for name, values in (at or {}).items()}
    for name in (*by, *chosen):
        if name not in fixed.variables:
            raise HypothesisError(
                f"{name!r} is not a variable of the fixed part; its variables are {listing(fixed.variables) or 'none'}."
            )
    values: dict[str, list[object]] = {}
    # `by` varies slowest, in the order asked, so that tables come out sorted as they are read.
    for name in dict.fromkeys((*by, *fixed.variables)):
        column = fixed.frame[name]
        if name in fixed.discrete:
            values[name] = chosen.get(name, list(fixed.discrete[name]))
            if unknown := [v for v in values[name] if v not in fixed.discrete[name]]:
                levels = listing(fixed.discrete[name], 20)
                raise HypothesisError(
                    f"{name!r} has no level {listing(map(repr, unknown))}; its levels are {levels}."
                )
        elif name in chosen:
            values[name] = chosen[name]
        elif name in by:
            distinct = fixed.values(name)
            if len(distinct) > MOST_TIMES:
                raise HypothesisError(
                    f"{name!r} has {len(distinct)} distinct values; say which ones you want: at={{{name!r}: [...]}}."
                )
            values[name] = list(distinct)
        else:
            values[name] = [float(column.mean())]
    grid = pd.DataFrame(list(product(*values.values())), columns=list(values))
    for name in values:
        dtype = fixed.frame[name].dtype
        if isinstance(dtype, pd.CategoricalDtype):
            grid[name] = grid[name].astype(dtype)
    return grid
