"""Many data sets of one design, fitted again: other outcomes, or other arms of its subjects."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from msclong.design.design import Design
from msclong.engines.frequentist.batched.replicates import BatchFit
from msclong.engines.frequentist.batched.settings import LEFT
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import MsclongError, MsclongWarning
from msclong.linear_hypothesis import LinearHypothesis
from msclong.replication.grid import Grid

ROOM = 4_000_000
"""Numbers that a batch may hold in one array: 32 MB."""


def at_a_time(most: int, size: int) -> int:
    """Data sets of a batch: as many as `most`, fewer where each takes `size` numbers and there is no room."""
    return max(1, min(most, ROOM // max(size, 1)))


class Arms(Protocol):
    """How a design looks with other arms of its subjects. levels : of the arms."""

    @property
    def levels(self) -> tuple[object, ...]: ...

    def relabelled(self, design: Design, arm: np.ndarray) -> Design: ...


@dataclass(frozen=True, eq=False)
class Refits:
    """R refits: estimate, se, df (R, c) of c rows, beta (R, p), theta (R, k); not a number where there is none."""

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    beta: np.ndarray
    theta: np.ndarray

    @classmethod
    def none(cls, replicates: int, rows: int, design: Design) -> Refits:
        """Of data sets that are still to be fitted."""
        widths = (rows, rows, rows, len(design.fixed.names), design.structure.n_parameters)
        return cls(*(np.full((replicates, width), np.nan) for width in widths))

    @property
    def failed(self) -> np.ndarray:
        """(R,) whether there is no fit."""
        return np.isnan(self.estimate).any(axis=1)

    def take(self, found: BatchFit, start: int) -> np.ndarray:
        """Fill in what the batched engine found, from a position on; the positions in the batch that it left."""
        rows = slice(start, start + len(found.status))
        for name in ("estimate", "se", "df", "beta", "theta"):
            getattr(self, name)[rows] = getattr(found, name)
        return np.flatnonzero(found.status == LEFT)


def refit_one_by_one(
    designs: Iterable[tuple[int, Design]], engine: Frequentist, hypothesis: LinearHypothesis, into: Refits
) -> None:
    """Fill in the refits of designs at their positions, by the ordinary engine; without an estimate they stay empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MsclongWarning)
        for r, design in designs:
            try:
                fit = engine.fit(design)
                table = fit.estimate.test(hypothesis)
            except (MsclongError, np.linalg.LinAlgError):
                continue
            for name in ("estimate", "se", "df"):
                getattr(into, name)[r] = table[name].to_numpy()
            into.beta[r] = fit.estimate.beta
            into.theta[r] = fit.covariance.theta


@dataclass(frozen=True, eq=False)
class Refitter:
    """Fits data sets of one design again: all in one batch where the compiled engine knows the model.

    grid : None where it does not.
    """

    design: Design
    engine: Frequentist
    hypothesis: LinearHypothesis
    grid: Grid | None

    @classmethod
    def of(cls, design: Design, engine: Frequentist, hypothesis: LinearHypothesis) -> Refitter:
        return cls(design, engine, hypothesis, Grid.of(design, engine))

    def outcomes(self, Y: np.ndarray, into: Refits, start: int) -> None:
        """Other outcomes Y (R, N) of the design's rows, into the places from `start` on."""
        left = np.arange(len(Y))
        if self.grid is not None:
            X = self.grid.X(self.design.fixed.X)
            left = into.take(self.grid.fit(X, self.grid.Y(Y), self.hypothesis.L), start)
        designs = ((start + r, replace(self.design, y=Y[r])) for r in left.tolist())
        refit_one_by_one(designs, self.engine, self.hypothesis, into)

    def arms(self, arms: Arms, deals: np.ndarray, into: Refits, start: int) -> None:
        """The same outcomes with other arms (R, n) of the subjects, as codes."""
        left = np.arange(len(deals))
        if self.grid is not None:
            n, A = deals.shape[1], len(arms.levels)
            each = [arms.relabelled(self.design, np.full(n, a)) for a in range(A)]
            X = np.stack([self.grid.X(one.fixed.X) for one in each], axis=1).reshape(
                n * A, -1, len(each[0].fixed.names)
            )
            Y = np.broadcast_to(self.grid.Y(self.design.y[None]), (len(deals), *self.grid.row.shape))
            found = self.grid.fit(X, Y, self.hypothesis.L, np.arange(n) * A + deals)
            left = into.take(found, start)
        designs = ((start + r, arms.relabelled(self.design, deals[r])) for r in left.tolist())
        refit_one_by_one(designs, self.engine, self.hypothesis, into)
