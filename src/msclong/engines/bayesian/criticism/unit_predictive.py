"""A unit's outcomes as all other units predict them, given theta: a normal distribution, beta integrated out.

With theta given, beta | y is Normal(b, A^-1). For unit i let e = y_i - X_i b, V = Sigma_i(theta), H = X_i A^-1 X_i' and
K = V - H. Taking the unit's own share out of A and b leaves, by Woodbury's identity,

    y_i - E(y_i | other units) = V K^-1 e,    Cov(y_i | other units) = V K^-1 V.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from msclong.covariance.batch import batched, batched_sigma
from msclong.design.design import Design
from msclong.design.unit_batches import unit_batches
from msclong.engines.bayesian.gaussian.collapsed_batch import collapsed_batch
from msclong.engines.bayesian.gaussian.gaussian_posterior import GaussianPosterior, gaussian_posterior
from msclong.engines.bayesian.importance.batched_cholesky import cholesky

AT_ONCE = 2_000_000
"""Numbers of the largest array of a pass (16 MB)."""

Batch = tuple[slice, np.ndarray, np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]
"""Some draws (s); rows (P, t) of units; log probabilities (C, s) of the prior's components; standardised V
(t, t, P, s); for each component e (t, P, s) and H (t, t, P, s)."""


@dataclass(frozen=True, eq=False)
class UnitPredictive:
    """The predictive distributions of the U units of a Gaussian design under its priors.

    Where the prior of beta has several components c, with pi_c their probabilities given theta and all outcomes and
    l_c(y_i) the density of the unit's outcomes under each, the other units give c a probability proportional to
    pi_c / l_c(y_i).
    """

    design: Design

    def log_density(self, theta: np.ndarray, only: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """log p(y_i | other units, theta) and log p(y_i | all units, theta), (S, U) each; theta (S, k).

        Of the outcomes on their own scale: the Jacobian of a transformed family counts. only : the code of
        the one unit that is wanted; the others stay NaN.
        """
        left_out, within = np.full((2, len(theta), self.n_units), np.nan)
        for draws, rows, log_share, V, parts in self._batches(theta, only):
            unit = self.design.unit[rows[:, 0]]
            log_det_v = np.log(_diagonal(cholesky(V))).sum(axis=0)
            inside, outside = [], []
            for e, H in parts:
                inside.append(_log_normal(cholesky(V + H), e))
                outside.append(_left_out(V - H, e, log_det_v))
            share = log_share[:, None]
            left_out[draws, unit] = -np.logaddexp.reduce(share - np.stack(outside)).T
            within[draws, unit] = np.logaddexp.reduce(share + np.stack(inside)).T
        return left_out + self._constant, within + self._constant

    def probability(self, theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """P(Y_ij <= y_ij | other units) of each observation j of unit i, (N,), averaged over theta (S, k).

        weights : (S, U), those of the draws where unit i is left out, with sum one for each unit.
        """
        total = np.zeros(self.design.n_obs)
        for draws, rows, log_share, V, parts in self._batches(theta):
            log_det_v = np.log(_diagonal(cholesky(V))).sum(axis=0)
            log_weights, probabilities = [], []
            for (e, H), share in zip(parts, log_share, strict=True):
                root = cholesky(V - H)
                log_weights.append(share - _left_out(V - H, e, log_det_v))
                lower = np.stack([_forward(root, V[:, j]) for j in range(rows.shape[1])], axis=1)
                error = (lower * _forward(root, e)[:, None]).sum(axis=0)
                probabilities.append(ndtr(error / np.sqrt((lower**2).sum(axis=0))))
            log_weight = np.stack(log_weights)
            share = np.exp(log_weight - np.logaddexp.reduce(log_weight))
            weight = weights[draws, self.design.unit[rows[:, 0]]].T
            total[rows] += np.einsum("cps,ctps,ps->pt", share, np.stack(probabilities), weight)
        return total

    def _batches(self, theta: np.ndarray, only: int | None = None) -> Iterator[Batch]:
        design, posterior = self.design, self._posterior
        units = posterior.standardised
        X = design.fixed.X @ units.back
        y = (design.y - design.fixed.X @ units.ols) / units.scale
        batches = []
        for rows in unit_batches(design.unit, design.pattern_coords):
            if only is not None and not len(rows := rows[design.unit[rows[:, 0]] == only]):
                continue
            coords = design.pattern_coords[rows]
            distinct, pattern = np.unique(coords.reshape(len(rows), -1), axis=0, return_inverse=True)
            batches.append((rows, distinct.reshape(-1, *coords.shape[1:]), pattern.reshape(-1)))
        largest = max(rows.size * max(rows.shape[1], X.shape[1]) for rows, _, _ in batches)
        step = max(1, min(AT_ONCE // largest, posterior.at_once))
        for start in range(0, len(theta), step):
            draws = slice(start, start + step)
            columns = batched(lambda one: design.structure.scale(one, 1 / units.scale), theta[draws].T)
            collapsed = collapsed_batch(design.structure, columns, posterior.moments, posterior.squares)
            log_share = posterior.log_weights[:, None] + collapsed.log_likelihood
            log_share = log_share - np.logaddexp.reduce(log_share)
            means, roots = collapsed.coefficients()
            for rows, distinct, pattern in batches:
                V = batched_sigma(design.structure, columns, distinct)[pattern].transpose(1, 2, 0, 3)
                parts = []
                for mean, root in zip(means, roots, strict=True):
                    B = X[rows] @ root[:, None]
                    H = np.moveaxis(B @ B.swapaxes(2, 3), (0, 1), (3, 2))
                    parts.append((y[rows].T[..., None] - (X[rows] @ mean.T).transpose(1, 0, 2), H))
                yield draws, rows, log_share, V, parts

    @property
    def n_units(self) -> int:
        return int(self.design.unit.max()) + 1

    @cached_property
    def _posterior(self) -> GaussianPosterior:
        return gaussian_posterior(self.design)

    @cached_property
    def _constant(self) -> np.ndarray:
        """What standardised log densities lack, (U,)."""
        design = self.design
        each = design.family.log_jacobian(design.observation["y"]) - np.log(
            self._posterior.standardised.scale
        )
        return np.bincount(design.unit, each - np.log(2 * np.pi) / 2, minlength=self.n_units)


def _log_normal(root: np.ndarray, e: np.ndarray) -> np.ndarray:
    """log density, without its constant, of e (t, ...) with covariance root root' (t, t, ...)."""
    return -np.log(_diagonal(root)).sum(axis=0) - (_forward(root, e) ** 2).sum(axis=0) / 2


def _left_out(K: np.ndarray, e: np.ndarray, log_det_v: np.ndarray) -> np.ndarray:
    """The same of V K^-1 e with covariance V K^-1 V; log_det_v is half the log determinant of V."""
    root = cholesky(K)
    return np.log(_diagonal(root)).sum(axis=0) - 2 * log_det_v - (_forward(root, e) ** 2).sum(axis=0) / 2


def _diagonal(matrices: np.ndarray) -> np.ndarray:
    return np.einsum("tt...->t...", matrices)


def _forward(root: np.ndarray, x: np.ndarray) -> np.ndarray:
    """root^-1 x of lower triangular matrices (t, t, ...) and vectors (t, ...)."""
    solved = np.empty(np.broadcast_shapes(x.shape, root.shape[1:]))
    for i in range(len(root)):
        solved[i] = (x[i] - (root[i, :i] * solved[:i]).sum(axis=0)) / root[i, i]
    return solved
