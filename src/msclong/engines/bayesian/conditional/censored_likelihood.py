"""The likelihood of subjects whose transformed outcomes are jointly normal, some of them known by limits only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import qmc

from msclong.covariance.batch import batched_sigma
from msclong.engines.bayesian.conditional.subject_likelihood import ByPoints
from msclong.engines.bayesian.importance.batched_cholesky import cholesky
from msclong.families.transformed_gaussian import TransformedGaussian
from msclong.likelihood.normal_boxes import separated

POINTS = 256
"""Quasi-random points of a box."""

LARGEST = 2**20
"""Elements of one array of a batch (8 MB)."""

INSIDE = 1e-12
"""Points of the unit cube stay this far from its sides."""


@dataclass(frozen=True, eq=False)
class CensoredLikelihood(ByPoints):
    """A `SubjectLikelihood` of y*_i ~ Normal(X_i beta + offset, Sigma_i(theta)), y* = g(y), observed or in an interval.

    log p(y_i) = log Normal(observed rows) + log P(censored rows in their intervals | observed rows). One censored row
    takes one distribution function; several take the points of `separated`.
    """

    def log_likelihood(
        self,
        coefficients: tuple[np.ndarray, ...],
        phi: Mapping[str, np.ndarray],
        theta: np.ndarray,
        n_nodes: int | None = None,
    ) -> np.ndarray:
        """See `SubjectLikelihood`; -inf where Sigma is not positive definite."""
        result = np.empty((len(theta), self.rows.n_subjects))
        for group in self._groups:
            points = group.cube(n_nodes or POINTS)
            t = group.where.shape[1]
            step = max(1, LARGEST // (len(group.subjects) * max(t * t, len(points))))
            for start in range(0, len(theta), step):
                s = slice(start, start + step)
                mean = (
                    self.X[0][group.where] @ coefficients[0][s].T + self.rows.offset[group.where][..., None]
                )
                sigma = batched_sigma(self.structure, theta[s].T, group.patterns)
                root = cholesky(np.moveaxis(sigma, 0, 2))[:, :, group.pattern]
                with np.errstate(all="ignore"):  # far out, and where Sigma has no factor
                    found = group.log_likelihood(mean.swapaxes(0, 1), root, points, self.rng)
                result[s, group.subjects] = found.T
        return np.where(np.isnan(result), -np.inf, result)

    @cached_property
    def _groups(self) -> tuple[_Group, ...]:
        rows = self.rows
        assert isinstance(rows.family, TransformedGaussian)
        y = rows.family.transform(rows.data["y"])
        censored = rows.data["censored"]
        limits = np.where(censored == 2, rows.data["upper"], rows.data["y"])
        lower = np.where(censored < 0, -np.inf, y)
        upper = np.where(censored == 1, np.inf, rows.family.transform(limits))
        jacobian = rows.total(np.where(censored == 0, rows.family.log_jacobian(rows.data["y"]), 0.0))
        # Observed rows first, each in the order of their coordinates: subjects that look alike share a Sigma.
        order = np.lexsort((*rows.Z[:, 0].T[::-1], censored != 0, rows.subject))
        size = np.bincount(rows.subject)
        unknown = rows.total(censored != 0).astype(int)
        groups = []
        for t, m in np.unique(np.column_stack([size, unknown]), axis=0).tolist():
            subjects = np.flatnonzero((size == t) & (unknown == m))
            where = order[rows.first[subjects][:, None] + np.arange(t)]
            coords = rows.Z[where, 0]
            flat, pattern = np.unique(coords.reshape(len(subjects), -1), axis=0, return_inverse=True)
            groups.append(
                _Group(
                    subjects=subjects,
                    where=where,
                    patterns=flat.reshape(-1, *coords.shape[1:]),
                    pattern=pattern.reshape(-1),
                    known=y[where[:, : t - m]].T,
                    lower=lower[where[:, t - m :]].T,
                    upper=upper[where[:, t - m :]].T,
                    constant=jacobian[subjects] - (t - m) / 2 * np.log(2 * np.pi),
                )
            )
        return tuple(groups)


@dataclass(frozen=True, eq=False)
class _Group:
    """n subjects (their codes) with t rows each, the last m of them censored.

    where : (n, t). patterns : (P, t, d), distinct coordinates, and `pattern` (n,) which of them a subject has. known :
    (t - m, n), y* where it is observed. lower, upper : (m, n), where it is not. constant : (n,).
    """

    subjects: np.ndarray
    where: np.ndarray
    patterns: np.ndarray
    pattern: np.ndarray
    known: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    constant: np.ndarray

    def cube(self, points: int) -> np.ndarray:
        """Points (K, m - 1) of the unit cube; one of no dimension where there is nothing to integrate."""
        dimensions = len(self.lower) - 1
        if dimensions < 1:
            return np.empty((1, 0))
        return qmc.Sobol(dimensions, seed=np.random.default_rng(1)).random(points)  # scrambled

    def log_likelihood(
        self, mean: np.ndarray, root: np.ndarray, cube: np.ndarray, rng: np.random.Generator | None
    ) -> np.ndarray:
        """(n, S), from means (t, n, S) and Cholesky factors (t, t, n, S)."""
        m, t = len(self.lower), len(mean)
        e, value = -mean, np.broadcast_to(self.constant[:, None], mean.shape[1:])
        e[: t - m] += self.known[..., None]
        for j in range(t - m):
            e[j] /= root[j, j]
            e[j + 1 :] -= root[j + 1 :, j] * e[j]
            value = value - np.log(root[j, j]) - e[j] ** 2 / 2
        if not m:
            return value
        lower, upper = (limits[..., None] + e[t - m :] for limits in (self.lower, self.upper))
        shift = 0.0 if rng is None else rng.random((m - 1, 1, *mean.shape[1:]))
        u = ((cube.T[..., None, None] + shift) % 1).clip(INSIDE, 1 - INSIDE)
        weights = separated(lower[:, None], upper[:, None], root[t - m :, t - m :, None], u)[0]
        return value + np.logaddexp.reduce(weights, axis=0) - np.log(len(cube))
