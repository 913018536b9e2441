"""The Gaussian likelihood with beta and the random effects integrated out, and its exact derivative in Sigma."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from msclong.design.cross_moments import CrossMoments
from msclong.engines.bayesian.gaussian.nested_patterns import NestedPatterns, nested
from msclong.errors import EngineError

MOST_PRODUCTS = 200_000_000
"""Numbers that `products` may hold (1.6 GB)."""


@dataclass(frozen=True, eq=False)
class CollapsedMoments:
    """What the collapsed likelihood needs of the data: P patterns of at most T observations, q = p + 1 columns.

    coords : (P, T, d) coordinates; beyond a pattern's own observations its first one is repeated.
    size : (P,) observations of each pattern. n : (P,) its subjects.
    products : (K, q (q + 1) / 2) for each pattern and each pair s >= t of its observations, in that order, the
        half vectorisation of C[s, t] + C[t, s] (of C[s, s] on the diagonal): a symmetric M then meets C once.
    prior : (q (q + 1) / 2,) the same of the prior of beta, written as further observations with unit variance.
    """

    coords: np.ndarray
    size: np.ndarray
    n: np.ndarray
    products: np.ndarray
    prior: np.ndarray

    @property
    def n_columns(self) -> int:
        """q, the fixed effects and the outcome."""
        return int(np.sqrt(2 * len(self.prior)))

    @cached_property
    def nested(self) -> NestedPatterns:
        """The patterns by the longest that they begin."""
        return nested(self.coords, self.size, self.n, self.products)


def collapse(moments: CrossMoments, prior_rows: np.ndarray) -> CollapsedMoments:
    """Arrange cross-moments, and prior observations `prior_rows` (m, q), for the collapsed likelihood.

    Raises EngineError where the pairwise products would not fit in memory.
    """
    q = len(moments.names)
    counts = [len(block.n) for block in moments.blocks]
    most = max(block.t for block in moments.blocks)
    pairs = [block.t * (block.t + 1) // 2 for block in moments.blocks]
    n_rows = int(np.dot(counts, pairs))
    if n_rows * q * (q + 1) // 2 > MOST_PRODUCTS:
        raise EngineError(
            f"{sum(counts)} distinct patterns of up to {most} observations are too many for ml.Bayesian(); use "
            "ml.Frequentist(), round the times so that subjects share them, or simplify the fixed part."
        )
    coords = np.zeros((sum(counts), most, moments.blocks[0].coords.shape[2]))
    lower = np.tril_indices(q)
    products = np.zeros((n_rows, q * (q + 1) // 2))
    pattern = row = 0
    for b, block in enumerate(moments.blocks):
        s, t = np.tril_indices(block.t)
        for i in range(len(block.n)):
            coords[pattern] = block.coords[i, 0]
            coords[pattern, : block.t] = block.coords[i]
            pair = moments.matrix(b, i)[s, :, t, :]
            pair[s != t] += pair[s != t].transpose(0, 2, 1)
            products[row : row + len(s)] = pair[:, lower[0], lower[1]]
            pattern, row = pattern + 1, row + len(s)
    return CollapsedMoments(
        coords=coords,
        size=np.repeat([block.t for block in moments.blocks], counts),
        n=np.concatenate([block.n for block in moments.blocks]).astype(float),
        products=products,
        prior=(prior_rows.T @ prior_rows)[lower],
    )


def collapsed_log_likelihood(
    sigma: np.ndarray, size: np.ndarray, n: np.ndarray, products: np.ndarray, prior: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """log p(y | Sigma) up to a constant, its derivatives in Sigma and prior; -inf where Sigma is not positive definite.

    sigma : (P, T, T), of which the leading size[k] x size[k] of pattern k is read; the other arguments as in
    CollapsedMoments. The derivative (P, T, T) in Sigma treats its elements as free: pairs (s, t) and (t, s) share.

    With G = sum over patterns of M C plus the prior's squares = [A m; m' c] and Cholesky factor D,
        log p = -1/2 sum n log|Sigma| - 1/2 log|A| - 1/2 (c - m' A^-1 m) = ... - sum log D_jj - 1/2 D_qq^2,
    the integral over beta of likelihood times prior (Lindley and Smith 1972). Its derivative in G is -H / 2 with
    H = [A^-1 + b b', -b; -b', 1], b = A^-1 m; in M_k it is -<C_k, H> / 2; and dM = -M dSigma M.

    Plain loops, because numba compiles this function: LAPACK calls compile ten times as long and, for
    matrices this small, run slower.
    """
    n_patterns, most = sigma.shape[0], sigma.shape[1]
    width = prior.shape[0]
    q = int(np.sqrt(2.0 * width))
    derivative = np.zeros((n_patterns, most, most))
    H = np.zeros(width)
    M = np.zeros((n_patterns, most, most))
    L = np.zeros((most, most))
    gram = np.zeros(width)
    for v in range(width):
        gram[v] = prior[v]
    value = 0.0
    row = 0
    for k in range(n_patterns):
        t = size[k]
        for i in range(t):
            for j in range(i + 1):
                total = sigma[k, i, j]
                for a in range(j):
                    total -= L[i, a] * L[j, a]
                if i > j:
                    L[i, j] = total / L[j, j]
                elif total > 0.0:
                    L[i, i] = np.sqrt(total)
                    value -= n[k] * np.log(L[i, i])
                else:  # also where Sigma is not a number
                    return -np.inf, derivative, H
        for i in range(t):  # L becomes its inverse
            L[i, i] = 1.0 / L[i, i]
            for j in range(i):
                total = 0.0
                for a in range(j, i):
                    total -= L[i, a] * L[a, j]
                L[i, j] = total * L[i, i]
        for i in range(t):
            for j in range(i + 1):
                total = 0.0
                for a in range(i, t):
                    total += L[a, i] * L[a, j]
                M[k, i, j] = total
                M[k, j, i] = total
                for v in range(width):
                    gram[v] += total * products[row, v]
                row += 1
    D = np.zeros((q, q))
    for i in range(q):
        for j in range(i + 1):
            total = gram[i * (i + 1) // 2 + j]
            for a in range(j):
                total -= D[i, a] * D[j, a]
            if i > j:
                D[i, j] = total / D[j, j]
            elif total > 0.0:
                D[i, i] = np.sqrt(total)
            else:
                return -np.inf, derivative, H
    for i in range(q - 1):
        value -= np.log(D[i, i])
    residual = D[q - 1, q - 1]
    value -= 0.5 * residual * residual
    for i in range(q):  # D becomes its inverse, whose last row is (-b, 1) / residual
        D[i, i] = 1.0 / D[i, i]
        for j in range(i):
            total = 0.0
            for a in range(j, i):
                total -= D[i, a] * D[a, j]
            D[i, j] = total * D[i, i]
    for j in range(q):
        D[q - 1, j] *= residual
    for i in range(q):
        for j in range(i + 1):
            total = 0.0
            for a in range(i, q):
                total += D[a, i] * D[a, j]
            H[i * (i + 1) // 2 + j] = total if i == j else 2.0 * total
    S = np.zeros((most, most))
    MS = np.zeros((most, most))
    row = 0
    for k in range(n_patterns):
        t = size[k]
        for i in range(t):
            for j in range(i + 1):
                total = 0.0
                for v in range(width):
                    total += H[v] * products[row, v]
                row += 1
                S[i, j] = total if i == j else 0.5 * total
                S[j, i] = S[i, j]
        for i in range(t):
            for j in range(t):
                total = 0.0
                for a in range(t):
                    total += M[k, i, a] * S[a, j]
                MS[i, j] = total
        for i in range(t):
            for j in range(t):
                total = -n[k] * M[k, i, j]
                for a in range(t):
                    total += MS[i, a] * M[k, a, j]
                derivative[k, i, j] = 0.5 * total
    return value, derivative, -0.5 * H
