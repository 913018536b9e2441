"""The rows of a design laid out by subject and planned visit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.design.design import Design
from msclong.engines.frequentist.batched.fit_batch import batched
from msclong.engines.frequentist.batched.layout import MOST_VISITS
from msclong.engines.frequentist.batched.replicates import Replicates


@dataclass(frozen=True, eq=False)
class Planned:
    """subject, visit : (N,) where each row of the design stands among n subjects and T visits.

    X : (n, T, p), zero where there is no row. coords : (T, d).
    """

    design: Design
    subject: np.ndarray
    visit: np.ndarray
    X: np.ndarray
    coords: np.ndarray

    def attended(self, values: np.ndarray) -> np.ndarray:
        """(m, T) whether anybody was seen at a visit, of outcomes (N, m)."""
        found = np.zeros((values.shape[1], len(self.coords)), dtype=bool)
        seen = np.isfinite(values)
        for t in range(len(self.coords)):
            found[:, t] = seen[self.visit == t].any(axis=0)
        return found

    def replicates(self, values: np.ndarray) -> Replicates:
        """The data sets of outcomes (N, m) of the design's rows."""
        n, T, _ = self.X.shape
        Y = np.full((values.shape[1], n, T), np.nan)
        Y[:, self.subject, self.visit] = values.T
        return Replicates(self.design.structure, self.coords, self.X, Y)


def planned(design: Design, ddf: str) -> Planned | None:
    """The layout; None where the batched engine does not take this structure or `ddf`, or visits are many.

    A visit is what the covariance reads of a row: rows of one subject that it reads alike are counted.
    """
    if design.crossed is not None:
        return None
    # Structures on the visit grid have their position last.
    keys, place = np.unique(design.coords[:, ::-1], axis=0, return_inverse=True)
    again = pd.Series(place).groupby([design.unit, place]).cumcount().to_numpy()
    slots, visit = np.unique(np.column_stack([place.reshape(-1), again]), axis=0, return_inverse=True)
    if len(slots) > MOST_VISITS:
        return None
    coords = keys[slots[:, 0], ::-1]
    if not batched(design.structure, coords, ddf):
        return None
    X = np.zeros((design.n_units, len(slots), design.fixed.X.shape[1]))
    visit = visit.reshape(-1)
    X[design.unit, visit] = design.fixed.X
    return Planned(design, design.unit, visit, X, coords)
