"""Many data sets of one model, and what the batched engine finds for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.errors import DataError


@dataclass(frozen=True, eq=False)
class Replicates:
    """R data sets of one model on T planned visits of n subjects.

    structure : the covariance of a subject's outcomes. coords : (T, d), what it reads of each planned visit.
    X : (n, T, p) rows of the model matrix; (R, n, T, p) where each data set has its own. Y : (R, n, T) outcomes, not a
    number where there is none. arrangement : (R, n) positions of subjects, or None: data set r takes X of subject
    arrangement[r, i] for outcomes Y[r, i] (permutations, subjects drawn again).

    X is not read where no outcome is. Raises DataError for arrays that do not fit together.
    """

    structure: CovarianceStructure
    coords: np.ndarray
    X: np.ndarray
    Y: np.ndarray
    arrangement: np.ndarray | None = None

    def __post_init__(self) -> None:
        R, n, T = self.Y.shape
        wanted = {"coords": (T, self.structure.coordinates), "X": (T,)}
        subjects = self.X.shape[-3] if self.arrangement is not None else n
        fits = (
            self.coords.shape == wanted["coords"]
            and self.X.shape[:-1] in ((subjects, T), (R, subjects, T))
            and (self.arrangement is None or self.arrangement.shape == (R, n))
        )
        if not fits:
            raise DataError(
                f"Replicates do not fit together: X {self.X.shape}, Y {self.Y.shape}, coords {self.coords.shape}, "
                f"arrangement {None if self.arrangement is None else self.arrangement.shape}, for a covariance of "
                f"{self.structure.coordinates} coordinate(s)."
            )

    def __len__(self) -> int:
        return len(self.Y)

    @property
    def n_fixed(self) -> int:
        """p."""
        return int(self.X.shape[-1])


class Few(NamedTuple):
    """n subjects seen at `visits` (positions), too few for the rank of X there: see `design.degeneracy`."""

    visits: list[int]
    n: int
    rank: int


@dataclass(frozen=True, eq=False)
class BatchFit:
    """What R data sets gave, for the c rows of L. Where there is no estimate, all else is not a number.

    status : (R,) CONVERGED, SINGULAR (on the boundary), DEGENERATE (an unstructured covariance of too few subjects seen
    together: there is no estimate) or LEFT: not fitted here; the ordinary engine fits these, or
    says why there is no estimate (aliased columns, a visit at which nobody was seen, a constant outcome, a climb that
    does not arrive).
    beta : (R, p). theta, theta_se : (R, k), the latter not a number on the boundary. loglik : (R,).
    estimate, se, df : (R, c). iterations : (R,). few : of DEGENERATE ones, where too few subjects were seen together.
    """

    status: np.ndarray
    beta: np.ndarray
    theta: np.ndarray
    theta_se: np.ndarray
    loglik: np.ndarray
    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    iterations: np.ndarray
    few: dict[int, Few]

    @property
    def fitted(self) -> np.ndarray:
        """(R,) whether there is an estimate."""
        return np.isfinite(self.loglik)
