"""A posterior known as a mixture of normal distributions of beta, one for each weighted draw of theta."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.mixture import mixture_cdf, mixture_moments, mixture_quantile, shortest_interval
from msclong.results.posterior_draws import PosteriorDraws


@dataclass(frozen=True, eq=False)
class MixtureMarginals:
    """Marginals of m quantities, each a mixture of normals over S weighted draws of theta and C components at each.

    means, sds : (S, C, m). shares : (S, C), the components' probabilities given theta. weights : (S,).
    Exact given the draws of theta; their Monte Carlo errors are those of the weighted means over theta.
    """

    means: np.ndarray
    sds: np.ndarray
    shares: np.ndarray
    weights: np.ndarray

    kind = "posterior mean"

    @cached_property
    def _flat(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        m = self.means.shape[2]
        weights = (self.weights[:, None] * self.shares).reshape(-1)
        return self.means.reshape(-1, m), self.sds.reshape(-1, m), weights

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        return mixture_moments(*self._flat)

    @property
    def estimate(self) -> np.ndarray:
        return self._moments[0]

    @property
    def se(self) -> np.ndarray:
        return self._moments[1]

    def quantile(self, share: float) -> np.ndarray:
        return mixture_quantile(*self._flat, share)

    def shortest(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        return shortest_interval(*self._flat, level)

    def inside(self, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
        ends = [mixture_cdf(np.broadcast_to(x, self.estimate.shape), *self._flat) for x in (low, high)]
        return ends[1] - ends[0]

    def checks(self) -> dict[str, np.ndarray]:
        """ESS is the posterior variance over the squared error of the mean, at most S; one sample has no R-hat."""
        given_theta = np.einsum("sc,scm->sm", self.shares, self.means)
        error = self.weights**2 @ (given_theta - self.estimate) ** 2
        most = len(self.weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            ess = np.where(self.se > 0, np.minimum(self.se**2 / error, most), np.nan)
        return {"ess_bulk": ess, "rhat": np.full(len(ess), np.nan), "mcse": np.sqrt(error)}


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
        means = self.means @ hypothesis.L.T
        sds = np.sqrt(((hypothesis.L @ self.roots) ** 2).sum(axis=3))
        return MixtureMarginals(means, sds, self.shares, self.weights)
