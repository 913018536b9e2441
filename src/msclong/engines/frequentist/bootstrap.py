"""Parametric bootstrap of the covariance parameters: draw outcomes from the fitted model, fit again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from msclong.design.cross_moments import CrossMoments, PatternBlock
from msclong.design.crossed_moments import AnyMoments, CrossedMoments
from msclong.engines.frequentist.arguments import is_count, random_generator
from msclong.engines.frequentist.crossed import climb_for
from msclong.engines.frequentist.maximum_likelihood import MaximumLikelihood
from msclong.engines.frequentist.optimize import maximise
from msclong.engines.frequentist.progress import Progress
from msclong.errors import ConvergenceError, ConvergenceWarning, SpecError, warn

NEAR_BOUNDARY = 1e-3
"""A direction of the working coordinates that moves theta by less than this lies near the boundary."""


def bootstrap(
    found: MaximumLikelihood, reml: bool, n: int, seed: int | None, progress: bool | None
) -> np.ndarray:
    """theta of up to `n` refits, (replicates, k), in the units and coordinates of `found`.

    Warns of refits that failed (ConvergenceWarning); raises ConvergenceError where all did, SpecError for a
    bad `n` or `seed`.
    """
    if not is_count(n, 2):
        raise SpecError(f"A bootstrap needs n=2 or more replicates, better 1000; got {n!r}.")
    rng = random_generator(seed)
    structure, optimum = found.there.structure, found.optimum
    moments: AnyMoments = found.moments
    sampler = (
        CrossedSampler(moments, optimum.gls.theta)
        if isinstance(moments, CrossedMoments)
        else MomentSampler.of(found)
    )
    # The fitted parameters are a good start, unless they lie on the boundary, where a gradient may vanish.
    interior = (
        np.linalg.matrix_rank(structure.working.jacobian(optimum.w), tol=NEAR_BOUNDARY) == optimum.w.size
    )
    start = optimum.w if interior else None
    draws = []
    with Progress("bootstrap", n, progress) as bar:
        for _ in range(n):
            try:
                draws.append(
                    maximise(structure, sampler.draw(rng), reml, start, climb_for(found.moments)).gls.theta
                )
            except ConvergenceError as error:
                last = error
            bar.advance()
    if not draws:
        raise ConvergenceError(f"None of {n} bootstrap refits converged; the last one: {last}")
    if failed := n - len(draws):
        warn(
            f"{failed} of {n} bootstrap refits did not converge and are left out of the intervals.",
            ConvergenceWarning,
        )
    return np.array(draws)


@dataclass(frozen=True, eq=False)
class CrossedSampler:
    """The same rows with new outcomes, where random effects tie many together."""

    moments: CrossedMoments
    theta: np.ndarray

    def draw(self, rng: np.random.Generator) -> CrossedMoments:
        """The rows of one replicate."""
        noise = rng.standard_normal((self.moments.n_obs, 1))
        return self.moments.with_outcome(self.moments.drawn(self.theta, noise, rng)[:, 0])


@dataclass(frozen=True, eq=False)
class MomentSampler:
    """Cross-moments of the same X with new outcomes y ~ N(0, Sigma(theta)).

    The estimate of theta does not depend on beta, which is taken as zero. moments : what was fitted.
    parts : for each block and pattern, a root of X's moments (r, t, p) in r rows, the subjects n, and the Cholesky
    factor of Sigma (t, t). Where rows are the subjects' own they stay; where they are a root of the moments, the new
    outcomes enter as their r coordinates along X and a Wishart root with n - r degrees of freedom for what is left:
    the same distribution, at a cost that does not depend on n.
    """

    moments: CrossMoments
    parts: tuple[tuple[tuple[np.ndarray, int, np.ndarray], ...], ...]

    @classmethod
    def of(cls, found: MaximumLikelihood) -> MomentSampler:
        parts = []
        for block in found.moments.blocks:
            sigma = found.there.structure.sigma(found.optimum.gls.theta, block.coords)
            roots = np.linalg.cholesky(sigma)
            own = [block.rows[block.pattern == i][:, :, :-1] for i in range(len(block.n))]
            parts.append(
                tuple((_compact(X, n), int(n), root) for X, n, root in zip(own, block.n, roots, strict=True))
            )
        return cls(found.moments, tuple(parts))

    def draw(self, rng: np.random.Generator) -> CrossMoments:
        """The moments of one replicate."""
        pairs = zip(self.moments.blocks, self.parts, strict=True)
        return replace(self.moments, blocks=tuple(_drawn(block, parts, rng) for block, parts in pairs))


def _compact(X: np.ndarray, n: int) -> np.ndarray:
    """X itself (n, t, p), or as many rows as its moments have rank where it is a root of them."""
    if len(X) == n:
        return X
    _, values, directions = np.linalg.svd(X.reshape(len(X), -1), full_matrices=False)
    rank = int((values > 1e-12 * values[0]).sum())
    return (values[:rank, None] * directions[:rank]).reshape(rank, *X.shape[1:])


def _drawn(
    block: PatternBlock, parts: tuple[tuple[np.ndarray, int, np.ndarray], ...], rng: np.random.Generator
) -> PatternBlock:
    rows, pattern = [], []
    for i, (X, n, root) in enumerate(parts):
        noise = rng.standard_normal((len(X), block.t))
        padded = X
        if n > len(X):
            left = _wishart_root(n - len(X), block.t, rng)
            noise = np.vstack([noise, left])
            padded = np.concatenate([X, np.zeros((len(left), *X.shape[1:]))])
        rows.append(np.concatenate([padded, (noise @ root.T)[:, :, None]], axis=2))
        pattern.append(np.full(len(padded), i))
    return PatternBlock(block.coords, block.n, np.concatenate(rows), np.concatenate(pattern))


def _wishart_root(df: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """R (at most `size` rows) with R'R ~ Wishart(df, identity); Bartlett's triangle where df allows."""
    if df <= size:
        return rng.standard_normal((df, size))
    root = np.triu(rng.standard_normal((size, size)), 1)
    root[np.diag_indices(size)] = np.sqrt(rng.chisquare(df - np.arange(size)))
    return root
