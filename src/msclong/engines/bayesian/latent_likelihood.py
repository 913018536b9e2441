"""Subjects' marginal likelihoods under any covariance of their linear predictors, by importance sampling.

The T = t m predictors of a subject's t rows are l = eta + A v, A A' = Sigma(theta), v ~ Normal(0, I). With v^ the mode
of v given y and R R' the inverse of minus its Hessian there (Laplace's approximation),

    p(y) = mean over x ~ Normal(0, I) of p(y | v^ + R x) phi(v^ + R x) |R| / phi(x),

exact for normal outcomes, whatever x is; x are points of a scrambled Sobol sequence, the same for all draws and
subjects.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from msclong.covariance.batch import batched_sigma
from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.subject_modes import DECREMENT, LENGTHS, MAX_ITERATIONS, derivatives
from msclong.engines.bayesian.subject_rows import SubjectRows

POINTS = 256
"""Importance draws; of moderately non-normal integrals the logarithm is then good to 0.02."""

LARGEST = 2**18
"""Elements of one array of a batch."""


def latent_log_likelihood(
    rows: SubjectRows,
    structure: CovarianceStructure,
    eta: tuple[np.ndarray, ...],
    phi: Mapping[str, np.ndarray],
    theta: np.ndarray,
) -> np.ndarray:
    """log p(y_i | draw), (S, n).

    rows : Z holds what the structure reads of each predictor of each row. eta : (S, N) by predictor. phi : (S, size)
    each. theta : (S, k).
    """
    result = np.empty((len(theta), rows.n_subjects))
    sizes = np.bincount(rows.subject)
    for t in np.unique(sizes):
        subjects = np.flatnonzero(sizes == t)
        where = (rows.first[subjects][:, None] + np.arange(t)).ravel()
        some = rows.of(where)
        coords = some.Z.reshape(len(subjects), -1, rows.Z.shape[2])
        step = max(1, LARGEST // (POINTS * len(where)))
        for start in range(0, len(theta), step):
            s = slice(start, start + step)
            sigma = np.moveaxis(batched_sigma(structure, theta[s].T, coords), -1, 0)
            values, vectors = np.linalg.eigh(sigma)
            A = vectors * np.sqrt(values.clip(0, None))[..., None, :]
            each = {name: value[s] for name, value in phi.items()}
            result[s, subjects] = _integrals(some, tuple(e[s][:, where] for e in eta), each, A)
    return result


def _integrals(
    rows: SubjectRows, eta: tuple[np.ndarray, ...], phi: Mapping[str, np.ndarray], A: np.ndarray
) -> np.ndarray:
    """(S, n), of subjects with equally many rows; A (S, n, T, T)."""
    m, T = len(eta), A.shape[-1]

    def predictors(v: np.ndarray) -> tuple[np.ndarray, ...]:
        latent = np.einsum("snij,...snj->...sni", A, v)
        latent = latent.reshape(*latent.shape[:-2], -1, m)
        return tuple(e + latent[..., i] for i, e in enumerate(eta))

    def log_joint(v: np.ndarray) -> np.ndarray:
        return rows.log_likelihood(predictors(v), phi) - 0.5 * (v**2).sum(axis=-1)

    v = np.zeros(A.shape[:-1])
    for _ in range(MAX_ITERATIONS):
        slope, weight = (x.reshape(A.shape[:-1]) for x in derivatives(rows, predictors(v), phi))
        gradient = np.einsum("snij,sni->snj", A, slope) - v
        precision = np.eye(T) + A.swapaxes(-1, -2) @ (weight[..., None] * A)
        move = np.linalg.solve(precision, gradient[..., None])[..., 0]
        if (gradient * move).sum(axis=-1).max() < DECREMENT:
            break
        trials = v + LENGTHS[:, None, None, None] * move
        best = log_joint(trials).argmax(axis=0)
        v = np.take_along_axis(trials, best[None, ..., None], axis=0)[0]
    inverse = np.linalg.inv(np.linalg.cholesky(precision))
    x = ndtri(qmc.Sobol(T, seed=np.random.default_rng(1)).random(POINTS))  # scrambled
    terms = log_joint(v + np.einsum("snji,kj->ksni", inverse, x)) + 0.5 * (x**2).sum(axis=1)[:, None, None]
    log_volume = np.log(np.einsum("snii->sni", inverse)).sum(axis=-1)
    return np.logaddexp.reduce(terms) - np.log(POINTS) + log_volume
