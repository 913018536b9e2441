"""Where the climb starts, and whether there is anything to climb, in compiled code."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.batched.kernel.compiled import compiled
from msclong.engines.frequentist.batched.kernel.likelihood import least_squares, score
from msclong.engines.frequentist.batched.kernel.matrices import (
    cholesky,
    correlation_root,
    invert_lower,
    quadratic,
)
from msclong.engines.frequentist.batched.kernel.sigma import sigma_and_slopes
from msclong.engines.frequentist.batched.settings import AR1, CS, CSH, DIAGONAL, EXPECTED, INDEPENDENT


@compiled
def pairwise_covariance(data, covariance, pairs):
    """Fill the residual covariance of available pairs of visits (T, T), and their numbers; the pooled variance."""
    counts, visits, n, ends, weight, rows, scatter = data
    y = rows.shape[2] - 1
    g = 0
    for i in range(len(n)):
        for a in range(counts[i]):
            for b in range(counts[i]):
                total = scatter[i, a, b]
                for h in range(g, ends[i]):
                    total += weight[h] * rows[h, a, y] * rows[h, b, y]
                covariance[visits[i, a], visits[i, b]] += total
                pairs[visits[i, a], visits[i, b]] += n[i]
        g = ends[i]
    squares = n_obs = 0.0
    for s in range(len(pairs)):
        squares += covariance[s, s]
        n_obs += pairs[s, s]
        for t in range(len(pairs)):
            covariance[s, t] /= max(pairs[s, t], 1.0)
    return squares / n_obs


@compiled
def start_unstructured(covariance, variance, w, basis):
    """`UnstructuredInBasis.start`: the identity, in a basis near the covariance of pairs; whether there is one."""
    size = len(covariance)
    shrunk = np.empty((size, size))
    share = 0.1
    # Their correlations, shrunk towards the identity until no eigenvalue is below 0.02.
    for step in range(4):
        share = (0.1, 0.3, 0.6, 1.0)[step]
        for s in range(size):
            for t in range(size):
                shrunk[s, t] = (1 - share) * covariance[s, t] / np.sqrt(variance[s] * variance[t])
            shrunk[s, s] = 0.98
        if cholesky(shrunk, size, basis):
            break
    for s in range(size):
        for t in range(size):
            shrunk[s, t] = (1 - share) * covariance[s, t]
        shrunk[s, s] = variance[s]
        w[s * (s + 3) // 2] = 1.0
    return cholesky(shrunk, size, basis)


@compiled
def start_blocks(pairs, pooled, Z, sizes, w, basis):
    """`RandomEffects.start`, of effects of orthonormal columns over the observed rows; whether there are such."""
    n_obs = 0.0
    for s in range(len(pairs)):
        n_obs += pairs[s, s]
    j = start = 0
    for d in sizes:
        gram, root = np.zeros((d, d)), np.zeros((d, d))
        for a in range(d):
            for b in range(d):
                for s in range(len(pairs)):
                    gram[a, b] += pairs[s, s] * Z[s, start + a] * Z[s, start + b] / n_obs
        if not cholesky(gram, d, root):
            return False
        for a in range(d):
            if root[a, a] < 1e-4:
                return False
            w[j + a * (a + 3) // 2] = np.sqrt(0.5 / len(sizes) * pooled / d)
        invert_lower(root, d)
        for a in range(d):
            for b in range(a + 1):
                basis[start + b, start + a] = root[a, b]
        start += d
        j += d * (d + 1) // 2
    return True


@compiled
def start_residual(covariance, variance, pooled, code, share, w):
    """Start values of the residual structure, of this share of the variance, into w (m,)."""
    size = len(covariance)
    n_pairs = size * (size - 1) / 2
    between = mean = total = among = neighbours = 0.0
    for s in range(size):
        mean += covariance[s, s] / size
        total += variance[s] / size
        for t in range(s):
            between += covariance[s, t] / n_pairs
            correlation = covariance[s, t] / np.sqrt(variance[s] * variance[t])
            among += correlation / n_pairs
            if s == t + 1:
                neighbours += correlation / (size - 1)
    if code == INDEPENDENT:
        w[0] = np.log(share * pooled)
        return
    if code == CS:
        common = min(max(between, 0.0), 0.9 * mean)
        w[0], w[1] = share * common, np.log(share * (mean - common))
        return
    if code == AR1:
        w[0] = np.log(share * total)
    else:
        for s in range(size):
            w[s] = np.log(share * variance[s])
    if code != DIAGONAL:
        rho, least = (among, -0.9 / (size - 1)) if code == CSH else (neighbours, -0.9)
        w[len(w) - 1] = np.arctanh(min(max(rho, least), 0.9))


@compiled
def start_values(data, Z, sizes, code, unstructured, w, basis):
    """Fill w, the structures' own start values, and the basis of the blocks' coordinates; whether there are."""
    size = len(Z)
    covariance, pairs, variance = np.zeros((size, size)), np.zeros((size, size)), np.empty(size)
    pooled = pairwise_covariance(data, covariance, pairs)
    largest = 0.0
    for s in range(size):
        if pairs[s, s] == 0 and (unstructured or code != INDEPENDENT):  # else visits are no part of it
            return False
        largest = max(largest, covariance[s, s])
    for s in range(size):
        variance[s] = max(covariance[s, s], 1e-12 * largest)
    if unstructured:
        return start_unstructured(covariance, variance, w, basis)
    n_blocks = 0
    for d in sizes:
        n_blocks += d * (d + 1) // 2
    share = 0.5 if n_blocks else 1.0
    start_residual(covariance, variance, pooled, code, share, w[n_blocks:])
    return start_blocks(pairs, pooled, Z, sizes, w, basis)


@compiled
def informed(w, Z, sizes, code, data, reml):
    """Whether the likelihood depends on every parameter, beyond doubt: `uninformed.refuse_uninformed`."""
    k = len(w)
    moved = np.empty(k)
    for j in range(k):
        moved[j] = w[j] + 0.5 * np.sin(j + 1.0)
    sigma, slopes = sigma_and_slopes(moved, Z, sizes, code)
    fine, _, beta, C, roots, white = least_squares(sigma, data, reml)
    if not fine:
        return True
    expected = quadratic(slopes, score(C, roots, white, data, reml, EXPECTED)[2])
    scale = np.empty(k)
    if not correlation_root(expected, scale, np.zeros((k, k))) > 1e-8:
        return False
    least = most = scale[0]
    for j in range(k):
        least, most = min(least, scale[j]), max(most, scale[j])
    return least > 1e-3 * most
