"""Subjects' marginal likelihoods under any covariance of their linear predictors, by importance sampling.

The T = t m predictors of a subject's t rows are l = eta + A v, A A = Sigma(theta), v ~ Normal(0, I). With v^ the mode
of v given y and R R' the inverse of minus its Hessian there (Laplace's approximation),

    p(y) = mean over x ~ Normal(0, I) of p(y | v^ + R x) phi(v^ + R x) |R| / phi(x),

exact for normal outcomes, whatever x is. x are quasi-random points: of one scrambled Sobol sequence, the same for all
draws and subjects, so that the result is smooth in the parameters; or, shifted at random for each draw and subject, so
that it is unbiased, for a subject and for the product of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from msclong.covariance.batch import batched_sigma
from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.conditional.subject_modes import DECREMENT, LENGTHS, MAX_ITERATIONS, derivatives
from msclong.engines.bayesian.conditional.subject_rows import SubjectRows

POINTS = 256
"""Importance draws; of moderately non-normal integrals the logarithm is then good to 0.02."""

LARGEST = 2**18
"""Elements of one array of a batch."""

HUGE = 1e16
"""Variances, and precisions of an observation, count as this where they are larger: only far out of the posterior."""

WIDER = 1.2
"""Random points are this much farther apart than v given y: the tails of p(y | v) phi(v) are heavier than normal ones.
"""

SHORTEST = 1e-4
"""Steps of v below this, in prior SDs, are not tried again at a part of their length."""

FEW = 6
"""Newton steps towards v^ at most where an integral is only to be unbiased."""

INSIDE = 1e-12
"""Points of the unit cube stay this far from its sides."""


def latent_log_likelihood(
    rows: SubjectRows,
    structure: CovarianceStructure,
    eta: tuple[np.ndarray, ...],
    phi: Mapping[str, np.ndarray],
    theta: np.ndarray,
    n_points: int = POINTS,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """log p(y_i | draw), (S, n).

    rows : Z holds what the structure reads of each predictor of each row. eta : (S, N) by predictor. phi : (S, size)
    each. theta : (S, k). rng : shifts the points of each draw and subject; without it all have the same.
    """
    result = np.empty((len(theta), rows.n_subjects))
    sizes = np.bincount(rows.subject)
    for t in np.unique(sizes):
        subjects = np.flatnonzero(sizes == t)
        where = (rows.first[subjects][:, None] + np.arange(t)).ravel()
        some = rows.of(where)
        coords = some.Z.reshape(len(subjects), -1, rows.Z.shape[2])
        flat, pattern = np.unique(coords.reshape(len(subjects), -1), axis=0, return_inverse=True)
        patterns = flat.reshape(-1, *coords.shape[1:])
        cube = qmc.Sobol(coords.shape[1], seed=np.random.default_rng(1)).random(n_points)  # scrambled
        step = max(1, LARGEST // (n_points * len(where)))
        for start in range(0, len(theta), step):
            s = slice(start, start + step)
            sigma = np.moveaxis(batched_sigma(structure, theta[s].T, patterns), -1, 0)
            finite = np.isfinite(sigma)
            values, vectors = np.linalg.eigh(np.where(finite, sigma, 0.0))
            # The symmetric root is smooth in theta, and there where Sigma is singular.
            A = (vectors * np.sqrt(values.clip(0, HUGE))[..., None, :]) @ vectors.swapaxes(-1, -2)
            each = {name: value[s] for name, value in phi.items()}
            x = _points(cube, len(sigma), len(subjects), rng)
            found = _integrals(
                some, tuple(e[s][:, where] for e in eta), each, A[:, pattern], x, rng is not None
            )
            result[s, subjects] = np.where(finite.all(axis=(2, 3))[:, pattern], found, -np.inf)
    return result


def _points(cube: np.ndarray, S: int, n: int, rng: np.random.Generator | None) -> np.ndarray:
    """x from points of the unit cube (K, T): (S, n, T, K), or (1, 1, T, K) without a generator."""
    shift = 0.0 if rng is None else rng.random((S, n, cube.shape[1], 1))
    return ndtri(((cube.T[None, None] + shift) % 1).clip(INSIDE, 1 - INSIDE))


def _integrals(
    rows: SubjectRows,
    eta: tuple[np.ndarray, ...],
    phi: Mapping[str, np.ndarray],
    A: np.ndarray,
    x: np.ndarray,
    random: bool,
) -> np.ndarray:
    """(S, n), of subjects with equally many rows; A (S, n, T, T), x as `_points` makes them."""
    m, T = len(eta), A.shape[-1]

    def predictors(v: np.ndarray) -> tuple[np.ndarray, ...]:
        latent = (A @ v[..., None])[..., 0]
        latent = latent.reshape(*latent.shape[:-2], -1, m)
        return tuple(e + latent[..., i] for i, e in enumerate(eta))

    def log_joint(v: np.ndarray) -> np.ndarray:
        return rows.log_likelihood(predictors(v), phi) - 0.5 * (v**2).sum(axis=-1)

    v = np.zeros(A.shape[:-1])
    height = log_joint(v)
    for _ in range(FEW if random else MAX_ITERATIONS):
        slope, weight = (y.reshape(A.shape[:-1]) for y in derivatives(rows, predictors(v), phi))
        gradient = np.einsum("snij,sni->snj", A, slope) - v
        R, log_volume = _inverse_root(np.eye(T) + A @ (np.abs(weight).clip(None, HUGE)[..., None] * A))
        move = (R @ (R.swapaxes(-1, -2) @ gradient[..., None]))[..., 0]
        if (gradient * move).sum(axis=-1).max() < DECREMENT:
            break
        v, height = _climbed(log_joint, v, height, move)
    if random:
        R, log_volume = WIDER * R, log_volume + T * np.log(WIDER)
    away = np.moveaxis(R @ x, -1, 0)
    terms = log_joint(v + away) + 0.5 * np.moveaxis((x**2).sum(axis=-2), -1, 0)
    most = terms.max(axis=0)
    with np.errstate(invalid="ignore"):  # -inf - -inf, where the density is zero at every point
        mean = np.exp(terms - most).mean(axis=0)
    return np.where(np.isfinite(most), most + np.log(mean), -np.inf) + log_volume


def _climbed(
    log_joint: Callable[[np.ndarray], np.ndarray], v: np.ndarray, height: np.ndarray, move: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """v (S, n, T) and the log density there after the longest step of `LENGTHS` that leads up, for each subject."""
    left = np.ones(height.shape, dtype=bool)
    for length in LENGTHS[LENGTHS > 0]:
        trial = v + length * move
        there = log_joint(trial)
        up = left & (there > height)
        v = np.where(up[..., None], trial, v)
        height = np.where(up, there, height)
        left &= ~up
        # A step so short gains nothing that can be told from rounding.
        left &= np.abs(move).max(axis=-1) > SHORTEST
        if not left.any():
            break
    return v, height


def _inverse_root(precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """R (..., T, T), R R' the inverse of a matrix whose eigenvalues are one or more, and log |R|."""
    try:
        inverse = np.linalg.inv(np.linalg.cholesky(precision))
    except np.linalg.LinAlgError:  # by rounding, of huge elements
        values, vectors = np.linalg.eigh(precision)
        values = values.clip(1, None)
        return vectors / np.sqrt(values)[..., None, :], -0.5 * np.log(values).sum(axis=-1)
    return inverse.swapaxes(-1, -2), np.log(np.einsum("...ii->...i", inverse)).sum(axis=-1)
