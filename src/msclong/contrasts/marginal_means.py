"""Marginal (least-squares) means as linear hypotheses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from msclong.design.fixed_effects import FixedEffects
from msclong.design.reference_grid import reference_grid
from msclong.errors import HypothesisError
from msclong.linear_hypothesis import LinearHypothesis


def marginal_means(
    fixed: FixedEffects, by: Sequence[str], at: Mapping[str, Sequence[object]] | None = None
) -> LinearHypothesis:
    """Means of the outcome for each combination of levels of `by`.

    Covariates are held at their mean over the observed rows; other factors are averaged with equal weights
    (Searle, Speed and Milliken 1980, The American Statistician 34:216; emmeans' default).
    """
    if not by:
        raise HypothesisError(
            "Marginal means need at least one variable to be listed by, such as by=['visit']."
        )
    if len(set(by)) < len(by):
        raise HypothesisError(f"A variable is named twice in by={list(by)}.")
    grid = reference_grid(fixed, by, at)
    X = fixed.matrix(grid)
    keys = grid[list(by)].astype(object)
    groups = keys.groupby(list(by), sort=False, observed=True).ngroup().to_numpy()
    weights = np.equal.outer(np.arange(groups.max() + 1), groups).astype(float)
    L = weights @ X / weights.sum(axis=1, keepdims=True)
    levels = keys.drop_duplicates()
    rows = pd.MultiIndex.from_frame(levels) if len(by) > 1 else pd.Index(levels.iloc[:, 0], name=by[0])
    return LinearHypothesis(L, rows)
