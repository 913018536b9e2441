"""A design on planned visits, as the batched engine takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.design.design import Design
from msclong.engines.frequentist.batched.fit_batch import batched, fit_batch
from msclong.engines.frequentist.batched.replicates import BatchFit, Replicates
from msclong.engines.frequentist.engine import Frequentist


@dataclass(frozen=True, eq=False)
class Grid:
    """n subjects at T planned visits.

    row : (n, T) rows of the design, -1 where there is none. coords : (T, d), what the covariance reads of each visit.
    """

    structure: CovarianceStructure
    coords: np.ndarray
    row: np.ndarray
    engine: Frequentist

    @classmethod
    def of(cls, design: Design, engine: Frequentist) -> Grid | None:
        """None where the batched engine does not know the covariance, the df or the standard errors."""
        found = design.visit_grid
        if found is None or set(found.coords) != {""} or engine.vcov != "model":
            return None
        coords = found.coords[""]
        several = design.unit.max() + 1 < design.n_subjects
        if several or not batched(design.structure, coords, engine.ddf):
            return None
        place = {visit: t for t, visit in enumerate(design.fixed.values(str(design.visit)))}
        at = np.array([place[visit] for visit in design.fixed.frame[design.visit]], dtype=np.intp)
        row = np.full((design.n_subjects, len(coords)), -1)
        row[design.subject, at] = np.arange(design.n_obs)
        twice = (row >= 0).sum() < design.n_obs
        return None if twice else cls(design.structure, coords, row, engine)

    def X(self, rows: np.ndarray) -> np.ndarray:
        """(n, T, p) of rows (N, p) of a model matrix."""
        return np.where((self.row >= 0)[..., None], rows[self.row], 0.0)

    def Y(self, outcomes: np.ndarray) -> np.ndarray:
        """(R, n, T) of outcomes (R, N), not a number where there is none."""
        return np.where(self.row >= 0, outcomes[:, self.row], np.nan)

    def fit(
        self, X: np.ndarray, Y: np.ndarray, L: np.ndarray, arrangement: np.ndarray | None = None
    ) -> BatchFit:
        """See `Replicates` and `fit_batch`."""
        replicates = Replicates(self.structure, self.coords, X, Y, arrangement)
        engine = self.engine
        return fit_batch(replicates, L, engine.ddf, engine.method, engine.information)  # type: ignore[arg-type]
