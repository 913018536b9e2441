"""The likelihood of a subject's random effects, approximated by a normal one around their posterior mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from msclong.engines.bayesian.conditional.subject_rows import SubjectRows

STEP = 0.01
"""Difference step of a linear predictor, in units of the family's scale where it has one: truncation and rounding are
below 1e-4 of a second derivative."""

LENGTHS = np.array([1.0, 0.5, 0.2, 0.05, 0.01, 0.002, 0.0])
"""Lengths that a Newton step is tried at: the shortest where a narrow density is no longer log-concave."""

GRID = {1: np.linspace(-5, 5, 21), 2: np.linspace(-4, 4, 9)}
"""Where v starts, the best of them in each dimension, by the number of random effects: a heavy-tailed density with a
small scale has a mode at every outlying observation."""

DECREMENT = 1e-6
MAX_ITERATIONS = 50


@dataclass(frozen=True, eq=False)
class NormalLikelihood:
    """log p(y_i | b) as a quadratic in b, whose linear term follows the fixed part of the linear predictors.

    eta : (N,) by predictor, the linear predictors without b of the expansion. weight : (N, m) minus the second
    derivative of each row's log density in its predictors, zero where that is negative. precision : (n, q, q).
    linear : (n, q), the precision times the maximum.
    """

    rows: SubjectRows
    eta: tuple[np.ndarray, ...]
    weight: np.ndarray
    precision: np.ndarray
    linear: np.ndarray

    def combined(self, eta: tuple[np.ndarray, ...], root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean (S, n, q) and root (S, n, q, q) of the covariance of v, b = root v, at S draws of eta and root."""
        rows, q = self.rows, root.shape[1]
        linear = np.repeat(self.linear[None], len(root), axis=0)
        for m, (new, old) in enumerate(zip(eta, self.eta, strict=True)):
            moved = self.weight[:, m] * (new - old)
            for r in range(q):
                linear[..., r] -= rows.total(moved * rows.Z[:, m, r])
        across = root[:, None]
        precision = np.eye(q) + across.swapaxes(2, 3) @ self.precision @ across
        # precision = C C': C'^-1 is a root of its inverse.
        inverse = np.linalg.inv(np.linalg.cholesky(precision)) if q > 1 else 1 / np.sqrt(precision)
        half = inverse @ across.swapaxes(2, 3) @ linear[..., None]
        return (inverse.swapaxes(2, 3) @ half)[..., 0], inverse.swapaxes(2, 3)


def normal_likelihood(
    rows: SubjectRows, eta: tuple[np.ndarray, ...], phi: Mapping[str, np.ndarray], root: np.ndarray
) -> NormalLikelihood:
    """Expand the likelihood around the posterior mode of b ~ Normal(0, root root') at one draw of the parameters.

    eta : (N,) by predictor. phi : (size,) each. root : (q, q). Newton's method on all subjects at once, with
    derivatives by central differences in the linear predictors, and the size of the second where it has the wrong sign.
    """
    q = len(root)
    Z = rows.Z @ root  # (N, m, q)
    phi = {name: value[None] for name, value in phi.items()}

    def predictors(v: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(e + rows.effects(np.moveaxis(v @ root.T, -1, 0), m) for m, e in enumerate(eta))

    def objective(v: np.ndarray) -> np.ndarray:
        return rows.log_likelihood(predictors(v), phi) - 0.5 * (v**2).sum(axis=-1)

    grid = np.array(list(product(GRID[q], repeat=q)))
    v = grid[objective(np.repeat(grid[:, None], rows.n_subjects, axis=1)).argmax(axis=0)]
    for _ in range(MAX_ITERATIONS):
        slope, weight = derivatives(rows, predictors(v), phi)
        gradient = rows.total(np.einsum("nm,nmq->qn", slope, Z)).T - v
        information = rows.total(np.einsum("nm,nmq,nmr->qrn", np.abs(weight), Z, Z)).transpose(2, 0, 1)
        move = np.linalg.solve(information + np.eye(q), gradient[..., None])[..., 0]
        if (gradient * move).sum(axis=1).max() < DECREMENT:
            break
        trials = v + LENGTHS[:, None, None] * move
        best = objective(trials).argmax(axis=0)
        v = np.take_along_axis(trials, best[None, :, None], axis=0)[0]
    # At the mode, in terms of b: log p(y | b) = -1/2 b' P b + b' h, h = Z'slope + P b.
    slope, weight = derivatives(rows, predictors(v), phi)
    weight = weight.clip(0, None)
    precision = rows.total(np.einsum("nm,nmq,nmr->qrn", weight, rows.Z, rows.Z)).transpose(2, 0, 1)
    b = v @ root.T
    linear = rows.total(np.einsum("nm,nmq->qn", slope, rows.Z)).T + (precision @ b[..., None])[..., 0]
    return NormalLikelihood(rows, eta, weight, precision, linear)


def derivatives(
    rows: SubjectRows, eta: tuple[np.ndarray, ...], phi: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """First derivative of each row's log density in each predictor, and minus the second.

    eta : (..., N) by predictor; both results (..., N, m). By central differences, predictors one at a time: in the
    families with two, a row's density is a product of one factor for each.
    """
    scales = [phi[p.name].min() for p in rows.family.parameters if p.kind == "scale"]
    step = STEP * min(scales, default=1.0)
    side = np.array([-1.0, 0.0, 1.0]).reshape(3, *[1] * eta[0].ndim)
    slopes, weights = [], []
    for m in range(len(eta)):
        moved = tuple(e + step * side if i == m else e for i, e in enumerate(eta))
        below, at, above = rows.log_density(moved, phi)
        with np.errstate(invalid="ignore"):  # where the density is zero
            slopes.append((above - below) / (2 * step))
            weights.append((2 * at - above - below) / step**2)
    slope, weight = np.stack(slopes, axis=-1), np.stack(weights, axis=-1)
    usable = np.isfinite(slope) & np.isfinite(weight)
    return np.where(usable, slope, 0.0), np.where(usable, weight, 0.0)
