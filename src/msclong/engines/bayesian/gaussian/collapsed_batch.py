"""The collapsed likelihood at many thetas in one pass of NumPy, and beta given each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.batch import batched_sigma
from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.gaussian.collapsed import CollapsedMoments
from msclong.engines.bayesian.importance.batched_cholesky import cholesky, inverse_of_lower

CHUNK = 250_000
"""Numbers of the largest array that one pass may need (2 MB): what a processor's cache holds is three times as fast."""


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
        inverse = inverse_of_lower(np.moveaxis(self.factor, 0, 2))[:p, :p]
        root = inverse.transpose(2, 3, 1, 0)
        mean = root @ self.factor[:, p, :p].transpose(0, 2, 1)[..., None]
        return mean[..., 0], root


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
    pattern, s, t = moments.pairs
    inside = np.arange(moments.coords.shape[1]) < moments.size[:, None]
    both = (inside[:, :, None] & inside[:, None, :])[..., None]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        sigma = batched_sigma(structure, theta, moments.coords)
        # Outside a pattern's own observations Sigma becomes the identity: one pass serves all patterns.
        padded = np.where(both, sigma, np.eye(both.shape[1])[..., None]).transpose(1, 2, 0, 3)
        root = cholesky(padded)
        inverse = inverse_of_lower(root)
        M = np.empty_like(inverse)
        for i in range(len(M)):
            M[i, : i + 1] = (inverse[i:, i, None] * inverse[i:, : i + 1]).sum(axis=0)
        gram = moments.products.T @ M[s, t, pattern]
        log_det = moments.n @ np.log(np.einsum("ii...->i...", root)).sum(axis=0)
        q = moments.n_columns
        low, high = np.tril_indices(q)
        factors, values = [], []
        for prior in moments.prior[None] if priors is None else priors:
            full = np.empty((q, q, gram.shape[1]))
            full[low, high] = full[high, low] = gram + prior.reshape(len(prior), -1)
            D = cholesky(full)
            diagonal = np.einsum("ii...->i...", D)
            value = -log_det - np.log(diagonal[:-1]).sum(axis=0) - diagonal[-1] ** 2 / 2
            values.append(np.where(np.isnan(value), -np.inf, value))
            factors.append(D)
    return CollapsedBatch(np.stack(values), np.stack(factors))


def most_at_once(moments: CollapsedMoments, n_priors: int = 1) -> int:
    """Thetas that one pass may take."""
    patterns, t = moments.coords.shape[:2]
    return max(1, CHUNK // max(patterns * t * t, len(moments.products), n_priors * moments.n_columns**2))
