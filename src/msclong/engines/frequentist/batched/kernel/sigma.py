"""Sigma on T planned visits, in compiled code: its slopes and bends along the optimiser's coordinates w.

A sum of blocks Z L L' Z' (random effects; with Z = I the unstructured covariance), w = vech(L), and of a residual
structure with logs of variances and atanh of a correlation, as `covariance.working` has them.
"""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.batched.kernel.compiled import compiled
from msclong.engines.frequentist.batched.settings import AR1, CS, CSH, DIAGONAL, INDEPENDENT, NONE


@compiled
def correlation_at(code, lag, rho):
    """Correlation at a lag, with its first and second derivative by rho."""
    if lag == 0:
        return 1.0, 0.0, 0.0
    if code == CSH or lag == 1:
        return rho, 1.0, 0.0
    return rho**lag, lag * rho ** (lag - 1), lag * (lag - 1) * rho ** (lag - 2)


@compiled
def residual_part(w, code, size):
    """The residual structure at its working coordinates: Sigma (T, T) and its slopes (m, T, T)."""
    sigma = np.zeros((size, size))
    slopes = np.zeros((len(w), size, size))
    if code == NONE:
        return sigma, slopes
    if code <= DIAGONAL:
        for s in range(size):
            j = 0 if code == INDEPENDENT else s
            sigma[s, s] = slopes[j, s, s] = np.exp(w[j])
        return sigma, slopes
    if code == CS:
        for s in range(size):
            slopes[1, s, s] = np.exp(w[1])
            for t in range(size):
                slopes[0, s, t] = 1.0
                sigma[s, t] = w[0] + slopes[1, s, t]
        return sigma, slopes
    m = 1 if code == AR1 else size
    rho = np.tanh(w[m])
    for s in range(size):
        for t in range(size):
            scale = np.exp(w[0]) if m == 1 else np.exp((w[s] + w[t]) / 2)
            correlation, slope, _ = correlation_at(code, abs(s - t), rho)
            sigma[s, t] = scale * correlation
            slopes[m, s, t] = scale * slope * (1 - rho**2)
            if m == 1:
                slopes[0, s, t] = sigma[s, t]
            else:
                slopes[s, s, t] += sigma[s, t] / 2
                slopes[t, s, t] += sigma[s, t] / 2
    return sigma, slopes


@compiled
def sigma_and_slopes(w, Z, sizes, code):
    """Sigma (T, T) and d vech(Sigma) / dw (T (T + 1) / 2, k)."""
    size = len(Z)
    n_blocks = 0
    for d in sizes:
        n_blocks += d * (d + 1) // 2
    sigma, first = residual_part(w[n_blocks:], code, size)
    slopes = np.zeros((size * (size + 1) // 2, len(w)))
    j = start = 0
    for d in sizes:
        scores = np.zeros((size, d))  # Z L
        at = j
        for a in range(d):
            for c in range(a + 1):
                for s in range(size):
                    scores[s, c] += Z[s, start + a] * w[at]
                at += 1
        for s in range(size):
            for t in range(size):
                for c in range(d):
                    sigma[s, t] += scores[s, c] * scores[t, c]
        for a in range(d):
            for c in range(a + 1):
                i = 0
                for s in range(size):
                    for t in range(s + 1):
                        slopes[i, j] = Z[s, start + a] * scores[t, c] + scores[s, c] * Z[t, start + a]
                        i += 1
                j += 1
        start += d
    for r in range(len(first)):
        i = 0
        for s in range(size):
            for t in range(s + 1):
                slopes[i, j + r] = first[r, s, t]
                i += 1
    return sigma, slopes


@compiled
def add_curvature(w, D, Z, sizes, code, hessian):
    """Add sum over s, t of D_st d2Sigma_st / dw dw' to the Hessian."""
    size = len(Z)
    j = start = 0
    for d in sizes:
        for a in range(d):
            for b in range(d):
                bent = 0.0
                for s in range(size):
                    for t in range(size):
                        bent += 2 * Z[s, start + a] * D[s, t] * Z[t, start + b]
                for c in range(min(a, b) + 1):
                    hessian[j + a * (a + 1) // 2 + c, j + b * (b + 1) // 2 + c] += bent
        start += d
        j += d * (d + 1) // 2
    if code == NONE:
        return
    sigma, slopes = residual_part(w[j:], code, size)
    m = 1 if code == AR1 else size
    rho = np.tanh(w[j + m]) if code > CS else 0.0
    for s in range(size):
        for t in range(size):
            weight = D[s, t]
            if code <= CS:
                for r in range(1 if code == CS else 0, len(slopes)):
                    hessian[j + r, j + r] += weight * slopes[r, s, t]
                continue
            # Of log variances, Sigma_st has the slopes and bends of exp((w_s + w_t) / 2), or of exp(w).
            if m == 1:
                hessian[j, j] += weight * sigma[s, t]
                hessian[j, j + 1] += weight * slopes[m, s, t]
                hessian[j + 1, j] += weight * slopes[m, s, t]
            else:
                hessian[j + s, j + s] += weight * sigma[s, t] / 2
                hessian[j + s, j + t] += weight * sigma[s, t] / 2
                hessian[j + s, j + m] += weight * slopes[m, s, t]
                hessian[j + m, j + s] += weight * slopes[m, s, t]
            scale = np.exp(w[j]) if m == 1 else np.exp((w[j + s] + w[j + t]) / 2)
            bend = scale * correlation_at(code, abs(s - t), rho)[2] * (1 - rho**2) ** 2
            hessian[j + m, j + m] += weight * (bend - 2 * rho * slopes[m, s, t])


@compiled
def theta_and_jacobian(w, sizes, code):
    """theta (k,) and d theta / dw (k, k), in the coordinates of the blocks."""
    k = len(w)
    theta = np.zeros(k)
    J = np.zeros((k, k))
    j = 0
    for d in sizes:
        L = np.zeros((d, d))
        at = j
        for a in range(d):
            for c in range(a + 1):
                L[a, c] = w[at]
                at += 1
        i = j
        for s in range(d):
            for t in range(s + 1):
                for c in range(t + 1):
                    theta[i] += L[s, c] * L[t, c]
                    J[i, j + s * (s + 1) // 2 + c] += L[t, c]
                    J[i, j + t * (t + 1) // 2 + c] += L[s, c]
                i += 1
        j = i
    for i in range(j, k):
        if code == CS and i == j:
            theta[i], J[i, i] = w[i], 1.0
        elif code > CS and i == k - 1:
            theta[i] = np.tanh(w[i])
            J[i, i] = 1 - theta[i] ** 2
        else:
            theta[i] = J[i, i] = np.exp(w[i])
    return theta, J


@compiled
def congruence(basis, sizes, k):
    """The matrix (k, k) that takes theta in the coordinates of the blocks to theta in those of the design."""
    result = np.eye(k)
    j = start = 0
    for d in sizes:
        B = basis[start : start + d, start : start + d]
        i = 0
        for s in range(d):
            for t in range(s + 1):
                at = 0
                for a in range(d):
                    for c in range(a + 1):
                        share = B[s, a] * B[t, c] + B[s, c] * B[t, a]
                        result[j + i, j + at] = share / 2 if a == c else share
                        at += 1
                i += 1
        start += d
        j += d * (d + 1) // 2
    return result


@compiled
def natural_slopes(slopes, J, Z, sizes):
    """d vech(Sigma) / d theta from that by w: at a variance of zero, where J is singular, too."""
    result = slopes.copy()
    j = start = 0
    for d in sizes:
        for a in range(d):
            for c in range(a + 1):
                i = 0
                for s in range(len(Z)):
                    for t in range(s + 1):
                        share = Z[s, start + a] * Z[t, start + c]
                        result[i, j] = share if a == c else share + Z[s, start + c] * Z[t, start + a]
                        i += 1
                j += 1
        start += d
    for i in range(j, len(J)):
        for s in range(len(slopes)):
            result[s, i] /= J[i, i]
    return result
