"""One data set as compiled code reads it: subjects gathered, columns standardised."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.batched.kernel.compiled import compiled
from msclong.engines.frequentist.batched.kernel.matrices import order_of

ALIASED, CONSTANT = 1e-7, 1e-16
"""Short of these shares of their length, columns and outcomes are the ordinary engine's, which refuses less."""


@compiled
def gathered(X, same_x, Y, arrangement):
    """Subjects with equal visits and equal X gathered: (t, visits, n) by pattern; (ends, weight, rows) and scatter.

    rows (G, T, p + 1) : X and the mean outcome of each group at its t visits, the first t of T. scatter (P, T, T) : of
    the outcomes about the means of their groups.
    """
    n, size = Y.shape
    p = X.shape[2]
    code = np.zeros(n, np.int64)
    for i in range(n):
        mask = 0
        for s in range(size):
            if not np.isnan(Y[i, s]):
                mask |= 1 << s
        code[i] = mask * n + same_x[arrangement[i]]
    order = order_of(code)
    first = 0
    while first < n and code[order[first]] < n:  # seen at no visit
        first += 1
    t, count = np.zeros(n, np.int64), np.zeros(n, np.int64)
    visits = np.zeros((n, size), np.int64)
    ends, weight = np.zeros(n, np.int64), np.zeros(n, np.int64)
    rows = np.zeros((n, size, p + 1))
    n_patterns = n_groups = 0
    for m in range(first, n):
        i = order[m]
        mask = code[i] // n
        if m == first or mask != code[order[m - 1]] // n:
            for s in range(size):
                if mask >> s & 1:
                    visits[n_patterns, t[n_patterns]] = s
                    t[n_patterns] += 1
            n_patterns += 1
        if m == first or code[i] != code[order[m - 1]]:
            for a in range(t[n_patterns - 1]):
                for c in range(p):
                    rows[n_groups, a, c] = X[arrangement[i], visits[n_patterns - 1, a], c]
            n_groups += 1
            ends[n_patterns - 1] = n_groups
        count[n_patterns - 1] += 1
        weight[n_groups - 1] += 1
        for a in range(t[n_patterns - 1]):
            rows[n_groups - 1, a, p] += Y[i, visits[n_patterns - 1, a]]
    for g in range(n_groups):
        for a in range(size):
            rows[g, a, p] /= weight[g]
    scatter = np.zeros((n_patterns, size, size))
    pattern = group = -1
    for m in range(first, n):
        i = order[m]
        if m == first or code[i] // n != code[order[m - 1]] // n:
            pattern += 1
        if m == first or code[i] != code[order[m - 1]]:
            group += 1
        if weight[group] > 1:
            for a in range(t[pattern]):
                here = Y[i, visits[pattern, a]] - rows[group, a, p]
                for b in range(t[pattern]):
                    there = Y[i, visits[pattern, b]] - rows[group, b, p]
                    scatter[pattern, a, b] += here * there
    P, G = n_patterns, n_groups
    return t[:P], visits[:P], count[:P], ends[:P], weight[:G], rows[:G].copy(), scatter


@compiled
def mapped_rows(rows, C, beta):
    """Rows of [X C, y - X beta]."""
    p = len(beta)
    result = np.zeros(rows.shape)
    for g in range(len(rows)):
        for a in range(rows.shape[1]):
            result[g, a, p] = rows[g, a, p]
            for c in range(p):
                result[g, a, p] -= rows[g, a, c] * beta[c]
                for d in range(c, p):
                    result[g, a, d] += rows[g, a, c] * C[c, d]
    return result


@compiled
def standardised(data):
    """`likelihood.standardise`: rows of [X C, (y - X b) / s] with orthonormal X C; C, b and s.

    scatter is divided by s^2 in place. s is zero where columns are aliased, observations few, or outcomes reproduced.
    """
    counts, visits, n, ends, weight, rows, scatter = data
    q = rows.shape[2]
    p = q - 1
    C = np.zeros((p, p))
    beta = np.zeros(p)
    result = rows.copy()
    n_obs = 0
    squares = 0.0
    for i in range(len(n)):
        n_obs += n[i] * counts[i]
        for a in range(counts[i]):
            squares += scatter[i, a, a]
    if n_obs <= p:
        return result, C, beta, 0.0
    for c in range(q):
        length = np.sqrt(_inner(result, weight, c, c))
        # Twice is enough (Kahan): the second pass removes what rounding left of the first.
        for _ in range(2):
            for d in range(c):
                share = _inner(result, weight, d, c)
                _subtract(result, d, c, share)
                for e in range(d + 1):
                    if c < p:
                        C[e, c] -= share * C[e, d]
                    else:
                        beta[e] += share * C[e, d]
        left = np.sqrt(_inner(result, weight, c, c))
        if c < p:
            if not left > ALIASED * length:
                return result, C, beta, 0.0
            C[c, c] = 1.0
            for e in range(c + 1):
                C[e, c] /= left
            _divide(result, c, left)
        else:
            total = length**2 + squares
            squares += left**2
            if not squares > CONSTANT * total:
                return result, C, beta, 0.0
    s = np.sqrt(squares / (n_obs - p))
    _divide(result, p, s)
    for i in range(len(n)):
        for a in range(counts[i]):
            for b in range(counts[i]):
                scatter[i, a, b] /= s**2
    return result, C, beta, s


@compiled
def _inner(rows, weight, c, d):
    total = 0.0
    for g in range(rows.shape[0]):
        for a in range(rows.shape[1]):
            total += weight[g] * rows[g, a, c] * rows[g, a, d]
    return total


@compiled
def _subtract(rows, d, c, share):
    for g in range(rows.shape[0]):
        for a in range(rows.shape[1]):
            rows[g, a, c] -= share * rows[g, a, d]


@compiled
def _divide(rows, c, by):
    for g in range(rows.shape[0]):
        for a in range(rows.shape[1]):
            rows[g, a, c] /= by
