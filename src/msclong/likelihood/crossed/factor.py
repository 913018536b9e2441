"""V = Z D Z' + I of crossed or nested random effects, decomposed block by block.

The grouping with the most effects is eliminated level by level; what it leaves of the others is dense within
independent units: the penalised least squares of Bates et al. (2015), Journal of Statistical Software 67(1), section 3,
with the Cholesky factor in blocks (as MixedModels.jl has it).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri

from msclong.design.effect_products import Batch, EffectProducts
from msclong.design.grouped_effects import Grouping

SMALL = 1e-4
"""Below this lambda^2 z'z, differences from lambda^-2 lose too many digits: products are formed instead."""


@dataclass(frozen=True, eq=False)
class Factor:
    """The decomposition at D, the covariances of the effects in units of the residual variance.

    roots : by grouping, first first, Lambda (r, r) with D = Lambda Lambda'.
    With K = Z'Z of the first grouping, (L, r, r): half = (I + Lambda' K Lambda)^-1 Lambda', left = (I + K D)^-1 K,
    and shrunk (nnz, r), the rest's Z'Z times (I + D K)^-1: Z_rest' V1^-1 Z_first, V1 of the first grouping alone.
    remaining : flat, A = Z_rest' V1^-1 Z_rest. lower : by batch, the Cholesky factor of S = I + Lambda' A Lambda.
    log_det : of V.
    """

    products: EffectProducts
    roots: tuple[np.ndarray, ...]
    half: np.ndarray
    left: np.ndarray
    shrunk: np.ndarray
    remaining: np.ndarray
    lower: tuple[np.ndarray, ...]
    log_det: float

    def __getstate__(self) -> dict[str, object]:
        """The fields alone: what was computed from them is not worth its bytes."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    @property
    def inner(self) -> np.ndarray:
        """D (I + K D)^-1 of the first grouping, (L, r, r)."""
        return self.roots[0] @ self.half

    @cached_property
    def inverses(self) -> tuple[np.ndarray, ...]:
        """S^-1 by batch, (units, m, m)."""
        return tuple(_inverse(lower) for lower in self.lower)

    @cached_property
    def between(self) -> np.ndarray:
        """Flat, B = Lambda S^-1 Lambda' of the rest: D (I + A D)^-1."""
        flat = np.empty_like(self.remaining)
        for batch, inverse in zip(self.products.batches, self.inverses, strict=True):
            batch.square(flat)[...] = self.scaled(batch, self.scaled(batch, inverse, left=True), left=False)
        return flat

    @cached_property
    def taken(self) -> np.ndarray:
        """(L, r, r), F' B F of each level of the first grouping, F its column of `shrunk`."""
        links = self.products.links
        if not links.local.size:
            return np.zeros_like(self.left)
        from msclong.likelihood.crossed.kernels import quadratic_forms

        return quadratic_forms(links.pointer, links.local, links.base, links.width, self.shrunk, self.between)

    def scaled(self, batch: Batch, matrix: np.ndarray, left: bool, transpose: bool = False) -> np.ndarray:
        """Lambda matrix (left) or matrix Lambda' of the rest, (units, m, m); with `transpose` Lambda'."""
        result = np.empty_like(matrix)
        for one, levels, s, root in self._others(batch):
            L = root.T if transpose else root
            part = matrix[:, s] if left else matrix[:, :, s]
            if one.r == 1:
                result[(slice(None), s) if left else (slice(None), slice(None), s)] = L[0, 0] * part
            elif left:
                shaped = part.reshape(len(part), levels, one.r, -1)
                result[:, s] = np.einsum("ab,ulbx->ulax", L, shaped).reshape(part.shape)
            else:
                shaped = part.reshape(len(part), -1, levels, one.r)
                result[:, :, s] = np.einsum("ab,uxlb->uxla", L, shaped).reshape(part.shape)
        return result

    def _others(self, batch: Batch) -> list[tuple[Grouping, int, slice, np.ndarray]]:
        return list(zip(self.products.others, batch.levels, batch.slices, self.roots[1:], strict=True))

    def solve(self, first: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """b = D (I + Z'Z D)^-1 g for g = Z'w, (L, r, c) and (n, c), so that V^-1 w = w - Z b; and b'D^-1 b, (c, c)."""
        products = self.products
        met = rest - products.to_rest(self.inner @ first)
        b_rest = np.empty_like(met)
        penalty = np.zeros((met.shape[1], met.shape[1]))
        for batch, lower in zip(products.batches, self.lower, strict=True):
            g = self.scaled(batch, batch.rows(met), left=True, transpose=True)
            half = _forward(lower, g)
            u = _backward(lower, half)
            flat = u.reshape(-1, u.shape[2])
            penalty += flat.T @ flat
            batch.rows(b_rest)[...] = self.scaled(batch, u, left=True)
        u = self.half @ (first - products.to_first(b_rest))
        flat = u.reshape(-1, u.shape[2])
        return self.roots[0] @ u, b_rest, penalty + flat.T @ flat

    def small(self, which: int, batch: Batch) -> bool:
        """Whether some variance of a grouping of the rest is so small that its inverse is of no use."""
        root, s = self.roots[1 + which], batch.slices[which]
        typical = np.einsum("uii->i", batch.square(self.products.rest)[:, s, s]).max()
        return bool(np.linalg.eigvalsh(root @ root.T)[0] * typical < SMALL)


def factorised(products: EffectProducts, D: list[np.ndarray]) -> Factor | None:
    """The decomposition at D, (r, r) by grouping, first first; None where one is no covariance."""
    roots = [_root(G) for G in D]
    if any(root is None for root in roots):
        return None
    known = tuple(root for root in roots if root is not None)
    K, root = products.own, known[0]
    C = np.eye(len(root)) + root.T @ K @ root
    if products.first.r == 1:
        half, left, back, log_det = root / C, K / C, 1 / C, float(np.log(C).sum())
    else:
        half = np.linalg.solve(C, np.broadcast_to(root.T, C.shape))
        left = np.linalg.solve(np.eye(len(root)) + K @ D[0], K)
        left = (left + left.transpose(0, 2, 1)) / 2
        back = np.linalg.inv(np.eye(len(root)) + D[0] @ K)
        log_det = float(np.linalg.slogdet(C)[1].sum())
    links = products.links
    remaining = products.rest.copy()
    shrunk = np.ascontiguousarray(
        np.einsum("na,nab->nb", products.linked, back[links.level])
        if products.first.r > 1
        else products.linked * back[links.level, 0]
    )
    if remaining.size:
        from msclong.likelihood.crossed.kernels import add_outer

        add_outer(
            links.pointer, links.local, links.base, links.width, products.linked, -(root @ half), remaining
        )
    unfinished = Factor(products, known, half, left, shrunk, remaining, (), 0.0)
    lower = []
    for batch in products.batches:
        A = batch.square(remaining)
        A[...] = mirrored(A, A)
        S = unfinished.scaled(
            batch, unfinished.scaled(batch, A, left=True, transpose=True), left=False, transpose=True
        )
        S[:, np.arange(batch.m), np.arange(batch.m)] += 1.0
        root_of_S = _cholesky(S)
        if root_of_S is None:
            return None
        log_det += 2 * float(np.log(np.diagonal(root_of_S, axis1=1, axis2=2)).sum())
        lower.append(root_of_S)
    return Factor(products, known, half, left, shrunk, remaining, tuple(lower), log_det)


def _root(G: np.ndarray) -> np.ndarray | None:
    """Lambda with Lambda Lambda' = G; None where G has a negative eigenvalue."""
    values, vectors = np.linalg.eigh(G)
    if not np.isfinite(values).all() or values[0] < -1e-12 * max(values[-1], 0.0):
        return None
    return np.asarray(vectors * np.sqrt(values.clip(0, None)))


def mirrored(lower: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The lower triangles of `lower` with those of `other`, turned, above: (units, m, m)."""
    return np.tril(lower) + np.tril(other, -1).transpose(0, 2, 1)


def _cholesky(S: np.ndarray) -> np.ndarray | None:
    if len(S) == 1:
        lower, failed = dpotrf(S[0], lower=1, clean=1)
        return None if failed else lower[None]
    try:
        return np.linalg.cholesky(S)
    except np.linalg.LinAlgError:
        return None


def _inverse(lower: np.ndarray) -> np.ndarray:
    if len(lower) == 1:
        half, _ = dpotri(lower[0], lower=1)
        return mirrored(half[None], half[None])
    inverse = np.linalg.inv(lower)
    return inverse.transpose(0, 2, 1) @ inverse


def _forward(lower: np.ndarray, g: np.ndarray) -> np.ndarray:
    if len(lower) == 1:
        return solve_triangular(lower[0], g[0], lower=True)[None]
    return np.linalg.solve(lower, g)


def _backward(lower: np.ndarray, g: np.ndarray) -> np.ndarray:
    if len(lower) == 1:
        return solve_triangular(lower[0], g[0], lower=True, trans=1)[None]
    return np.linalg.solve(lower.transpose(0, 2, 1), g)
