"""Marginal (least-squares) means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from msclong.contrasts.ambiguity import has_transformed_covariates, refuse_ambiguous, refuse_nested
from msclong.contrasts.mean_contrasts import MeanContrasts
from msclong.data.codes import distinct_values
from msclong.design.design import Design
from msclong.design.fixed_effects import FixedEffects
from msclong.design.reference_grid import expanded, listed_values, reference_grid
from msclong.errors import DataWarning, HypothesisError, listing, warn
from msclong.linear_hypothesis import LinearHypothesis, row_names

At = Mapping[str, Sequence[object]]

WEIGHTS = ("equal", "observed", "subjects", "counterfactual")
"""How means are averaged over what `by` does not list."""


def marginal_means(
    design: Design, by: Sequence[str], at: At | None = None, weights: str = "equal"
) -> LinearHypothesis:
    """The means of `means_of_cells` on the linear predictor's scale, as rows over beta."""
    return means_of_cells(design, by, at, weights).hypothesis


def means_of_cells(
    design: Design,
    by: Sequence[str],
    at: At | None = None,
    weights: str = "equal",
    then: Callable[[LinearHypothesis], LinearHypothesis] = lambda means: means,
) -> MeanContrasts:
    """Means of the outcome for each combination of levels of `by`, or the contrasts that `then` makes of them.

    On the outcome's scale, where that is not the linear predictor's, the averages are of the cells' means there.

    weights
        - 'equal': other factors averaged with equal weights, covariates at their mean over the observed rows (Searle,
          Speed and Milliken 1980, The American Statistician 34:216; SAS LSMEANS, emmeans' default).
        - 'observed': combinations of the other factors weighted by their observed rows, the same for every mean
          (emmeans' 'proportional'). Rows of subjects who stay weigh more than those of subjects who leave.
        - 'subjects': likewise by subjects, each of whom counts once, so that dropout does not move the weights: a
          subject's rows share its weight, for covariates too, and visits that are averaged over count equally.
        - 'counterfactual': the mean over all subjects of what the model predicts for each with its own covariates and
          factors, had its `by` been as listed (g-computation; emmeans' and Stata's margins). Each subject counts
          once, visits that `by` does not list count equally. The covariates are taken as given.

    Raises HypothesisError for what is unknown, and where the average is ambiguous: over nested factors, over a factor
    made inside the formula, or at the mean of a covariate whose transform or product differs from its mean. Warns
    (DataWarning) of combinations of factors in `by` that were never observed.
    """
    if weights not in WEIGHTS:
        raise HypothesisError(f"Unknown weights {weights!r}; known are {listing(map(repr, WEIGHTS))}.")
    if not by:
        raise HypothesisError(
            "Marginal means need at least one variable to be listed by, such as by=['visit']."
        )
    if len(set(by)) < len(by):
        raise HypothesisError(f"A variable is named twice in by={list(by)}.")
    fixed, at = design.fixed, at or {}
    listed = listed_values(fixed, by, at)
    refuse_nested(fixed, by, [name for name in fixed.discrete if name not in listed])
    if weights == "counterfactual":
        means = _counterfactual(design, by, listed)
    else:
        rows = design.row_weights("subjects" if weights == "subjects" else "rows")
        grid = reference_grid(fixed, by, at, rows)
        means = _means(fixed, grid, _cell_weights(design, grid, listed, weights, rows), by)
        covariates = [name for name in fixed.variables if name not in fixed.discrete and name not in listed]
        if has_transformed_covariates(fixed, covariates):
            values = fixed.own_values(covariates, rows, spread=True)
            own = _at_own_values(replace(means, grid=grid.drop(columns=covariates)), values)
            refuse_ambiguous(fixed, covariates, means.then(then).hypothesis, own.then(then).hypothesis)
    warn_of_empty_cells(fixed, listed, by)
    return means.then(then)


def _means(fixed: FixedEffects, grid: pd.DataFrame, cells: np.ndarray, by: Sequence[str]) -> MeanContrasts:
    """Means within combinations of `by` of the rows of `grid`, weighted by `cells`."""
    levels: dict[tuple[object, ...], int] = {}
    keys = zip(*(grid[name].tolist() for name in by), strict=True)
    groups = np.array([levels.setdefault(key, len(levels)) for key in keys])
    weights = np.equal.outer(np.arange(len(levels)), groups) * cells
    themselves = LinearHypothesis(np.eye(len(levels)), row_names(list(zip(*levels, strict=True)), by))
    return MeanContrasts(fixed, grid, weights / weights.sum(axis=1, keepdims=True), themselves)


def _cell_weights(
    design: Design, grid: pd.DataFrame, listed: Mapping[str, object], weights: str, rows: np.ndarray
) -> np.ndarray:
    """The weight of each row of the grid among those with the same `by`."""
    factors = [name for name in design.fixed.discrete if name not in listed]
    if weights == "subjects":
        factors = [name for name in factors if name != design.visit]
    if weights == "equal" or not factors:
        return np.ones(len(grid))
    share = (
        pd.Series(rows)
        .groupby([design.fixed.table[name].astype(object).to_numpy() for name in factors])
        .sum()
    )
    keys = grid[factors].astype(object)
    index = pd.MultiIndex.from_frame(keys) if len(factors) > 1 else pd.Index(keys.iloc[:, 0])
    return share.reindex(index).fillna(0.0).to_numpy()


def _counterfactual(design: Design, by: Sequence[str], listed: dict[str, list[object]]) -> MeanContrasts:
    fixed = design.fixed
    if design.visit in fixed.variables and design.visit not in listed:
        listed = {**listed, **listed_values(fixed, [str(design.visit)], None)}
    grid = expanded(fixed, listed)
    own = [name for name in fixed.variables if name not in listed]
    means = _means(fixed, grid, np.ones(len(grid)), by)
    return _at_own_values(means, fixed.own_values(own, design.row_weights("subjects"))) if own else means


def _at_own_values(means: MeanContrasts, values: tuple[pd.DataFrame, np.ndarray]) -> MeanContrasts:
    """`means` over the values of other variables in the observed rows, with their share of these."""
    return replace(means, crossed=values[0], share=values[1])


def warn_of_empty_cells(
    fixed: FixedEffects, listed: Mapping[str, Sequence[object]], by: Sequence[str]
) -> None:
    """Warn (DataWarning) of combinations of the listed levels of factors in `by` that were never observed."""
    factors = [name for name in by if name in fixed.discrete]
    if not factors:
        return
    seen = distinct_values([fixed.table[name] for name in factors])
    if empty := [row for row in product(*(listed[name] for name in factors)) if row not in seen]:
        cells = [
            ", ".join(f"{name}={level}" for name, level in zip(factors, row, strict=True)) for row in empty
        ]
        warn(
            f"Nobody was observed with {listing(cells)}: there, means rest on the formula's lack of an interaction "
            "alone. Leave such levels out with at={...}, or list fewer variables in by.",
            DataWarning,
        )
