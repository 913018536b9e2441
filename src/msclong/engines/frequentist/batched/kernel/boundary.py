"""Estimates on, or near, the boundary, in compiled code."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.batched.kernel.compiled import compiled
from msclong.engines.frequentist.batched.kernel.matrices import eigen
from msclong.engines.frequentist.batched.kernel.sigma import residual_part
from msclong.engines.frequentist.batched.settings import CORRELATED, CS, CSH, DIAGONAL, NONE
from msclong.engines.frequentist.boundary import AT_BOUND


@compiled
def smallest_block_value(theta, sizes):
    """The smallest eigenvalue of the covariances of random effects; infinite without them."""
    lowest = np.inf
    j = 0
    for d in sizes:
        block, values = np.empty((d, d)), np.empty(d)
        for a in range(d):
            for b in range(a + 1):
                block[a, b] = block[b, a] = theta[j]
                j += 1
        eigen(block, values, np.empty((d, d)))
        for a in range(d):
            lowest = min(lowest, values[a])
    return lowest


@compiled
def smallest_residual_value(w, code, size):
    """The least variance of a residual structure, or eigenvalue of its correlations; infinite without one."""
    lowest = np.inf
    if code == NONE:
        return lowest
    sigma = residual_part(w, code, size)[0]
    if code > DIAGONAL:
        correlation, values = np.empty((size, size)), np.empty(size)
        for s in range(size):
            for t in range(size):
                correlation[s, t] = sigma[s, t] / np.sqrt(sigma[s, s] * sigma[t, t])
        eigen(correlation, values, sigma)
        for s in range(size):
            lowest = min(lowest, values[s])
        return lowest
    for s in range(size):
        lowest = min(lowest, sigma[s, s])
    return lowest


@compiled
def set_to_zero(theta, theta_se, expected_root, sizes, code):
    """Variances of zero, and their covariances, without a standard error: `boundary.estimated`."""
    zero = np.empty(len(theta), np.bool_)
    for i in range(len(theta)):
        error = 0.0
        for j in range(len(theta)):
            error += expected_root[i, j] ** 2
        zero[i] = theta[i] <= AT_BOUND * np.sqrt(error) or error == 0
    j = 0
    for d in sizes:
        for a in range(d):
            for b in range(a + 1):
                if zero[j + a * (a + 3) // 2] or zero[j + b * (b + 3) // 2]:
                    theta[j + a * (a + 1) // 2 + b] = 0.0
                    theta_se[j + a * (a + 1) // 2 + b] = np.nan
        j += d * (d + 1) // 2
    for i in range(j, len(theta)):
        is_variance = not (code == CS and i == j) and not (code >= CSH and i == len(theta) - 1)
        if zero[i] and is_variance:
            theta[i], theta_se[i] = 0.0, np.nan


@compiled
def all_but_singular(sigma, M, counts, visits):
    """Whether some visit is all but a combination of others that were seen with it."""
    for i in range(len(M)):
        for a in range(counts[i]):
            if not sigma[visits[i, a], visits[i, a]] * M[i, a, a] < CORRELATED:
                return True
    return False
