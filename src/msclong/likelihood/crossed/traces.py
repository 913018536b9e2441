"""Traces of products of M = Z'V^-1 Z with itself, from its factor: no N x N nor q x q matrix is formed.

Everything here is in units of the residual variance: M stands for sigma^2 Z'V^-1 Z.
"""

from __future__ import annotations

import numpy as np

from msclong.design.effect_products import Batch
from msclong.likelihood.crossed.factor import Factor, mirrored


def own_traces(factor: Factor) -> list[np.ndarray]:
    """sum over levels of M's block of the level, (r, r), by grouping."""
    products = factor.products
    found = [(factor.left - factor.taken).sum(axis=0)]
    for g, one in enumerate(products.others):
        total = np.zeros((one.r, one.r))
        for batch, inverse in zip(products.batches, factor.inverses, strict=True):
            total += _own_trace(factor, batch, inverse, g)
        found.append(total)
    return found


def _own_trace(factor: Factor, batch: Batch, inverse: np.ndarray, g: int) -> np.ndarray:
    levels, s, r = batch.levels[g], batch.slices[g], factor.products.others[g].r
    if not levels:
        return np.zeros((r, r))
    if factor.small(g, batch):
        A, B = batch.square(factor.remaining), batch.square(factor.between)
        left = A[:, s] @ B
        whole = A[:, s, s].reshape(-1, levels, r, levels, r)
        taken = np.einsum(
            "ulax,uxlb->ab",
            left.reshape(-1, levels, r, batch.m),
            A[:, :, s].reshape(-1, batch.m, levels, r),
            optimize=True,
        )
        return np.einsum("ulalb->ab", whole) - taken
    back = np.linalg.inv(factor.roots[1 + g])
    own = np.einsum("ulalb->ab", inverse[:, s, s].reshape(-1, levels, r, levels, r))
    return back.T @ (batch.units * levels * np.eye(r) - own) @ back


def square_traces(factor: Factor) -> dict[tuple[int, int], np.ndarray]:
    """Q_gh[a, b, c, d], sum over levels l of g and m of h of M[la, mc] M[lb, md], by two groupings (first: 0)."""
    products = factor.products
    r, n_others = products.first.r, len(products.others)
    found = {(0, 0): _diagonal(factor)}
    for g, one in enumerate(products.others):
        found[0, 1 + g] = np.zeros((r, r, one.r, one.r))
        for h, other in enumerate(products.others):
            found[1 + g, 1 + h] = np.zeros((one.r, one.r, other.r, other.r))
    if not products.batches:
        return found
    G = _met(factor)
    for batch, inverse in zip(products.batches, factor.inverses, strict=True):
        B = batch.square(factor.between)
        BG = {pair: B @ batch.square(flat) for pair, flat in G.items()}
        for a, b, c, d in np.ndindex(r, r, r, r):
            found[0, 0][a, b, c, d] += np.einsum("uij,uji->", BG[c, d], BG[b, a])
        M, shrink = _inside(factor, batch, inverse)
        for c, d in np.ndindex(r, r):
            Y = shrink @ batch.square(G[c, d])
            for g in range(n_others):
                s, shape = batch.slices[g], (-1, batch.levels[g], products.others[g].r, batch.m)
                pair = np.einsum(
                    "ulax,ulbx->ab", Y[:, s].reshape(shape), shrink[:, s].reshape(shape), optimize=True
                )
                found[0, 1 + g][c, d] += pair
        for g, one in enumerate(products.others):
            for h, other in enumerate(products.others):
                block = M[:, batch.slices[g], batch.slices[h]]
                shaped = block.reshape(-1, batch.levels[g], one.r, batch.levels[h], other.r)
                flat = shaped.transpose(0, 1, 3, 2, 4).reshape(-1, one.r * other.r)
                gram = (flat.T @ flat).reshape(one.r, other.r, one.r, other.r)
                found[1 + g, 1 + h] += gram.transpose(0, 2, 1, 3)
    for g in range(n_others):
        found[1 + g, 0] = found[0, 1 + g].transpose(2, 3, 0, 1)
    return found


def _diagonal(factor: Factor) -> np.ndarray:
    """The part of Q_00 that comes from equal levels, but for F' B F of both."""
    left, taken = factor.left, factor.taken
    both = np.einsum("lac,lbd->abcd", left, left, optimize=True)
    cross = np.einsum("lac,lbd->abcd", left, taken, optimize=True)
    return both - cross - cross.transpose(1, 0, 3, 2)


def _met(factor: Factor) -> dict[tuple[int, int], np.ndarray]:
    """Flat, sum over levels of F_c F_d', F_c the c-th column of a level of `shrunk`."""
    from msclong.likelihood.crossed.kernels import add_outer

    products, links = factor.products, factor.products.links
    r = products.first.r
    lower = {}
    for c, d in np.ndindex(r, r):
        weight = np.zeros((products.first.levels, r, r))
        weight[:, c, d] = 1.0
        lower[c, d] = np.zeros_like(products.rest)
        add_outer(links.pointer, links.local, links.base, links.width, factor.shrunk, weight, lower[c, d])
    found = {pair: np.empty_like(flat) for pair, flat in lower.items()}
    for batch in products.batches:
        for (c, d), flat in found.items():
            batch.square(flat)[...] = mirrored(batch.square(lower[c, d]), batch.square(lower[d, c]))
    return found


def _inside(factor: Factor, batch: Batch, inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """M of the rest, and I - A B, which takes what is met by the first grouping alone to what is met by all."""
    A = batch.square(factor.remaining)
    M, shrink = np.zeros_like(A), np.zeros_like(A)
    # Lambda^-T S^-1 Lambda' = I - A B and Lambda^-T (I - S^-1) Lambda^-1 = A - A B A: the left ones do not cancel.
    right = factor.scaled(batch, inverse, left=False, transpose=False)
    small = [g for g in range(len(batch.levels)) if batch.levels[g] and factor.small(g, batch)]
    backs = [
        np.eye(len(root)) if g in small else np.linalg.inv(root) for g, root in enumerate(factor.roots[1:])
    ]
    gap = -inverse
    gap[:, np.arange(batch.m), np.arange(batch.m)] += 1.0
    for g, one in enumerate(factor.products.others):
        s, levels, back = batch.slices[g], batch.levels[g], backs[g]
        shape = (-1, levels, one.r, batch.m)
        if not levels or g in small:
            continue
        shrink[:, s] = np.einsum("ba,ulbx->ulax", back, right[:, s].reshape(shape)).reshape(
            -1, s.stop - s.start, batch.m
        )
        M[:, s] = np.einsum("ba,ulbx->ulax", back, gap[:, s].reshape(shape)).reshape(
            -1, s.stop - s.start, batch.m
        )
    for h, other in enumerate(factor.products.others):
        s, levels, back = batch.slices[h], batch.levels[h], backs[h]
        if levels and h not in small:
            shaped = M[:, :, s].reshape(-1, batch.m, levels, other.r)
            M[:, :, s] = np.einsum("uxlb,ba->uxla", shaped, back).reshape(-1, batch.m, s.stop - s.start)
    for g in small:
        s = batch.slices[g]
        B = batch.square(factor.between)
        shrink[:, s] = -A[:, s] @ B
        shrink[:, np.arange(s.start, s.stop), np.arange(s.start, s.stop)] += 1.0
        M[:, s] = shrink[:, s] @ A
        M[:, :, s] = M[:, s].transpose(0, 2, 1)
    return M, shrink
