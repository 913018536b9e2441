"""A posterior known as a mixture of normal distributions of beta, one for each weighted draw of theta."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.mixture import mixture_cdf, mixture_moments, mixture_quantile, shortest_interval
from msclong.results.posterior_draws import PosteriorDraws

PARALLEL = 12
"""Rows of a hypothesis that agree to so many decimals, in units of their largest weight, are multiples of one."""


@dataclass(frozen=True, eq=False)
class MixtureMarginals:
    """Marginals of m quantities, multiples of d mixtures of normals over S weighted draws of theta and C components.

    means, sds : (S, C, d). shares : (S, C), the components' probabilities given theta. weights : (S,).
    which, factor : (m,), a quantity is factor times mixture `which`.
    Exact given the draws of theta; their Monte Carlo errors are those of the weighted means over theta.
    """

    means: np.ndarray
    sds: np.ndarray
    shares: np.ndarray
    weights: np.ndarray
    which: np.ndarray
    factor: np.ndarray

    kind = "posterior mean"

    @cached_property
    def _flat(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        d = self.means.shape[2]
        weights = (self.weights[:, None] * self.shares).T.reshape(-1)
        return self.means.T.reshape(d, -1).T, self.sds.T.reshape(d, -1).T, weights

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        return mixture_moments(*self._flat)

    @property
    def estimate(self) -> np.ndarray:
        return np.asarray(self.factor * self._moments[0][self.which])

    @property
    def se(self) -> np.ndarray:
        return np.asarray(np.abs(self.factor) * self._moments[1][self.which])

    def quantile(self, share: float) -> np.ndarray:
        found = mixture_quantile(*self._flat, share)[self.which]
        if (self.factor < 0).any():
            found = np.where(self.factor < 0, mixture_quantile(*self._flat, 1 - share)[self.which], found)
        return np.asarray(self.factor * found)

    def shortest(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        ends = [self.factor * end[self.which] for end in shortest_interval(*self._flat, level)]
        return np.minimum(*ends), np.maximum(*ends)

    def inside(self, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
        return self._below(high) - self._below(low)

    def _below(self, x: np.ndarray | float) -> np.ndarray:
        """P(quantity <= x), (m,)."""
        asked = np.stack([self.which, x / self.factor])
        (which, points), back = np.unique(asked, axis=1, return_inverse=True)
        means, sds, weights = self._flat
        which = which.astype(int)
        found = mixture_cdf(points, means[:, which], sds[:, which], weights)[back.reshape(-1)]
        return np.where(self.factor < 0, 1 - found, found)

    def checks(self) -> dict[str, np.ndarray]:
        """ESS is the posterior variance over the squared error of the mean, at most S; one sample has no R-hat."""
        mean, sd = self._moments
        given_theta = np.einsum("sc,scd->sd", self.shares, self.means)
        error = self.weights**2 @ (given_theta - mean) ** 2
        most = len(self.weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            ess = np.where(sd > 0, np.minimum(sd**2 / error, most), np.nan)
        return {
            "ess_bulk": ess[self.which],
            "rhat": np.full(len(self.which), np.nan),
            "mcse": np.abs(self.factor) * np.sqrt(error)[self.which],
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class PosteriorMixture(PosteriorDraws):
    """beta | theta, y is a mixture of C normals, known exactly; theta has weighted draws.

    weights : (S,), they sum to one. shares : (S, C), probabilities of the components (of a mixture prior of beta; C is
    1 for a normal one). means : (S, C, p). roots : (S, C, p, p), R with covariance R R'.
    draws, theta : equally weighted draws (1, n, ...), for all that asks for draws.

    Tables of beta are Rao-Blackwellised: moments, quantiles and probabilities of the mixture, not of draws.
    """

    weights: np.ndarray
    shares: np.ndarray
    means: np.ndarray
    roots: np.ndarray

    @property
    def beta(self) -> np.ndarray:
        return np.einsum("s,sc,scp->p", self.weights, self.shares, self.means)

    @property
    def vcov(self) -> np.ndarray:
        weights = self.weights[:, None] * self.shares
        moved = self.means - self.beta
        # Weighted roots and weighted deviations side by side: one product has both parts of the variance.
        inner = (
            (np.sqrt(weights)[..., None, None] * self.roots)
            .transpose(2, 0, 1, 3)
            .reshape(len(self.names), -1)
        )
        outer = (np.sqrt(weights)[..., None] * moved).reshape(-1, len(self.names))
        return np.asarray(inner @ inner.T + outer.T @ outer)

    def marginals(self, hypothesis: LinearHypothesis) -> MixtureMarginals:
        # Of a trend in time every visit's contrast with baseline is a multiple of one quantity.
        directions, which, factor = _directions(hypothesis.L)
        p = len(self.names)
        means, roots = self.means.T, self.roots.transpose(2, 3, 1, 0)
        means = (directions @ means.reshape(p, -1)).reshape(-1, *means.shape[1:])
        rows = (directions @ roots.reshape(p, -1)).reshape(-1, *roots.shape[1:])
        return MixtureMarginals(
            means.T,
            np.sqrt(np.einsum("dp...,dp...->d...", rows, rows)).T,
            self.shares,
            self.weights,
            which,
            factor,
        )


def _directions(L: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct directions (d, p) of the rows of L (m, p); of each row which it is, and how many times it."""
    largest = np.take_along_axis(L, np.abs(L).argmax(axis=1)[:, None], axis=1)[:, 0]
    size = np.where(largest != 0, largest, 1.0)
    _, first, which = np.unique(
        np.round(L / size[:, None], PARALLEL) + 0.0, axis=0, return_index=True, return_inverse=True
    )
    which = which.reshape(-1)
    return L[first], which, size / size[first][which]
