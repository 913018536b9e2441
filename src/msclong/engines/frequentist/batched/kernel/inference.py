"""Satterthwaite's df and Kenward and Roger's covariance, in compiled code."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.batched.kernel.compiled import compiled
from msclong.engines.frequentist.batched.kernel.matrices import (
    add_sandwich,
    correlation_root,
    eigen,
    transposed_product,
)
from msclong.engines.frequentist.batched.settings import SAFE
from msclong.engines.frequentist.theta_covariance import FLAT


@compiled
def information_root(information):
    """G (k, r) with G G' the inverse of an information matrix, flat directions left out: `theta_covariance`."""
    k = len(information)
    G, scale, root = np.zeros((k, k)), np.empty(k), np.zeros((k, k))
    if correlation_root(information, scale, root) > SAFE:
        for a in range(k):
            for b in range(a + 1):
                G[b, a] = root[a, b] / scale[b]
        return G
    for j in range(k):
        scale[j] = np.sqrt(abs(information[j, j]))
        if scale[j] == 0:
            scale[j] = 1.0
    scaled, values = np.empty((k, k)), np.empty(k)
    for i in range(k):
        for j in range(k):
            scaled[i, j] = information[i, j] / (scale[i] * scale[j])
    eigen(scaled, values, root)
    largest = 0.0
    for m in range(k):
        largest = max(largest, values[m])
    for m in range(k):
        if values[m] > FLAT * largest:
            for j in range(k):
                G[j, m] = root[j, m] / (scale[j] * np.sqrt(values[m]))
    return G


@compiled
def adjust(slopes, P, Z, M, data, total):
    """Add `kenward_roger.adjustment` to total (p, p).

    slopes : (m, r) of Sigma's elements in directions in which theta's estimate has unit covariance.
    """
    counts, visits, n, ends, weight, rows, scatter = data
    p = Z.shape[2]
    r = slopes.shape[1]
    F = np.empty((Z.shape[1], Z.shape[1]))
    middle = np.empty((Z.shape[1], Z.shape[1]))
    g = 0
    for i in range(len(n)):
        t = counts[i]
        for a in range(t):
            for b in range(t):
                middle[a, b] = 0.0
        for m in range(r):
            for a in range(t):
                for b in range(t):
                    s, u = max(visits[i, a], visits[i, b]), min(visits[i, a], visits[i, b])
                    F[a, b] = slopes[s * (s + 1) // 2 + u, m]
            add_sandwich(F, M[i], t, middle)
        while g < ends[i]:
            for a in range(t):
                for c in range(p):
                    s = 0.0
                    for b in range(t):
                        s += middle[a, b] * Z[g, b, c]
                    for d in range(p):
                        total[c, d] += weight[g] * s * Z[g, a, d]
            g += 1
    mixed = transposed_product(slopes, P)
    square = np.empty((p, p))
    for m in range(r):
        j = 0
        for c in range(p):
            for d in range(c + 1):
                square[c, d] = square[d, c] = mixed[m, j] / (1.0 if c == d else np.sqrt(2.0))
                j += 1
        for c in range(p):
            for d in range(p):
                for e in range(p):
                    total[c, d] -= square[c, e] * square[e, d]


@compiled
def add_back(beta, s, C, gamma):
    """Add s C gamma to beta, C upper triangular."""
    for c in range(len(beta)):
        for d in range(c, len(beta)):
            beta[c] += s * C[c, d] * gamma[d]


@compiled
def test_rows(L, C, to_rows, middle, s, se, df):
    """Standard errors and Satterthwaite's df of the rows of L; to_rows (r, pairs) : P along the directions of W."""
    p = len(C)
    row, packed = np.empty(p), np.empty(to_rows.shape[1])
    for i in range(len(L)):
        length = corrected = spread = 0.0
        for c in range(p):
            row[c] = 0.0
            for d in range(c + 1):
                row[c] += C[d, c] * L[i, d]
            length += row[c] ** 2
        j = 0
        for c in range(p):
            for d in range(c):
                packed[j] = np.sqrt(2.0) * row[c] * row[d]
                j += 1
            packed[j] = row[c] ** 2
            j += 1
            for d in range(p):
                corrected += 2 * row[c] * middle[c, d] * row[d]
        for m in range(len(to_rows)):
            along = 0.0
            for j in range(len(packed)):
                along += to_rows[m, j] * packed[j] / length
            spread += along**2
        se[i] = s * np.sqrt(length + corrected)
        df[i] = 2 / spread if spread > 0 else np.inf
