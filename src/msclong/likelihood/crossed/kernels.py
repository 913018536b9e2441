"""Sums over the levels of the eliminated grouping, compiled: each level touches few other effects, at their places.

pointer, local, base, width : as in `msclong.design.effect_products.Links`; local ascends within a level.
values : (links, r).
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def add_outer(pointer, local, base, width, values, weight, total):  # type: ignore[no-untyped-def]
    """total += lower triangles of the sum over levels l of values_l weight_l values_l', in the square of l's unit."""
    r = values.shape[1]
    for level in range(len(pointer) - 1):
        first, last = pointer[level], pointer[level + 1]
        for i in range(first, last):
            row = base[level] + local[i] * width[level]
            for b in range(r):
                left = 0.0
                for a in range(r):
                    left += values[i, a] * weight[level, a, b]
                if left != 0.0:
                    for j in range(first, i + 1):
                        total[row + local[j]] += left * values[j, b]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def quadratic_forms(pointer, local, base, width, values, middle):  # type: ignore[no-untyped-def]
    """(L, r, r), values_l' middle values_l with the square of l's unit in `middle`, which is symmetric."""
    r = values.shape[1]
    levels = len(pointer) - 1
    result = np.zeros((levels, r, r))
    for level in range(levels):
        first, last = pointer[level], pointer[level + 1]
        for i in range(first, last):
            row = base[level] + local[i] * width[level]
            for b in range(r):
                inner = 0.5 * middle[row + local[i]] * values[i, b]
                for j in range(first, i):
                    inner += middle[row + local[j]] * values[j, b]
                for a in range(r):
                    result[level, a, b] += values[i, a] * inner
                    result[level, b, a] += values[i, a] * inner
    return result


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def bilinear_forms(pointer, local, base, width, values, middle, level, place, left):  # type: ignore[no-untyped-def]
    """(M,), left_m' values_l' middle e_i of each m: l its level, i its place within the square of l's unit."""
    result = np.zeros(len(level))
    for m in range(len(level)):
        at = level[m]
        for link in range(pointer[at], pointer[at + 1]):
            inner = 0.0
            for a in range(values.shape[1]):
                inner += left[m, a] * values[link, a]
            result[m] += inner * middle[base[at] + local[link] * width[at] + place[m]]
    return result
