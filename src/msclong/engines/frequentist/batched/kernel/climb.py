"""Newton's climb to the maximum, in compiled code: that of `optimize`."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.batched.kernel.compiled import compiled
from msclong.engines.frequentist.batched.kernel.likelihood import least_squares, score
from msclong.engines.frequentist.batched.kernel.matrices import correlation_root, eigen, quadratic
from msclong.engines.frequentist.batched.kernel.sigma import add_curvature, sigma_and_slopes
from msclong.engines.frequentist.batched.settings import EXPECTED, OBSERVED, SAFE
from msclong.engines.frequentist.optimize import (
    CURVED,
    KICK,
    LINE_SEARCH_NOISE,
    MAX_HALVINGS,
    MAX_ITERATIONS,
    TOLERANCE,
)


@compiled
def chained(w, Z, sizes, code, slopes, D, H):
    """Gradient (k,) and Hessian (k, k) of -2 log-likelihood by w, of derivatives by Sigma's elements."""
    k = len(w)
    gradient = np.zeros(k)
    i = 0
    for s in range(len(D)):
        for t in range(s + 1):
            for j in range(k):
                gradient[j] += slopes[i, j] * (D[s, t] if s == t else 2 * D[s, t])
            i += 1
    hessian = quadratic(slopes, H)
    for i in range(k):
        for j in range(k):
            hessian[i, j] *= 2
    add_curvature(w, D, Z, sizes, code, hessian)
    return gradient, hessian


@compiled
def plain_step(hessian, gradient, step):
    """-hessian^-1 gradient by Cholesky, where that is safe; whether it is."""
    k = len(gradient)
    scale, root = np.empty(k), np.zeros((k, k))
    if not correlation_root(hessian, scale, root) > SAFE:
        return False
    for j in range(k):
        step[j] = 0.0
    for a in range(k):
        half = 0.0
        for b in range(a + 1):
            half += root[a, b] * gradient[b] / scale[b]
        for b in range(a + 1):
            step[b] -= root[a, b] * half / scale[b]
    return True


@compiled
def newton_step(hessian, fisher, gradient, step):
    """`optimize.newton_step`: fills the step; whether the Hessian is positive definite."""
    k = len(gradient)
    scale, values, vectors, scaled = np.empty(k), np.empty(k), np.empty((k, k)), np.empty((k, k))
    for j in range(k):
        scale[j] = max(np.sqrt(abs(hessian[j, j]) + 1e-3 * max(fisher[j, j], 0.0)), 1e-150)
    for i in range(k):
        for j in range(k):
            scaled[i, j] = hessian[i, j] / (scale[i] * scale[j])
    eigen(scaled, values, vectors)
    curved = True
    for m in range(k):
        curved = curved and values[m] > CURVED
    for j in range(k):
        step[j] = 0.0
    for m in range(k):
        slope = 0.0
        for j in range(k):
            slope += vectors[j, m] * gradient[j] / scale[j]
        if curved:
            along = -slope / values[m]
        else:
            along = -slope / max(abs(values[m]), 1e-3)
            if values[m] < 0 and abs(along) < KICK:
                along = -KICK if slope > 0 else KICK
        for j in range(k):
            step[j] += vectors[j, m] * along / scale[j]
    return curved


@compiled
def climb(w, Z, sizes, code, data, reml):
    """`optimize.climb`: whether it arrived, w, -2 log-likelihood, iterations."""
    sigma, slopes = sigma_and_slopes(w, Z, sizes, code)
    fine, value, beta, C, roots, white = least_squares(sigma, data, reml)
    k = len(w)
    step = np.empty(k)
    for iteration in range(1, MAX_ITERATIONS + 2):
        if not fine:
            return False, w, value, iteration
        D, P, H, rows, M = score(C, roots, white, data, reml, OBSERVED)
        gradient, hessian = chained(w, Z, sizes, code, slopes, D, H)
        curved = plain_step(hessian, gradient, step)
        if not curved:
            expected = quadratic(slopes, score(C, roots, white, data, reml, EXPECTED)[2])
            for j in range(k):
                if not np.isfinite(gradient[j] + hessian[j, j]):
                    return False, w, value, iteration
                expected[j, j] *= 2
            curved = newton_step(hessian, expected, gradient, step)
        decrement = 0.0
        for j in range(k):
            decrement -= gradient[j] * step[j]
        if curved and decrement < TOLERANCE:
            return True, w + step, value - decrement / 2, iteration
        size = 1.0
        fine = False
        for _ in range(MAX_HALVINGS):
            trial = w + size * step
            sigma, slopes = sigma_and_slopes(trial, Z, sizes, code)
            inside, new, beta, C, roots, white = least_squares(sigma, data, reml)
            gain = value - new
            if inside and (
                gain >= 1e-4 * size * decrement
                or (decrement < LINE_SEARCH_NOISE and abs(gain) < LINE_SEARCH_NOISE)
            ):
                w, value, fine = trial, new, True
                break
            size /= 2
    return False, w, value, MAX_ITERATIONS
