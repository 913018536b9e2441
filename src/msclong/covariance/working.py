"""Unconstrained working coordinates for the optimiser, and their exact first and second derivatives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

import numpy as np


class Role(NamedTuple):
    """What a parameter is. variances : of a covariance that two variances bound, their positions in theta."""

    kind: Literal["variance", "range", "correlation", "covariance"]
    variances: tuple[int, ...] = ()


class Working(ABC):
    """A map w -> theta from unconstrained working coordinates, both of shape (k,)."""

    @property
    @abstractmethod
    def roles(self) -> tuple[Role, ...]:
        """The role of each parameter, k of them."""

    @abstractmethod
    def from_theta(self, theta: np.ndarray) -> np.ndarray:
        """w such that to_theta(w) = theta."""

    @abstractmethod
    def to_theta(self, w: np.ndarray) -> np.ndarray:
        """theta at w."""

    @abstractmethod
    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """dtheta_i / dw_j, (k, k)."""

    @abstractmethod
    def curvature(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """sum over i of gradient_i d2theta_i / dw_j dw_k, (k, k): the part of a Hessian that the chain rule adds."""


class Transform(NamedTuple):
    """One parameter's map: to working coordinates, back, and the first two derivatives of the way back."""

    inverse: Callable[[float], float]
    forward: Callable[[float], float]
    slope: Callable[[float], float]
    bend: Callable[[float], float]


TRANSFORMS: dict[str, Transform] = {
    "identity": Transform(lambda x: x, lambda w: w, lambda w: 1.0, lambda w: 0.0),
    "log": Transform(np.log, np.exp, np.exp, np.exp),
    "range": Transform(np.log, np.exp, np.exp, np.exp),
    "atanh": Transform(
        inverse=np.arctanh,
        forward=np.tanh,
        slope=lambda w: 1 - np.tanh(w) ** 2,
        bend=lambda w: -2 * np.tanh(w) * (1 - np.tanh(w) ** 2),
    ),
}


ROLES: dict[str, Role] = {
    "identity": Role("covariance"),
    "log": Role("variance"),
    "range": Role("range"),
    "atanh": Role("correlation"),
}


@dataclass(frozen=True)
class Elementwise(Working):
    """Each parameter by itself.

    'log' for variances, 'range' (a log too) for ranges in time, 'atanh' for correlations, 'identity' for covariances.
    """

    kinds: tuple[str, ...]

    @property
    def roles(self) -> tuple[Role, ...]:
        return tuple(ROLES[kind] for kind in self.kinds)

    def from_theta(self, theta: np.ndarray) -> np.ndarray:
        return np.array([TRANSFORMS[kind].inverse(x) for kind, x in zip(self.kinds, theta, strict=True)])

    def to_theta(self, w: np.ndarray) -> np.ndarray:
        return np.array([TRANSFORMS[kind].forward(x) for kind, x in zip(self.kinds, w, strict=True)])

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        return np.diag([TRANSFORMS[kind].slope(x) for kind, x in zip(self.kinds, w, strict=True)])

    def curvature(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        bend = np.array([TRANSFORMS[kind].bend(x) for kind, x in zip(self.kinds, w, strict=True)])
        return np.diag(bend * gradient)


@dataclass(frozen=True)
class CholeskyFactor(Working):
    """A covariance matrix by its Cholesky factor: theta = vech(L L'), w = vech(L), size (size + 1) / 2 long.

    vech runs along the rows of the lower triangle: (1,1), (2,1), (2,2), (3,1), ... The diagonal of L
    is not logged: at a zero variance the criterion stays smooth and w can reach it.
    """

    size: int

    @property
    def roles(self) -> tuple[Role, ...]:
        where = np.diag(vech_positions(self.size)).tolist()
        pairs = zip(*(axis.tolist() for axis in self.rows_and_columns), strict=True)
        return tuple(
            Role("variance") if i == j else Role("covariance", (where[i], where[j])) for i, j in pairs
        )

    @property
    def rows_and_columns(self) -> tuple[np.ndarray, np.ndarray]:
        return lower_triangle(self.size)

    def factor(self, w: np.ndarray) -> np.ndarray:
        factor = np.zeros((self.size, self.size))
        factor[self.rows_and_columns] = w
        return factor

    def from_theta(self, theta: np.ndarray) -> np.ndarray:
        return np.linalg.cholesky(unvech(theta, self.size))[self.rows_and_columns]

    def to_theta(self, w: np.ndarray) -> np.ndarray:
        factor = self.factor(w)
        return (factor @ factor.T)[self.rows_and_columns]

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        # d(L L')_ij / dL_ac = [i = a] L_jc + [j = a] L_ic
        i, j = self.rows_and_columns
        factor = self.factor(w)
        same_row = (i[:, None] == i[None, :]) * factor[j][:, j]
        same_column = (j[:, None] == i[None, :]) * factor[i][:, j]
        return same_row + same_column

    def curvature(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        # With f = tr(G L L') for symmetric G: d2f / dL_ac dL_bd = 2 G_ab [c = d].
        a, c = self.rows_and_columns
        symmetric = unvech(gradient * np.where(a == c, 1.0, 0.5), self.size)
        return 2 * symmetric[np.ix_(a, a)] * (c[:, None] == c[None, :])


@dataclass(frozen=True)
class Joined(Working):
    """Independent working coordinates side by side, `sizes[i]` parameters in part i."""

    parts: tuple[Working, ...]
    sizes: tuple[int, ...]

    @property
    def roles(self) -> tuple[Role, ...]:
        return tuple(
            Role(role.kind, tuple(s.start + i for i in role.variances))
            for part, s in zip(self.parts, self._slices, strict=True)
            for role in part.roles
        )

    @cached_property
    def _slices(self) -> list[slice]:
        return side_by_side(self.sizes)

    def from_theta(self, theta: np.ndarray) -> np.ndarray:
        pairs = zip(self.parts, self._slices, strict=True)
        return np.concatenate([part.from_theta(theta[s]) for part, s in pairs])

    def to_theta(self, w: np.ndarray) -> np.ndarray:
        return np.concatenate([part.to_theta(w[s]) for part, s in zip(self.parts, self._slices, strict=True)])

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        result = np.zeros((w.size, w.size))
        for part, s in zip(self.parts, self._slices, strict=True):
            result[s, s] = part.jacobian(w[s])
        return result

    def curvature(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        result = np.zeros((w.size, w.size))
        for part, s in zip(self.parts, self._slices, strict=True):
            result[s, s] = part.curvature(w[s], gradient[s])
        return result


def side_by_side(sizes: Sequence[int]) -> list[slice]:
    """Where parts of these sizes stand in what holds one after the other."""
    return [slice(start, end) for start, end in pairwise(accumulate(sizes, initial=0))]


def unvech(theta: np.ndarray, size: int) -> np.ndarray:
    """The symmetric matrix whose lower triangle, row by row, is `theta`."""
    return theta[vech_positions(size)]


def congruence(root: np.ndarray) -> np.ndarray:
    """The matrix that takes vech(S) to vech(root S root'), (k, k), for symmetric S of the size of `root`."""
    size = len(root)
    lower = lower_triangle(size)
    units = (vech_positions(size) == np.arange(len(lower[0]))[:, None, None]).astype(float)
    return (root @ units @ root.T)[:, *lower].T


def vech_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the elements of vech: variance(a), covariance(b, a), variance(b), ..."""
    names = []
    for i, row in enumerate(labels):
        names += [f"covariance({row}, {column})" for column in labels[:i]]
        names.append(f"variance({row})")
    return tuple(names)


@lru_cache
def vech_positions(size: int) -> np.ndarray:
    """(size, size) integers, read-only: where element (i, j) of a symmetric matrix stands in its vech."""
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    high, low = np.maximum(i, j), np.minimum(i, j)
    positions: np.ndarray = high * (high + 1) // 2 + low
    positions.setflags(write=False)
    return positions


@lru_cache
def lower_triangle(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the lower triangle, read-only."""
    rows, columns = np.tril_indices(size)
    rows.setflags(write=False)
    columns.setflags(write=False)
    return rows, columns
