"""The kernel's door: fits replicates one after the other, in compiled code that is kept on disk.

numba's cache knows the file of the function that it keeps, and not those of the functions that this calls. So this one
alone is kept, under a stamp of all sources that it is made of. Where numba finds no place that it may write to (a
read-only home), each process compiles anew.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from msclong.covariance.structure import SINGULAR as ZERO
from msclong.covariance.visit_structure import ZERO as ZERO_RESIDUAL
from msclong.engines.frequentist import boundary, optimize, theta_covariance
from msclong.engines.frequentist.batched import settings
from msclong.engines.frequentist.batched.kernel.boundary import (
    all_but_singular,
    set_to_zero,
    smallest_block_value,
    smallest_residual_value,
)
from msclong.engines.frequentist.batched.kernel.climb import chained, climb
from msclong.engines.frequentist.batched.kernel.data import gathered, mapped_rows, standardised
from msclong.engines.frequentist.batched.kernel.inference import (
    add_back,
    adjust,
    information_root,
    test_rows,
)
from msclong.engines.frequentist.batched.kernel.likelihood import least_squares, score
from msclong.engines.frequentist.batched.kernel.matrices import product, quadratic, transposed_product
from msclong.engines.frequentist.batched.kernel.sigma import (
    congruence,
    natural_slopes,
    sigma_and_slopes,
    theta_and_jacobian,
)
from msclong.engines.frequentist.batched.kernel.start import informed, start_values
from msclong.engines.frequentist.batched.settings import (
    CONVERGED,
    CSH,
    EXPECTED,
    INDEPENDENT,
    LEFT,
    NEAR,
    OBSERVED,
    SINGULAR,
)
from msclong.engines.frequentist.optimize import LINE_SEARCH_NOISE


def _kept(stamp: int) -> Any:
    """The compiled function; numba says nothing of its type."""

    def fit_chunk(
        X, same_x, Y, arrangement, L, Z, back, sizes, code, unstructured, shifts, few, reml, expected, kenward_roger,
        status, beta, theta, theta_se, loglik, se, df, iterations,
    ):  # fmt: skip
        n_blocks, k, p = Z.shape[1], theta.shape[1], beta.shape[1]
        n_residual = k
        for d in sizes:
            n_residual -= d * (d + 1) // 2
        for r in range(len(Y)):
            status[r] = LEFT
            own = min(r, len(X) - 1)
            counts, visits, n, ends, weight, rows, scatter = gathered(
                X[own], same_x[own], Y[r], arrangement[r]
            )
            rows, C0, beta0, s = standardised((counts, visits, n, ends, weight, rows, scatter))
            if s == 0:
                continue
            w, basis = np.zeros(k), np.zeros((n_blocks, n_blocks))
            if not start_values(
                (counts, visits, n, ends, weight, rows, scatter), Z, sizes, code, unstructured, w, basis
            ):
                continue
            n_obs = n_subjects = 0
            for i in range(len(n)):
                n_subjects += n[i]
                n_obs += n[i] * counts[i]

            there = product(Z, basis)
            sigma, slopes = sigma_and_slopes(w, there, sizes, code)
            fine, value, gamma, C, roots, white = least_squares(
                sigma, (counts, visits, n, ends, weight, rows, scatter), reml
            )
            if not fine:
                continue
            # As in `optimize._climb`: columns that are orthonormal once weighted keep their digits.
            add_back(beta0, s, C0, gamma)
            C0 = product(C0, C)
            data = (counts, visits, n, ends, weight, mapped_rows(rows, C, gamma), scatter)
            if not informed(w, there, sizes, code, data, reml):
                continue

            best, found = w, False
            for attempt in range(1 + (len(shifts) if n_subjects < few else 0)):
                start = w.copy()
                if attempt > 0:
                    for j in range(k):
                        start[j] += shifts[attempt - 1, j]
                arrived, end, height, taken = climb(start, there, sizes, code, data, reml)
                if arrived and (not found or height < value - LINE_SEARCH_NOISE):
                    best, value, found, iterations[r] = end, height, True, taken
            if not found:
                continue

            sigma, slopes = sigma_and_slopes(best, there, sizes, code)
            fine, value, gamma, C, roots, white = least_squares(sigma, data, reml)
            D, P, H, Q, M = score(C, roots, white, data, reml, OBSERVED)
            if not fine or all_but_singular(sigma, M, counts, visits):
                continue
            natural, J = theta_and_jacobian(best, sizes, code)
            to_design = congruence(product(back, basis), sizes, k)
            lowest = np.inf if unstructured else smallest_block_value(natural, sizes)
            least = smallest_residual_value(best[k - n_residual :], code, Y.shape[2])
            singular = lowest < ZERO or (least < ZERO_RESIDUAL and code != INDEPENDENT)
            near = min(lowest, least) < NEAR
            if expected or near:
                by_theta = natural_slopes(slopes, J, there, sizes)
                G = information_root(quadratic(by_theta, score(C, roots, white, data, reml, EXPECTED)[2]))
                expected_error = product(to_design, G)
            if expected:
                to_theta, directions = expected_error, product(by_theta, G)
            else:
                hessian = chained(best, there, sizes, code, slopes, D, H)[1]
                for i in range(k):
                    for j in range(k):
                        hessian[i, j] /= 2
                G = information_root(hessian)
                to_theta, directions = product(to_design, product(J, G)), product(slopes, G)

            middle = np.zeros((p, p))
            if kenward_roger:
                adjust(directions, P, Q, M, data, middle)
            add_back(beta0, s, C0, gamma)
            loglik[r] = -value / 2 - n_obs * np.log(s)
            for c in range(p):
                beta[r, c] = beta0[c]
                if reml:
                    loglik[r] += np.log(s) + np.log(C0[c, c])
            C0 = product(C0, C)
            test_rows(L, C0, transposed_product(directions, P), middle, s, se[r], df[r])
            for i in range(k):
                error = 0.0
                for j in range(k):
                    theta[r, i] = (0.0 if j == 0 else theta[r, i]) + to_design[i, j] * natural[j]
                    error += to_theta[i, j] ** 2
                theta_se[r, i] = np.sqrt(error)
            if near:
                set_to_zero(theta[r], theta_se[r], expected_error, sizes, code)
            for i in range(k):
                unit = 1.0 if code >= CSH and i == k - 1 else s**2
                theta[r, i] *= unit
                theta_se[r, i] *= unit
            status[r] = SINGULAR if singular else CONVERGED
        return stamp

    try:
        return njit(fit_chunk, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:
        return njit(fit_chunk, nogil=True, error_model="numpy")


def _stamp() -> int:
    """A number that changes with the sources, and with the settings of the ordinary engine."""
    sources = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    modules = (settings, optimize, theta_covariance, boundary)
    numbers = [{n: v for n, v in vars(m).items() if isinstance(v, (int, float))} for m in modules]
    return int.from_bytes(sha256(sources + repr(numbers).encode()).digest()[:7], "big")


fit_chunk = _kept(_stamp())
"""Fits every replicate of a chunk, filling the result arrays in place; without the GIL: threads share the work."""
