"""Unconstrained coordinates of the covariance parameters, with the prior's density there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from msclong.covariance.batch import batched
from msclong.engines.bayesian.importance.matrix_coordinates import MatrixCoordinates, factor_of_variables
from msclong.engines.bayesian.priors.covariance_variables import CovariancePrior, Variable
from msclong.engines.bayesian.priors.jeffreys import Flat


@dataclass(frozen=True, eq=False)
class CovarianceCoordinates:
    """u (k, S): each variable's unconstrained coordinates, where variables stand for a covariance matrix those of it.

    prior : in outcome units. unit : outcome units in which variables and theta are counted here. matrices : the
    coordinates of each of prior.matrices.
    """

    prior: CovariancePrior
    unit: float
    matrices: tuple[MatrixCoordinates, ...]

    def theta(self, u: np.ndarray) -> np.ndarray:
        """theta (k, S)."""
        return self._theta(self._variables(u)[0])

    def log_prior(self, u: np.ndarray) -> np.ndarray:
        """Log density of u under the prior up to a constant, (S,)."""
        return self.theta_and_log_prior(u)[1]

    def theta_and_log_prior(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both at once."""
        v, log_volume = self._variables(u)
        for variable, where in self._parts():
            log_volume = log_volume + variable.log_density(v[where], variable.hyperparameters(self.unit))
        return self._theta(v), log_volume

    def centred(self, u: np.ndarray) -> tuple[CovarianceCoordinates, np.ndarray]:
        """The coordinates around the matrices at u (k,), and u in them."""
        moved = u.copy()
        matrices = []
        for where, matrix in zip(self.prior.matrices, self.matrices, strict=True):
            matrices.append(replace(matrix, root=matrix.factor(u[where, None])[..., 0]))
            moved[where] = 0.0
        return replace(self, matrices=tuple(matrices)), moved

    def _parts(self) -> Iterator[tuple[Variable, slice]]:
        start = 0
        for variable in self.prior.variables:
            end = start + len(variable.labels)
            yield variable, slice(start, end)
            start = end

    def _variables(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The variables' unconstrained coordinates v (k, S) and log |dv / du|, (S,)."""
        v, log_volume = u.copy(), np.zeros(u.shape[1])
        for where, matrix in zip(self.prior.matrices, self.matrices, strict=True):
            v[where], volume = matrix.variables(u[where])
            log_volume += volume
        return v, log_volume

    def _theta(self, v: np.ndarray) -> np.ndarray:
        parts = list(self._parts())
        natural = np.concatenate([variable.constrained(v[where]) for variable, where in parts])
        names = {variable.name: where for variable, where in parts}
        return batched(lambda one: self.prior.theta({n: one[w] for n, w in names.items()}, np), natural)


def coordinates_at(
    prior: CovariancePrior, unit: float, theta: np.ndarray
) -> tuple[CovarianceCoordinates, np.ndarray]:
    """Coordinates around theta (k,), in units of `unit`, and u (k,) there.

    A parameter on its bound starts at the middle of its prior's range.
    """
    values = prior.values(theta[None])
    with np.errstate(divide="ignore", invalid="ignore"):
        v = np.concatenate([variable.unconstrained(values[variable.name][0]) for variable in prior.variables])
    v = np.where(np.isfinite(v), v, 0.0)
    flat = np.concatenate([np.full(len(x.labels), isinstance(x, Flat)) for x in prior.variables])
    matrices = []
    for where in prior.matrices:
        size = int(np.sqrt(2 * (where.stop - where.start)))
        cholesky = bool(flat[where.stop - 1])
        matrices.append(MatrixCoordinates(factor_of_variables(v[where], size, cholesky), cholesky))
        v[where] = 0.0
    return CovarianceCoordinates(prior, unit, tuple(matrices)), v
