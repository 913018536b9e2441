"""Contrasts of marginal means with what they are made of, so that they can be taken on any scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from msclong.design.fixed_effects import FixedEffects
from msclong.linear_hypothesis import LinearHypothesis

ROUNDING = 1e-13
"""Share of a column's largest value below which a coefficient is what differences leave of a zero."""


@dataclass(frozen=True, eq=False)
class MeanContrasts:
    """k contrasts of M marginal means, each the weighted mean of cells.

    fixed : the fixed part. grid : combinations of values of its variables, G rows. weights : (M, G) of each mean,
    rows of sum one. contrasts : rows over the M means, (k, M); of the means themselves, the identity.
    crossed, share : where subjects keep values of their own, these values (D rows) and their weights (D,), sum one:
    every row of the grid stands for D cells. None: the rows of the grid are the cells.

    On the linear predictor's scale all this is one matrix, `hypothesis`; on another the mean of each cell is
    transformed before it is averaged, and the means before they are compared.
    """

    fixed: FixedEffects
    grid: pd.DataFrame
    weights: np.ndarray
    contrasts: LinearHypothesis
    crossed: pd.DataFrame | None = None
    share: np.ndarray | None = None

    def batches(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """The cells with their weights in each mean, (M, cells), in batches that fit in memory."""
        if self.crossed is None or self.share is None:
            yield self.grid, self.weights
            return
        for i in range(len(self.grid)):
            yield (
                self.grid.iloc[[i]].merge(self.crossed, how="cross"),
                np.outer(self.weights[:, i], self.share),
            )

    @cached_property
    def X(self) -> np.ndarray:
        """(M, p): the means are X beta."""
        return np.sum([weights @ self.fixed.matrix(cells) for cells, weights in self.batches()], axis=0)

    @cached_property
    def hypothesis(self) -> LinearHypothesis:
        """The contrasts as linear functions of beta."""
        L = self.contrasts.L @ self.X
        size = self.fixed.sizes
        return replace(self.contrasts, L=np.where(np.abs(L) <= ROUNDING * size, 0.0, L))

    def then(self, make: Callable[[LinearHypothesis], LinearHypothesis]) -> MeanContrasts:
        """The contrasts that `make` makes of these, which it is given as rows over the means."""
        return replace(self, contrasts=make(self.contrasts))
