"""Which two-sided p-values a signed-rank test of n changes can give, exactly and by its normal approximation.

W is the sum of the ranks of the changes of one sign, |change| from the least up; tied ones have their mean rank.
Changes of zero are dropped before ranking (Wilcoxon) or after it (Pratt 1959, Journal of the American Statistical
Association 54:655). Given the ranks r of the m that are left, each of the 2^m choices of signs is equally likely:

    exact:   p = 2 P(W <= w), at most 1, with w the smaller of the two sums
    normal:  p = 2 Phi(-z),   z = (|sum of signed ranks| - c) / sqrt(sum r^2)

where c is 0, or 1 with the correction for continuity. The root is the usual one: sum r^2 / 4 of the ranks 1 to m is
m (m + 1) (2 m + 1) / 24, less sum(t^3 - t) / 48 where t are tied.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from itertools import pairwise, product
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr

from msclong.published.exact_tests import smallest_p
from msclong.published.printed import PrintedP

Method = Literal["exact", "normal"]
Against = tuple[int, int]
"""Changes that have the sign against the mean change, at least, and that have it or are zero, at most."""

MOST_TIED = 12
"""Up to here every pattern of ties is tried, 2^(m-1) of them. Of 11 and 12 changes they give every multiple of
2^(1-m) as exact p."""

MOST_COUNTED = 1000
"""Of more changes p-values are closer together than 0.0001, and no longer listed."""

NOTHING = 1e-200
"""Steps between p-values that cannot be told from none."""

BINARY = 1e-9
"""Relative: more than what the rounding of sums and of normal tails can be."""


class Values(NamedTuple):
    """Every value that W takes, up to half the sum of ranks.

    against : the least number of changes whose ranks can sum to it; 0 only where all have the same sign.
    exact, normal : two-sided p; the latter (2, ...), without and with correction for continuity.
    """

    against: NDArray[np.int64]
    exact: NDArray[np.float64]
    normal: NDArray[np.float64]

    def admitted(self, p: PrintedP, method: Method, least: int, most: int) -> bool:
        """Whether `p` may be one of them, with so many changes against the others."""
        among = (self.against >= least) & (self.against <= most)
        return bool(p.admits(getattr(self, method)[..., among]).any())


def untied_admits(p: PrintedP, method: Method, n: int, against: Against) -> bool:
    """Whether n changes, none zero and none tied, can have this p."""
    if n > MOST_COUNTED:
        return _many_admit(p, method, np.arange(1.0, n + 1), *against)
    return untied(n).admitted(p, method, *against)


def special_admits(p: PrintedP, method: Method, n: int, against: Against) -> bool:
    """Whether n changes can have this p if some may be zero and others tied.

    Of more than MOST_TIED changes that are not zero by limits that no pattern of ties can leave: true may be too
    lenient, false is a proof.
    """
    least, most = against
    for zeros in range(min(most, n - 1) + 1):
        m = n - zeros
        for before in {0, zeros}:
            ranks = np.arange(before + 1.0, before + m + 1)
            if not _many_admit(p, method, ranks, least, most - zeros):
                continue
            if m > MOST_TIED or tied(m, before).admitted(p, method, least, most - zeros):
                return True
    return False


@lru_cache(maxsize=8)
def untied(m: int) -> Values:
    """Of m changes, none zero and none tied."""
    return _values(np.arange(1, m + 1), 1)


@cache
def tied(m: int, zeros: int = 0) -> Values:
    """Of m changes over every pattern of ties between them, ranked above so many zeros."""
    found = []
    for cuts in product((False, True), repeat=m - 1):
        ends = [0, *(i for i, cut in enumerate(cuts, start=1) if cut), m]
        doubled = [2 * zeros + a + b + 1 for a, b in pairwise(ends) for _ in range(a, b)]
        found.append(_values(np.array(doubled), 2))
    # Many patterns share their values.
    rows = np.unique(np.column_stack([np.vstack([v.against, v.exact, v.normal]) for v in found]), axis=1)
    return Values(rows[0].astype(np.int64), rows[1], rows[2:])


def smallest_normal_p(n: int) -> tuple[float, float]:
    """The smallest p by the normal approximation, uncorrected: of any n changes, and of n that are not tied.

    Sum r <= sqrt(n sum r^2), with equality where all are tied.
    """
    untied_z = np.sqrt(1.5 * n * (n + 1) / (2 * n + 1))
    return float(2 * ndtr(-np.sqrt(n))), float(2 * ndtr(-untied_z))


def _values(ranks: NDArray[np.int64], unit: int) -> Values:
    """ranks : rising, in units of 1 / unit."""
    total, half = int(ranks.sum()), int(ranks.sum()) // 2
    # Each step halves; binary fractions of so many digits as there are changes: exact up to 53.
    share = np.zeros(half + 1)
    share[0], reach = 1.0, 0
    for rank in ranks:
        reach = min(half, reach + int(rank))
        share[: reach + 1] /= 2
        if rank <= reach:
            share[rank : reach + 1] += share[: reach + 1 - rank]
    w = np.flatnonzero(share)
    against = np.searchsorted(np.cumsum([0, *ranks[::-1]]), w)
    exact = np.minimum(1.0, 2 * np.cumsum(share)[w])
    apart = np.maximum(total - 2 * w - np.array([[0], [unit]]), 0)
    return Values(against, exact, 2 * ndtr(-apart / np.sqrt(float(ranks @ ranks))))


def _many_admit(p: PrintedP, method: Method, ranks: NDArray[np.float64], least: int, most: int) -> bool:
    """Whether p lies where changes of these ranks, tied in any way, can have it.

    Ties move the lowest sums of ranks up, the highest down, and sum r^2 down. So the ranks of `most` changes sum to
    at most those of the last here, and j changes that sum to no more satisfy it with the first j here. A normal z is
    at most sqrt(m - least): Cauchy and Schwarz, without those against.
    """
    m, total = ranks.size, float(ranks.sum())
    greatest = float(ranks[max(0, m - most) :].sum())
    if method == "normal":
        nearest = max(0.0, total - 2 * greatest - 1) / math.sqrt(ranks @ ranks)
        low, high = 2 * float(ndtr(-math.sqrt(m - least))), 2 * float(ndtr(-nearest))
        return low * (1 - BINARY) <= p.high and p.low <= high * (1 + BINARY)
    j = int(np.searchsorted(np.cumsum(ranks), greatest, side="right"))
    limit = min(1.0, 2 * float(bdtr(j, m, 0.5)) * (1 + BINARY))
    step = smallest_p(m)
    if step < NOTHING:
        return p.low <= limit
    # Every exact p is a multiple of the smallest; the outermost two on either side tell whether one is admitted.
    first, last = math.ceil(max(p.low / step, 1 + least)), math.floor(min(p.high, limit) / step)
    ends = (first, first + 1, last - 1, last)
    return any(1 + least <= k and k * step <= limit and p.admits(k * step) for k in ends)
