"""Averages that the design does not define, or that programs define differently."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import numpy as np

from msclong.design.expressions import columns_in
from msclong.design.fixed_effects import FixedEffects
from msclong.errors import HypothesisError, listing
from msclong.linear_hypothesis import LinearHypothesis

TOLERANCE = 1e-9
"""Relative difference of two averages of a column that counts as rounding."""

LINEAR = ("Q", "center", "standardize")
"""Functions of patsy whose value at the mean is the mean of their values."""


def refuse_nested(fixed: FixedEffects, by: Sequence[str], averaged: Sequence[str]) -> None:
    """Raise HypothesisError where a factor is averaged over that is nested in one of `by`, or the other way round.

    An average over all sites for a region would take in sites of other regions, which no subject of it can have.
    """
    for inner in averaged:
        for outer in (name for name in by if name in fixed.discrete):
            pairs = fixed.table[[inner, outer]].drop_duplicates()
            if min(pairs[inner].nunique(), pairs[outer].nunique()) < 2:
                continue
            for one, other in ((inner, outer), (outer, inner)):
                if pairs[one].nunique() == len(pairs):
                    raise HypothesisError(
                        f"{one!r} is nested in {other!r}: each of its levels occurs with one {other} only, so a mean "
                        f"by {outer!r} over the levels of {inner!r} would mix combinations that cannot exist. List "
                        f"both in by, or neither, or make {one!r} a random effect."
                    )


def has_transformed_covariates(fixed: FixedEffects, covariates: Sequence[str]) -> bool:
    """Whether a term holds a covariate otherwise than once and as it is."""
    for term in fixed.design_info.terms:
        reading = [
            f for f in term.factors if set(columns_in(f.name(), fixed.table.columns)) & set(covariates)
        ]
        if len(reading) > 1 or any(not _linear(factor.name()) for factor in reading):
            return True
    return False


def refuse_ambiguous(
    fixed: FixedEffects, covariates: Sequence[str], at_mean: LinearHypothesis, of_rows: LinearHypothesis
) -> None:
    """Raise HypothesisError where L at the means of covariates is not the mean of L at their values.

    log(mean x) is not mean(log x), nor mean(x) mean(z) mean(x z): R's emmeans takes the first of each, SAS the
    second of products. Contrasts in which such columns cancel are not concerned.
    """
    gap = np.abs(at_mean.L - of_rows.L).max(axis=0)
    size = fixed.sizes
    if (differing := np.flatnonzero(gap > TOLERANCE * np.where(size == 0, 1, size))).size:
        raise HypothesisError(
            f"At the mean of {listing(covariates)}, {listing(fixed.names[j] for j in differing)} is not at its own "
            "mean, so 'the mean at average covariates' has two readings. Average over the subjects' own values: "
            f"weights='counterfactual'; or say at which value: at={{{covariates[0]!r}: [...]}}."
        )


def _linear(expression: str) -> bool:
    node = ast.parse(expression, mode="eval").body
    while (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in LINEAR
        and node.args
    ):
        node = node.args[0]
    return isinstance(node, (ast.Name, ast.Constant))
