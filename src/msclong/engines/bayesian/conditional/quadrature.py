"""Subjects' marginal likelihoods by adaptive Gauss-Hermite quadrature over one or two random effects.

Given its random effects b ~ Normal(0, G), a subject's outcomes are independent with linear predictors
eta = X beta + offset + Z b. With b = L v, G = L L', the integral over v ~ Normal(0, I) is a sum over nodes x_k with
weights w_k of the standard normal density phi, moved to v_k = m + R t(x_k):

    integral = sum_k w_k p(y | v_k) phi(v_k) / phi(x_k) |R| |dt/dx|(x_k).

Naylor and Smith (1982), Applied Statistics 31:214; Liu and Pierce (1994), Biometrika 81:624; Pinheiro and Bates
(1995), JCGS 4:12. m and R R' are approximately the mean and covariance of v given y, and t, on each axis, makes a
normal variable a shifted log-normal one with v's skewness: a subject with nothing but zeros has a posterior with one
steep and one long side, where the linear rule of as many nodes has a hundred times the error.

The nodes follow every draw of the parameters, in two steps: the likelihood of b is approximated by a normal
one around the mode at a central draw, and combined with each draw's own G and X beta; then the moments
that a coarse rule finds there place the nodes of the fine rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from msclong.engines.bayesian.conditional.subject_modes import NormalLikelihood, normal_likelihood
from msclong.engines.bayesian.conditional.subject_rows import SubjectRows

COARSE = {1: 7, 2: 5}
"""Nodes in each dimension of the rule that finds the moments, by the number of random effects."""

FINE = {1: 11, 2: 7}
"""Nodes in each dimension of the rule whose sum is the likelihood."""

LARGEST = 2**17
"""Elements of one array of a batch (1 MB: the cache of a core)."""

LEAST_SPREAD, MOST_SPREAD = 0.2, 4.0
"""The moments may shrink or widen a subject's nodes by these factors at a time."""

FAR, NARROW = 1.0, 0.4
"""A mean farther off than this, or an SD below this, in units of the nodes' own, may be wrong: the nodes move again."""

MOST_MOVES = 20
"""Moves at most; mostly there is one."""

LEAST_SKEW, MOST_SKEW = 1e-3, 2.0
"""Size of the skewness that nodes follow (a log-normal distribution has some)."""


@dataclass(frozen=True, eq=False)
class Integrals:
    """Of S draws and n subjects: log_likelihood (S, n); mean (S, n, q) and covariance (S, n, q, q) of b given y.

    The moments have no rows where they were not asked for.
    """

    log_likelihood: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray


def integrate(
    rows: SubjectRows,
    eta: tuple[np.ndarray, ...],
    phi: Mapping[str, np.ndarray],
    root: np.ndarray,
    n_nodes: int | None = None,
    moments: bool = False,
) -> Integrals:
    """Integrate the random effects out of S draws of the parameters.

    eta : (S, N) linear predictors without the random effects, one array for each predictor, rows in the order of
    `rows`. phi : (S, size) each. root : (S, q, q), G = root root'. n_nodes : in each dimension (default FINE).
    moments : also those of b.
    """
    S, q = root.shape[:2]
    fine = FINE[q] if n_nodes is None else n_nodes
    around = _central(rows, eta, phi, root)
    log_likelihood = np.empty((S, rows.n_subjects))
    mean = np.empty((S if moments else 0, rows.n_subjects, q))
    covariance = np.empty((*mean.shape, q))
    for some in _batches(S, rows.n_obs * max(fine, COARSE[q]) ** q):
        L = root[some]
        batch = _Batch(rows, tuple(e[some] for e in eta), {k: v[some] for k, v in phi.items()}, L)
        centre, scale = around.combined(batch.eta, L)
        nodes = _Nodes(np.moveaxis(centre, -1, 0).copy(), np.moveaxis(scale, (-2, -1), (0, 1)).copy())
        for _ in range(MOST_MOVES):
            nodes, settled = _moved(nodes, batch.terms(nodes, COARSE[q]))
            if settled:
                break
        terms = batch.terms(nodes, fine)
        log_likelihood[some] = terms.log_total
        if moments:
            nodes, _ = _moved(nodes, terms)
            spread = L[:, None] @ np.moveaxis(nodes.scale, (0, 1), (-2, -1))
            mean[some] = np.einsum("sqr,rsn->snq", L, nodes.centre)
            covariance[some] = spread @ spread.swapaxes(2, 3)
    return Integrals(log_likelihood, mean, covariance)


def joined(parts: Sequence[Integrals]) -> Integrals:
    """The draws of several passes, one after the other."""
    return Integrals(
        np.concatenate([part.log_likelihood for part in parts]),
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.covariance for part in parts]),
    )


@cache
def gauss_hermite(n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes x (K,) for the standard normal density, and log(weight / density) (K,)."""
    x, w = np.polynomial.hermite_e.hermegauss(n_nodes)
    return x, np.log(w) + 0.5 * x**2


@dataclass(frozen=True, eq=False)
class _Nodes:
    """v = centre + scale t(x) for S draws and n subjects: centre (q, S, n), scale (q, q, S, n), skew (q, S, n)."""

    centre: np.ndarray
    scale: np.ndarray
    skew: np.ndarray | None = None

    def warped(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """t (q, K, S, n) at x (K,) on each axis, and log dt/dx."""
        x = x[:, None, None]
        if self.skew is None:
            shape = (len(self.centre), len(x), *self.centre.shape[1:])
            return np.broadcast_to(x, shape), np.zeros(shape)
        # exp(a z), z standard normal, has skewness (o + 2) sqrt(o - 1) with o = exp(a^2): solved for o.
        size = np.abs(self.skew).clip(LEAST_SKEW, MOST_SKEW)
        cube = np.cbrt(1 + size**2 / 2 + size * np.sqrt(1 + size**2 / 4))
        o = cube + 1 / cube - 1
        sign = np.where(self.skew < 0, -1.0, 1.0)
        sd = np.sqrt(o * (o - 1))
        a = np.sqrt(np.log(o))
        power = (sign * a)[:, None] * x
        return (np.exp(power) - np.sqrt(o)[:, None]) * (sign / sd)[:, None], power + np.log(a / sd)[:, None]


@dataclass(frozen=True, eq=False)
class _Terms:
    """The terms of the sum over nodes, whose q axes come first.

    log_total : (S, n). share : (K, ..., S, n) of each term. t : q arrays that broadcast against it.
    """

    log_total: np.ndarray
    share: np.ndarray
    t: tuple[np.ndarray, ...]

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(S, n) of values at the nodes."""
        return (self.share * values).sum(axis=tuple(range(len(self.t))))


@dataclass(frozen=True, eq=False)
class _Batch:
    """Some draws: eta (S, N) by predictor, phi, root (S, q, q)."""

    rows: SubjectRows
    eta: tuple[np.ndarray, ...]
    phi: Mapping[str, np.ndarray]
    root: np.ndarray

    def terms(self, nodes: _Nodes, n_nodes: int) -> _Terms:
        q = len(nodes.centre)
        x, log_ratio = gauss_hermite(n_nodes)
        t, log_slope = nodes.warped(x)
        axes = [_axis(t[c], c, q) for c in range(q)]
        log_term = -0.5 * q * LOG_2PI + _log_determinant(nodes.scale)
        for c in range(q):
            log_term = log_term + _axis(log_ratio[:, None, None] + log_slope[c], c, q)
            v = nodes.centre[c]
            for r in range(q):
                v = v + nodes.scale[c, r] * axes[r]
            log_term = log_term - 0.5 * v**2
        # b = L v is a sum over axes: each enters the linear predictors by itself.
        b = np.einsum("sqr,rsn->qsn", self.root, nodes.centre)
        slope = np.einsum("sqr,rcsn->qcsn", self.root, nodes.scale)
        eta = []
        for m, base in enumerate(self.eta):
            predictor = base + self.rows.effects(b, m)
            for c in range(q):
                predictor = predictor + _axis(self.rows.effects(slope[:, c, None] * t[c], m), c, q)
            eta.append(predictor)
        log_term = log_term + self.rows.log_likelihood(tuple(eta), self.phi)
        over = tuple(range(q))
        most = log_term.max(axis=over)
        with np.errstate(invalid="ignore"):  # -inf - -inf, where the density is zero at every node
            share = np.exp(log_term - most)
            total = share.sum(axis=over)
            log_total = np.where(np.isfinite(most), most + np.log(total), -np.inf)
            return _Terms(log_total, share / total, tuple(axes))


LOG_2PI = float(np.log(2 * np.pi))


def _axis(values: np.ndarray, c: int, q: int) -> np.ndarray:
    """Values (K, ...) at the nodes of axis c, as an array with q axes of nodes."""
    return np.expand_dims(values, tuple(i for i in range(q) if i != c))


def _log_determinant(scale: np.ndarray) -> np.ndarray:
    """Of (q, q, S, n), (S, n); q is one or two."""
    if len(scale) == 1:
        return np.log(np.abs(scale[0, 0]))
    return np.log(np.abs(scale[0, 0] * scale[1, 1] - scale[0, 1] * scale[1, 0]))


def _central(
    rows: SubjectRows, eta: tuple[np.ndarray, ...], phi: Mapping[str, np.ndarray], root: np.ndarray
) -> NormalLikelihood:
    """The normal approximation of each subject's likelihood at the median of the draws."""
    values, vectors = np.linalg.eigh(np.median(root @ root.swapaxes(1, 2), axis=0))
    return normal_likelihood(
        rows,
        tuple(np.median(e, axis=0) for e in eta),
        {name: np.median(value, axis=0) for name, value in phi.items()},
        vectors * np.sqrt(values.clip(0, None)),
    )


def _moved(nodes: _Nodes, terms: _Terms) -> tuple[_Nodes, bool]:
    """Nodes with the moments that the terms have, where these have any; and whether all were near to them before."""
    q = len(terms.t)
    mean = np.stack([terms.mean(t) for t in terms.t])
    found = np.isfinite(mean).all(axis=0)
    mean = np.where(found, mean, 0.0)
    away = [t - m for t, m in zip(terms.t, mean, strict=True)]
    covariance = np.array([[terms.mean(a * b) for b in away] for a in away])
    covariance = np.where(found, covariance, np.eye(q)[..., None, None])
    if q == 1:
        sd, axes = np.sqrt(covariance[0]), np.ones_like(covariance)
    else:
        values, vectors = np.linalg.eigh(np.moveaxis(covariance, (0, 1), (-2, -1)))
        sd, axes = np.moveaxis(np.sqrt(values.clip(0, None)), -1, 0), np.moveaxis(vectors, (-2, -1), (0, 1))
    far = np.abs(mean).max(axis=0) > FAR
    settled = not (far | (sd.min(axis=0) < NARROW)).any()
    # All mass on an outermost node has no spread, yet says nothing of it.
    sd = sd.clip(np.where(far, 1.0, LEAST_SPREAD), MOST_SPREAD)
    skew = []
    for c in range(q):
        along = sum(axes[r, c] * away[r] for r in range(q)) / sd[c]
        skew.append(np.where(found, terms.mean(along * along * along), 0.0))
    moved = _Nodes(
        nodes.centre + np.einsum("qrsn,rsn->qsn", nodes.scale, mean),
        np.einsum("qrsn,rcsn->qcsn", nodes.scale, axes * sd),
        np.stack(skew) if settled else None,
    )
    return moved, settled


def _batches(S: int, size: int) -> Iterator[slice]:
    step = max(1, LARGEST // size)
    return (slice(start, start + step) for start in range(0, S, step))
