"""Proposal distributions for importance sampling: split-t distributions and their mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln


class Component(Protocol):
    """A distribution of u (k,) that can be drawn and evaluated in one batch."""

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n draws, (n, k)."""

    def log_density(self, u: np.ndarray) -> np.ndarray:
        """Log density, normalised, at the rows of u (S, k): (S,)."""


@dataclass(frozen=True, eq=False)
class SplitT:
    """u = centre + axes z, where z is multivariate t with `df` degrees of freedom, split in each direction.

    The density falls off over right[i] where z_i > 0, over left[i] where z_i < 0, and is continuous at the
    centre (Geweke 1989, Econometrica 57:1317, with a side's probability proportional to its scale).

    centre, left, right : (k,). axes : (k, k), by columns.
    """

    centre: np.ndarray
    axes: np.ndarray
    left: np.ndarray
    right: np.ndarray
    df: float

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        k = len(self.centre)
        positive = rng.random((n, k)) < self.right / (self.left + self.right)
        size = np.abs(rng.standard_normal((n, k))) * np.sqrt(self.df / rng.chisquare(self.df, (n, 1)))
        return self.centre + np.where(positive, self.right * size, -self.left * size) @ self.axes.T

    def log_density(self, u: np.ndarray) -> np.ndarray:
        k, df = len(self.centre), self.df
        z = np.linalg.solve(self.axes, (u - self.centre).T)
        square = ((z / np.where(z > 0, self.right[:, None], self.left[:, None])) ** 2).sum(axis=0)
        constant = gammaln((df + k) / 2) - gammaln(df / 2) - k / 2 * np.log(df * np.pi)
        volume = np.linalg.slogdet(self.axes)[1] + np.log((self.left + self.right) / 2).sum()
        return constant - volume - (df + k) / 2 * np.log1p(square / df)


@dataclass(frozen=True, eq=False)
class Mixture:
    """Components with weights that sum to one; each is drawn its share of times, not at random."""

    weights: Sequence[float]
    components: Sequence[Component]

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        ends = np.round(n * np.cumsum(self.weights)).astype(int)
        counts = np.diff(ends, prepend=0)
        return np.concatenate([c.draw(m, rng) for c, m in zip(self.components, counts, strict=True)])

    def log_density(self, u: np.ndarray) -> np.ndarray:
        pairs = zip(self.weights, self.components, strict=True)
        return np.logaddexp.reduce([np.log(w) + c.log_density(u) for w, c in pairs])


def t_around(centre: np.ndarray, covariance: np.ndarray, df: float, wider: float = 1.0) -> SplitT:
    """A symmetric multivariate t with `covariance` times wider^2 as its scale matrix."""
    ones = np.full(len(centre), wider)
    return SplitT(centre, np.linalg.cholesky(covariance), ones, ones, df)
