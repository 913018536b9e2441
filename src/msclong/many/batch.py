"""Outcomes that were fitted in one call of the batched engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from msclong.design.degeneracy import refuse_few
from msclong.design.design import Design
from msclong.engines.frequentist.batched.fit_batch import Ddf, fit_batch
from msclong.engines.frequentist.batched.replicates import BatchFit, Replicates
from msclong.engines.frequentist.engine import Frequentist
from msclong.engines.frequentist.progress import Progress
from msclong.errors import DegenerateCovarianceError
from msclong.many.planned import Planned


@dataclass(eq=False)
class Batch:
    """outcomes : (m,) positions of its data sets among all outcomes. L (c, p) : the rows that `fit` has answers to."""

    engine: Frequentist
    design: Design
    outcomes: np.ndarray
    replicates: Replicates
    L: np.ndarray
    fit: BatchFit

    @classmethod
    def of(
        cls,
        engine: Frequentist,
        planned: Planned,
        outcomes: np.ndarray,
        values: np.ndarray,
        L: np.ndarray,
        bar: Progress | None = None,
    ) -> Batch:
        """values : (N, m) of the design's rows."""
        replicates = planned.replicates(values)
        return cls(engine, planned.design, outcomes, replicates, L, _fitted(engine, replicates, L, bar))

    def degenerate(self) -> Iterator[tuple[int, str]]:
        """The outcomes without a maximum, with the reason."""
        for r, few in self.fit.few.items():
            try:
                refuse_few(self.design, *few, "")
            except DegenerateCovarianceError as error:
                yield int(self.outcomes[r]), str(error)

    def answers(self, L: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Estimate, se and df (m, c) of the rows of L (c, p); for rows that are new all is fitted again."""
        known = {row.tobytes(): i for i, row in enumerate(self.L)}
        new = [row for row in dict.fromkeys(row.tobytes() for row in L) if row not in known]
        if new:
            rows = np.array([np.frombuffer(row) for row in new])
            more = _fitted(self.engine, self.replicates, rows, None)
            before = self.fit
            self.fit = replace(
                before,
                estimate=np.hstack([before.estimate, more.estimate]),
                se=np.hstack([before.se, more.se]),
                df=np.hstack([before.df, more.df]),
            )
            self.L = np.vstack([self.L, rows])
            known = {row.tobytes(): i for i, row in enumerate(self.L)}
        at = [known[row.tobytes()] for row in L]
        return self.fit.estimate[:, at], self.fit.se[:, at], self.fit.df[:, at]


def _fitted(engine: Frequentist, replicates: Replicates, L: np.ndarray, bar: Progress | None) -> BatchFit:
    return fit_batch(replicates, L, cast(Ddf, engine.ddf), engine.method, engine.information, bar)
