"""The analysis of many simulated trials in one batch, those that it leaves one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.design.design import Design
from msclong.engines.frequentist.batched.settings import DEGENERATE, LEFT, SINGULAR
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import MsclongError
from msclong.replication.analyses import Analyses, one_by_one
from msclong.replication.grid import Grid
from msclong.replication.plan import Plan
from msclong.replication.question import row_names


@dataclass(frozen=True, eq=False)
class Batched:
    """Analyses trials of one size.

    L : (c, p) rows asked of every trial. grid : None where each trial is analysed by itself: the compiled engine does
    not know the model, or columns or rows depend on what was observed (the mean of a covariate, knots of a spline).
    """

    plan: Plan
    engine: Frequentist
    design: Design
    L: np.ndarray
    rows: list[str]
    grid: Grid | None

    @classmethod
    def of(cls, plan: Plan, engine: Frequentist, n: int) -> Batched:
        design = plan.template(n)
        hypothesis = plan.question.hypothesis(design)
        grid = Grid.of(design, engine)
        if grid is not None and not _shared(plan, design, hypothesis.L, n):
            grid = None
        return cls(plan, engine, design, hypothesis.L, row_names(hypothesis.rows), grid)

    def analyses(self, values: np.ndarray, arm: np.ndarray) -> Analyses:
        """Of trials with values (R, n, T) of subjects in arms (n,)."""
        plan, grid = self.plan, self.grid
        if grid is None:
            return one_by_one(plan, self.engine, self.rows, values, arm)
        if plan.reads_baseline:
            R, n, T = values.shape
            frame = plan.frame(values.reshape(R * n, T), np.tile(arm, R), analysed=True)
            X = self.design.fixed.matrix(frame).reshape(R, n, len(plan.visits), -1)
        else:
            X = grid.X(self.design.fixed.X)
        found = grid.fit(X, plan.outcomes(values), self.L)
        into = Analyses(
            found.estimate, found.se, found.df, np.zeros(len(values), dtype=bool), found.status == SINGULAR
        )
        left, degenerate = (np.flatnonzero(found.status == status) for status in (LEFT, DEGENERATE))
        # Without a fallback these have no answer; one of them tells why.
        again = degenerate if plan.spec.fallbacks() else degenerate[:1]
        left = np.r_[left, again]
        return one_by_one(plan, self.engine, self.rows, values, arm, into, left)


def _shared(plan: Plan, design: Design, L: np.ndarray, n: int) -> bool:
    """Whether another trial's columns and rows are those of this design."""
    try:
        other = plan.template(n, altered=True)
        rows = plan.question.hypothesis(other).L
    except MsclongError:  # so few subjects that some are needed for every column
        return False
    same = other.fixed.names == design.fixed.names and np.array_equal(rows, L)
    return same and np.allclose(design.fixed.matrix(other.fixed.frame), other.fixed.X, rtol=1e-12)
