"""Toeplitz covariances by their partial autocorrelations: each in (-1, 1) by itself, all of them positive definite.

Barndorff-Nielsen and Schou (1973), Journal of Multivariate Analysis 3:408.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_toeplitz

from msclong.covariance.working import Elementwise, Role, Working


def autocorrelations(partial: Sequence[Any]) -> list[Any]:
    """rho_1 .. rho_m from partial autocorrelations, by the Durbin-Levinson recursion.

    Written in + - * alone: for numbers, for a sampler's variables, and for `_Jet`, which carries derivatives along.
    """
    rho: list[Any] = []
    phi: list[Any] = []
    for a in partial:
        predicted = sum((f * r for f, r in zip(phi, reversed(rho), strict=True)), 0.0)
        left = 1 - sum((f * r for f, r in zip(phi, rho, strict=True)), 0.0)
        rho.append(predicted + a * left)
        phi = [f - a * g for f, g in zip(phi, reversed(phi), strict=True)] + [a]
    return rho


def partial_autocorrelations(rho: np.ndarray) -> np.ndarray:
    """The inverse of `autocorrelations`: the last coefficient of the regression on the lags up to each, (m,)."""
    column = np.r_[1.0, rho]
    return np.array([solve_toeplitz(column[:m], column[1 : m + 1])[-1] for m in range(1, len(column))])


@dataclass(frozen=True)
class PartialAutocorrelations(Working):
    """theta = autocorrelations of lag 1 .. lags; w = atanh of the partial ones. Reaches every positive definite one."""

    lags: int

    @property
    def roles(self) -> tuple[Role, ...]:
        return (Role("correlation"),) * self.lags

    @property
    def kinds(self) -> Elementwise:
        """From w to what `natural` takes."""
        return Elementwise(("atanh",) * self.lags)

    def natural(self, values: Sequence[Any]) -> list[Any]:
        """theta from the partial autocorrelations, in + - * alone."""
        return autocorrelations(values)

    def from_theta(self, theta: np.ndarray) -> np.ndarray:
        return self.kinds.from_theta(partial_autocorrelations(theta))

    def to_theta(self, w: np.ndarray) -> np.ndarray:
        return np.array(self.natural(list(self.kinds.to_theta(w))))

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        return np.stack([jet.first for jet in self._jets(w)])

    def curvature(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        return np.einsum("i,ijk->jk", gradient, np.stack([jet.second for jet in self._jets(w)]))

    def _jets(self, w: np.ndarray) -> list[_Jet]:
        values, slopes = self.kinds.to_theta(w), self.kinds.jacobian(w)
        bends = [self.kinds.curvature(w, unit) for unit in np.eye(w.size)]
        return self.natural([_Jet(*parts) for parts in zip(values, slopes, bends, strict=True)])


@dataclass(frozen=True)
class Autocovariances(PartialAutocorrelations):
    """theta = (variance, covariance of lag 1 .. lags); w = (log variance, atanh of the partial autocorrelations)."""

    @property
    def roles(self) -> tuple[Role, ...]:
        return (Role("variance"), *(Role("covariance") for _ in range(self.lags)))

    @property
    def kinds(self) -> Elementwise:
        return Elementwise(("log",) + ("atanh",) * self.lags)

    def natural(self, values: Sequence[Any]) -> list[Any]:
        variance, *partial = values
        return [variance, *(variance * rho for rho in autocorrelations(partial))]

    def from_theta(self, theta: np.ndarray) -> np.ndarray:
        return self.kinds.from_theta(np.r_[theta[0], partial_autocorrelations(theta[1:] / theta[0])])


@dataclass(frozen=True, eq=False)
class _Jet:
    """A number with its first (k,) and second (k, k) derivatives, under + - *."""

    value: float
    first: np.ndarray
    second: np.ndarray

    def __add__(self, other: _Jet | float) -> _Jet:
        if isinstance(other, _Jet):
            return _Jet(self.value + other.value, self.first + other.first, self.second + other.second)
        return _Jet(self.value + other, self.first, self.second)

    def __mul__(self, other: _Jet | float) -> _Jet:
        if isinstance(other, _Jet):
            cross = np.outer(self.first, other.first)
            return _Jet(
                self.value * other.value,
                self.value * other.first + other.value * self.first,
                self.value * other.second + other.value * self.second + cross + cross.T,
            )
        return _Jet(self.value * other, self.first * other, self.second * other)

    def __sub__(self, other: _Jet | float) -> _Jet:
        return self + -1.0 * other

    def __rsub__(self, other: float) -> _Jet:
        return -1.0 * self + other

    __radd__, __rmul__ = __add__, __mul__
