"""The estimates without each subject, all subjects in one pass over the cross-moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np

from msclong.covariance.batch import batched, batched_sigma
from msclong.covariance.structure import CovarianceStructure
from msclong.design.design import Design
from msclong.design.unit_batches import unit_batches
from msclong.diagnostics.influence import influence
from msclong.engines.frequentist.engine import Frequentist
from msclong.engines.frequentist.maximum_likelihood import MaximumLikelihood, maximum_likelihood
from msclong.errors import ConvergenceError, EngineError, listing
from msclong.results.fit import Fit

ENOUGH_SUBJECTS = 30
"""Below so many, one subject may move the likelihood far: each is then left out with all checks of `influence`."""

TOLERANCE = 1e-16
"""Squared length of the last step, in units of minus twice the log-likelihood: 1e-8 of the estimates' errors."""

MOST_STEPS = 40
CHUNK = 400
"""Subjects left out in one pass."""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """beta (n, p) and theta (n, k) without each of the n subjects."""

    beta: np.ndarray
    theta: np.ndarray


_KNOWN: WeakKeyDictionary[Fit, LeftOut] = WeakKeyDictionary()


def left_out(fit: Fit) -> LeftOut:
    """Estimates without each subject; one fit's are computed once.

    Raises EngineError for another engine's fit, ConvergenceError where the model has no estimate without some subject.
    """
    if fit not in _KNOWN:
        if not isinstance(fit.engine, Frequentist):
            raise EngineError(
                f"The jackknife refits by maximum likelihood; this fit is of {type(fit.engine).__name__}. Impute from "
                "its draws: inference=ml.sensitivity.MultipleImputation(seed=1)."
            )
        _KNOWN[fit] = _all_at_once(fit, fit.engine.method == "reml") or _one_by_one(fit)
    return _KNOWN[fit]


def _one_by_one(fit: Fit) -> LeftOut:
    found = influence(fit)
    beta, theta = found.coefficients.to_numpy(), found.theta.to_numpy()
    if failed := found.table.index[np.isnan(beta).any(axis=1)].tolist():
        raise ConvergenceError(
            f"The jackknife leaves out each subject, and without {listing(failed)} this model has no estimate: "
            f"{found.table.loc[failed[0], 'note']} Use inference=ml.sensitivity.MultipleImputation(seed=1)."
        )
    return LeftOut(beta, theta)


def _all_at_once(fit: Fit, reml: bool) -> LeftOut | None:
    """By the gradient over the moments without each subject, from the estimates of all; None where that fails."""
    design = fit.design
    if design.n_subjects < ENOUGH_SUBJECTS or fit.outcome.singular:
        return None
    full = maximum_likelihood(design, reml)
    patterns = list(_patterns(design, full))
    n, k = design.n_subjects, full.optimum.gls.theta.size
    beta, theta = np.empty((n, len(design.fixed.names))), np.empty((n, k))
    try:
        hessian = 2 * full.optimum.information.observed
        np.linalg.cholesky(hessian)
        for chunk in np.array_split(np.arange(n), max(1, -(-n // CHUNK))):
            found = _climbed(full.there.structure, patterns, chunk, full.optimum.gls.theta, hessian, reml)
            if found is None:
                return None
            beta[chunk], theta[chunk] = found
    except np.linalg.LinAlgError:
        return None
    gls, standardised = full.optimum.gls, full.standardised
    beta = standardised.coefficients(gls.beta + beta @ gls.C.T)
    natural = theta @ full.there.theta.T
    return LeftOut(beta, np.stack([design.structure.scale(row, standardised.scale) for row in natural]))


@dataclass(frozen=True, eq=False)
class _Pattern:
    """coords : (t, d). units : codes (m,). rows : (m, t, q) of [x, y] where X'V^-1X = I and beta = 0 at the optimum."""

    coords: np.ndarray
    units: np.ndarray
    rows: np.ndarray

    @property
    def moments(self) -> np.ndarray:
        """(t t, q, q) sums over units of w_s w_t'."""
        t, q = self.rows.shape[1:]
        flat = self.rows.reshape(len(self.rows), -1)
        return (flat.T @ flat).reshape(t, q, t, q).transpose(0, 2, 1, 3).reshape(t * t, q, q)


def _patterns(design: Design, full: MaximumLikelihood) -> Iterator[_Pattern]:
    standardised, gls = full.standardised, full.optimum.gls
    X = design.fixed.X @ standardised.back
    residual = (design.y - design.fixed.X @ standardised.ols) / standardised.scale
    W = np.column_stack([X @ gls.C, residual - X @ gls.beta])
    for rows in unit_batches(design.unit, design.pattern_coords):
        shape = design.pattern_coords[rows]
        keys, member = np.unique(shape.reshape(len(rows), -1) + 0.0, axis=0, return_inverse=True)
        for i, key in enumerate(keys):
            chosen = rows[member.reshape(-1) == i]
            yield _Pattern(
                key.reshape(shape.shape[1:]) @ full.there.coords, design.unit[chosen[:, 0]], W[chosen]
            )


def _climbed(
    structure: CovarianceStructure,
    patterns: list[_Pattern],
    out: np.ndarray,
    start: np.ndarray,
    hessian: np.ndarray,
    reml: bool,
) -> tuple[np.ndarray, np.ndarray] | None:
    """beta (S, p) and theta (S, k) without each of the S units `out`, in the units of the patterns; None on failure.

    BFGS for each, from the curvature of all data: in z = R' theta, R R' = hessian, that is the identity.
    """
    parts = [_Part(pattern, out) for pattern in patterns]
    root = np.linalg.cholesky(hessian)
    back = np.linalg.inv(root)
    theta = np.tile(start, (len(out), 1))
    inverse = np.tile(np.eye(len(start)), (len(out), 1, 1))
    step = before = None
    for _ in range(MOST_STEPS):
        beta, slope = _slope(structure, parts, theta, reml)
        gradient = slope @ back.T
        if not np.isfinite(gradient).all():
            return None
        if step is not None and before is not None:
            inverse = _updated(inverse, step, gradient - before)
        step, before = -np.einsum("sjk,sk->sj", inverse, gradient), gradient
        if np.einsum("sk,sk->s", step, step).max() < TOLERANCE:
            return beta, theta
        theta = theta + step @ back
    return None


def _updated(inverse: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """BFGS: inverse Hessians (S, k, k) after steps that changed the gradients (S, k); unchanged without curvature."""
    curvature = np.einsum("sk,sk->s", step, change)
    sound = curvature > 1e-8 * np.einsum("sk,sk->s", step, step)
    rho = np.where(sound, 1 / np.where(sound, curvature, 1.0), 0.0)[:, None, None]
    left = np.eye(step.shape[1]) - rho * step[:, :, None] * change[:, None, :]
    return left @ inverse @ left.transpose(0, 2, 1) + rho * step[:, :, None] * step[:, None, :]


class _Part:
    """A pattern with the cases left out that belong to it.

    moments : (t t, q, q). cases : positions among the S left out; own (c, t, q) : their rows. n : (S,) units left.
    """

    def __init__(self, pattern: _Pattern, out: np.ndarray) -> None:
        self.coords, self.moments = pattern.coords, pattern.moments
        self.t = len(pattern.coords)
        place = {unit: i for i, unit in enumerate(pattern.units.tolist())}
        self.cases = np.array([s for s, unit in enumerate(out.tolist()) if unit in place], dtype=np.intp)
        self.own = pattern.rows[[place[unit] for unit in out[self.cases].tolist()]]
        self.n = np.full(len(out), float(len(pattern.units)))
        self.n[self.cases] -= 1

    def gram(self, M: np.ndarray) -> np.ndarray:
        """sum over the units left of W' M W, (S, q, q), for M (S, t, t)."""
        q = self.own.shape[2]
        total = (M.reshape(len(M), -1) @ self.moments.reshape(-1, q * q)).reshape(-1, q, q)
        total[self.cases] -= self.own.transpose(0, 2, 1) @ M[self.cases] @ self.own
        return total

    def scatter(self, weight: np.ndarray) -> np.ndarray:
        """sum over the units left of W K W', (S, t, t), for K (S, q, q)."""
        q = self.own.shape[2]
        total = (weight.reshape(-1, q * q) @ self.moments.reshape(-1, q * q).T).reshape(-1, self.t, self.t)
        total[self.cases] -= self.own @ weight[self.cases] @ self.own.transpose(0, 2, 1)
        return total


def _slope(
    structure: CovarianceStructure, parts: list[_Part], theta: np.ndarray, reml: bool
) -> tuple[np.ndarray, np.ndarray]:
    """beta (S, p), and the gradient (S, k) of minus twice the log-likelihood: sum tr(E_j (n M - M (S + F) M)).

    F = X Phi X', for REML. Both scatters are one contraction of the moments, with K = [Phi + b b', -b; -b', 1].
    """
    inverses = []
    for part in parts:
        sigma = batched_sigma(structure, theta.T, part.coords[None])[0]
        inverses.append(np.linalg.inv(np.moveaxis(sigma, -1, 0)))
    gram = np.sum([part.gram(M) for part, M in zip(parts, inverses, strict=True)], axis=0)
    p = gram.shape[1] - 1
    phi = np.linalg.inv(gram[:, :p, :p])
    beta = np.einsum("spq,sq->sp", phi, gram[:, :p, p])
    b = np.column_stack([-beta, np.ones(len(beta))])
    weight = b[:, :, None] * b[:, None, :]
    if reml:
        weight[:, :p, :p] += phi
    gradient = np.zeros_like(theta)
    for part, M in zip(parts, inverses, strict=True):
        pull = part.n[:, None, None] * M - M @ part.scatter(weight) @ M
        E = batched(partial(structure.first, coords=part.coords[None]), theta.T)[:, 0]
        gradient += np.einsum("kabs,sab->sk", E, pull)
    return beta, gradient
