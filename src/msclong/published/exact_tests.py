"""Which two-sided p-values an exact sign test of n changes can give, and the smallest of any exact rank test."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def smallest_p(n: int) -> float:
    """The smallest two-sided p of n changes by an exact signed-rank or sign test: all of the same sign."""
    return 2.0 ** (1 - n)


def sign_tests(n: int) -> Iterator[NDArray[np.float64]]:
    """For m = 1, 2, ..., n changes that are not zero: the p-values with 0, 1, ..., m // 2 of the rarer sign."""
    share = np.ones(1)
    for m in range(1, n + 1):
        # Binary fractions of m digits: exact up to m = 53.
        share = (np.append(share, 0.0) + np.append(0.0, share)) / 2
        yield np.minimum(1.0, 2 * np.cumsum(share[: m // 2 + 1]))
