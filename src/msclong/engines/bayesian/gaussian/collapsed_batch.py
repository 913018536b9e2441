"""The collapsed likelihood at many thetas in one pass of NumPy, and beta given each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.batch import batched_sigma
from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.gaussian.collapsed import CollapsedMoments
from msclong.engines.bayesian.importance.batched_cholesky import cholesky, inverse_of_lower

CHUNK = 300_000
"""Numbers that one pass may need (0.8 MB): what a processor's cache holds is three times as fast."""


@dataclass(frozen=True, eq=False)
class CollapsedBatch:
    """The likelihood of S thetas with beta integrated out, under each of C normal priors of beta.

    log_likelihood : (C, S), log p(y | theta, prior c), each up to the same constant as
        `collapsed_log_likelihood`; -inf where Sigma is not positive definite.
    factor : (C, q, q, S), Cholesky factor D of G = [X, y]' V^-1 [X, y] plus the prior's squares = [A m; m' c]:
        beta | theta, y is Normal(A^-1 m, A^-1).
    """

    log_likelihood: np.ndarray
    factor: np.ndarray

    def shares(self, log_weights: np.ndarray | None = None) -> np.ndarray:
        """Probabilities of the priors given theta and y, (S, C); log_weights (C,) of each, constants included."""
        log = self.log_likelihood if log_weights is None else self.log_likelihood + log_weights[:, None]
        return np.exp(log - np.logaddexp.reduce(log)).T

    def coefficients(self) -> tuple[np.ndarray, np.ndarray]:
        """Means (C, S, p) of beta given theta, and roots R (C, S, p, p) of its covariance R R'."""
        p = self.factor.shape[1] - 1
        D = np.moveaxis(self.factor, 0, 2)
        inverse = inverse_of_lower(D[:p, :p])
        mean = np.einsum("ba...,b...->a...", inverse, D[p, :p])
        return np.moveaxis(mean, 0, -1), inverse.transpose(2, 3, 1, 0)


def collapsed_batch(
    structure: CovarianceStructure,
    theta: np.ndarray,
    moments: CollapsedMoments,
    priors: np.ndarray | None = None,
) -> CollapsedBatch:
    """The likelihood at the S columns of theta (k, S), in the units of `moments`.

    priors : (C, W), half-vectorised squares of each prior of beta, or (C, W, S) where it depends on theta; None takes
    that of the moments alone.
    """
    patterns = moments.nested
    t, q = patterns.coords.shape[1], moments.n_columns
    low, high = np.tril_indices(q)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        sigma = batched_sigma(structure, theta, patterns.coords).transpose(1, 2, 0, 3)
        if (patterns.size < t).any():
            # Outside a pattern's own observations Sigma becomes the identity: one pass serves all patterns.
            inside = np.arange(t)[:, None] < patterns.size
            both = (inside[:, None] & inside)[..., None]
            sigma = np.where(both, sigma, np.eye(t)[..., None, None])
        root = cholesky(sigma)
        log_det = np.tensordot(patterns.n, np.log(np.einsum("ii...->i...", root)))
        gram = patterns.gram(inverse_of_lower(root))
        factors, values = [], []
        for prior in moments.prior[None] if priors is None else priors:
            full = np.empty((q, q, gram.shape[1]))
            full[low, high] = gram + prior.reshape(len(prior), -1)
            D = cholesky(full)
            diagonal = np.einsum("ii...->i...", D)
            value = -log_det - np.log(diagonal[:-1]).sum(axis=0) - diagonal[-1] ** 2 / 2
            values.append(np.where(np.isnan(value), -np.inf, value))
            factors.append(D)
    return CollapsedBatch(_stacked(values), _stacked(factors))


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    return np.stack(arrays) if len(arrays) > 1 else arrays[0][None]


def numbers(moments: CollapsedMoments, n_priors: int = 1) -> int:
    """Numbers of the arrays that each theta needs: Sigma and M of the patterns, G under each prior."""
    patterns, t = moments.nested.coords.shape[:2]
    pairs = sum(len(stretch.products) for stretch in moments.nested.stretches)
    return patterns * t**2 + pairs + n_priors * moments.n_columns**2


def most_at_once(moments: CollapsedMoments, n_priors: int = 1) -> int:
    """Thetas that one pass may take."""
    return max(1, CHUNK // numbers(moments, n_priors))
