"""Generalised least squares and the derivatives of the likelihood by the elements of Sigma, in compiled code.

The derivatives of any structure on T planned visits are those of the unstructured one, chained through its slopes:
terms of `likelihood.information` for unit matrices E_j are products of single elements. Subjects with equal visits and
equal X share their part of X' V^-1 X; their outcomes enter by mean and scatter.
"""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.batched.kernel.compiled import compiled
from msclong.engines.frequentist.batched.kernel.matrices import add_sandwich, cholesky, invert_lower
from msclong.engines.frequentist.batched.settings import EXPECTED, OBSERVED


@compiled
def least_squares(sigma, data, reml):
    """Generalised least squares: whether Sigma is positive definite, -2 log-likelihood, beta, C, root and white rows.

    C (p, p) : upper triangular, C C' = Phi. roots (P, T, T) : inverse Cholesky factors. white (G, T, p + 1) : roots
    times rows.
    """
    counts, visits, n, ends, weight, rows, scatter = data
    q = rows.shape[2]
    p = q - 1
    gram = np.zeros((q, q))
    roots = np.zeros((len(n), len(sigma), len(sigma)))
    white = np.zeros(rows.shape)
    C = np.zeros((p, p))
    beta = np.zeros(p)
    minus2 = 0.0
    here = np.empty((len(sigma), len(sigma)))
    g = 0
    for i in range(len(n)):
        t, root = counts[i], roots[i]
        for a in range(t):
            for b in range(a + 1):
                here[a, b] = sigma[visits[i, a], visits[i, b]]
        if not cholesky(here, t, root):
            return False, minus2, beta, C, roots, white
        invert_lower(root, t)
        for a in range(t):
            minus2 += n[i] * (np.log(2 * np.pi) - 2 * np.log(root[a, a]))
            for b in range(a + 1):
                for c in range(a + 1):
                    minus2 += root[a, b] * scatter[i, b, c] * root[a, c]
        while g < ends[i]:
            for a in range(t):
                for b in range(a + 1):
                    for c in range(q):
                        white[g, a, c] += root[a, b] * rows[g, b, c]
                for c in range(q):
                    scaled = weight[g] * white[g, a, c]
                    for d in range(c + 1):
                        gram[c, d] += scaled * white[g, a, d]
            g += 1
    lower = np.zeros((p, p))
    if not cholesky(gram, p, lower):
        return False, minus2, beta, C, roots, white
    if reml:
        minus2 -= p * np.log(2 * np.pi)
        for c in range(p):
            minus2 += 2 * np.log(lower[c, c])
    invert_lower(lower, p)
    for c in range(p):
        projected = 0.0
        for d in range(c + 1):
            C[d, c] = lower[c, d]
            projected += lower[c, d] * gram[p, d]
        for d in range(c + 1):
            beta[d] += lower[c, d] * projected
    g = 0
    for i in range(len(n)):
        while g < ends[i]:
            for a in range(counts[i]):
                residual = white[g, a, p]
                for c in range(p):
                    residual -= white[g, a, c] * beta[c]
                minus2 += weight[g] * residual**2
                white[g, a, p] = residual
            g += 1
    return np.isfinite(minus2), minus2, beta, C, roots, white


@compiled
def add_products(z, y, e, f, same, weight, P, v, at):
    """Add Z' E Z, packed, and Z' E e for the unit matrix E of two visits with rows [z, e] and [y, f] of [Z, e]."""
    unit = weight / 2 if same else weight
    j = 0
    for c in range(len(z)):
        for d in range(c):
            P[at, j] += np.sqrt(2.0) * unit * (z[c] * y[d] + y[c] * z[d])
            j += 1
        P[at, j] += 2 * unit * z[c] * y[c]
        j += 1
        v[at, c] += unit * (z[c] * f + y[c] * e)


@compiled
def add_traces(X, M, visits, t, H):
    """Add tr(X E_j M E_k) for all pairs of unit matrices, j >= k."""
    for a in range(t):
        for b in range(a + 1):
            j = visits[a] * (visits[a] + 1) // 2 + visits[b]
            unit = 0.5 if a == b else 1.0
            for c in range(a + 1):
                for d in range((b if c == a else c) + 1):
                    k = visits[c] * (visits[c] + 1) // 2 + visits[d]
                    share = X[a, d] * M[b, c] + X[b, d] * M[a, c] + X[a, c] * M[b, d] + X[b, c] * M[a, d]
                    H[j, k] += unit * share / 2 if c == d else unit * share


@compiled
def score(C, roots, white, data, reml, kind):
    """Derivatives by Sigma: D (T, T), d(-2 log-likelihood) = tr(D dSigma); P (m, pairs) and information (m, m) of
    the m = T (T + 1) / 2 elements of Sigma, observed (without the curvature of Sigma) or expected; rows Z (G, T, p) of
    M X C; M (P, T, T).

    P's rows are symmetric matrices (p, p), packed, off-diagonal elements times sqrt(2): products are traces.
    """
    counts, visits, n, ends, weight, rows, scatter = data
    size, p = rows.shape[1], rows.shape[2] - 1
    n_sigma = size * (size + 1) // 2
    D = np.zeros((size, size))
    P = np.zeros((n_sigma, p * (p + 1) // 2))
    v = np.zeros((n_sigma, p))
    H = np.zeros((n_sigma, n_sigma))
    Z = np.zeros((len(rows), size, p))
    M = np.zeros((len(n), size, size))
    e = np.empty(size)
    S, X = np.empty((size, size)), np.empty((size, size))
    g = 0
    for i in range(len(n)):
        t, root = counts[i], roots[i]
        for a in range(t):
            for b in range(t):
                s = 0.0
                for c in range(max(a, b), t):
                    s += root[c, a] * root[c, b]
                M[i, a, b] = s
        for a in range(t):
            for b in range(t):
                S[a, b] = X[a, b] = 0.0  # X is B, first
        add_sandwich(M[i], scatter[i], t, S)
        while g < ends[i]:
            for a in range(t):
                e[a] = 0.0
            for a in range(t):
                for c in range(p):
                    s = 0.0
                    for d in range(c + 1):
                        s += white[g, a, d] * C[d, c]
                    for b in range(a + 1):
                        Z[g, b, c] += root[a, b] * s
                for b in range(a + 1):
                    e[b] += root[a, b] * white[g, a, p]
            for a in range(t):
                for b in range(a + 1):
                    S[a, b] += weight[g] * e[a] * e[b]
                    if reml:
                        s = 0.0
                        for c in range(p):
                            s += Z[g, a, c] * Z[g, b, c]
                        X[a, b] += weight[g] * s
                    add_products(
                        Z[g, a],
                        Z[g, b],
                        e[a],
                        e[b],
                        a == b,
                        weight[g],
                        P,
                        v,
                        visits[i, a] * (visits[i, a] + 1) // 2 + visits[i, b],
                    )
            g += 1
        for a in range(t):
            for b in range(a + 1):
                D[visits[i, a], visits[i, b]] += n[i] * M[i, a, b] - S[a, b] - X[a, b]
                half = n[i] * M[i, a, b] / 2 - X[a, b]
                X[a, b] = half if kind == EXPECTED else S[a, b] - half
                X[b, a] = X[a, b]
        add_traces(X, M[i], visits[i], t, H)
    for s in range(size):
        for t in range(s):
            D[t, s] = D[s, t]
    for j in range(n_sigma):
        for k in range(j + 1):
            s = 0.0
            if reml:
                for c in range(P.shape[1]):
                    s += P[j, c] * P[k, c]
            s /= 2
            if kind == OBSERVED:
                s = -s
                for c in range(p):
                    s -= v[j, c] * v[k, c]
            H[j, k] += s
            H[k, j] = H[j, k]
    return D, P, H, Z, M
