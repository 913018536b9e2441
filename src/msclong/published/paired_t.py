"""The paired t-test from printed summaries: which correlations a p-value needs.

    SD_change^2 = s0^2 + s1^2 - 2 r s0 s1,   |t| = |D| sqrt(n) / SD_change,   df = n - 1

with s0, s1 the standard deviations before and after, D the mean change and r the correlation within patients, all of
the sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

from scipy import stats

from msclong.published.printed import PrintedNumber, PrintedP

Range = tuple[float, float]


def t_range(p: PrintedP, n: int) -> Range:
    """|t| of the two-sided p-values that `p` stands for: least, most (infinite where p may be anything above 0)."""
    return t_of(p.high, n), t_of(p.low, n)


def t_of(p: float, n: int) -> float:
    """|t| of a two-sided p-value of n pairs."""
    return float(stats.t.isf(p / 2, n - 1))


def hedges_gz(t: float, n: int) -> float:
    """|g_z| of a paired t: d_z = t / sqrt(n), the mean change in units of the changes' SD, corrected for small
    samples.

    J = 1 - 3 / (4 df - 1), df = n - 1 (Hedges 1981, Journal of Educational Statistics 6:107).

    Examples
    --------
    >>> from msclong import published
    >>> round(published.hedges_gz(3.2, 24), 3)
    0.632
    """
    return (1 - 3 / (4 * (n - 1) - 1)) * t / math.sqrt(n)


def change_sd(s0: float, s1: float, r: float) -> float:
    """SD of the changes."""
    return math.sqrt(max(0.0, s0**2 + s1**2 - 2 * r * s0 * s1))


def paired_p(change: float, s0: float, s1: float, n: int, r: float) -> float:
    """Two-sided p of the paired t-test at correlation r."""
    sd = change_sd(s0, s1, r)
    if sd == 0:
        return 0.0 if change else math.nan
    return float(2 * stats.t.sf(abs(change) * math.sqrt(n) / sd, n - 1))


def unpaired_p(change: float, s0: float, s1: float, n: int) -> float:
    """Two-sided p of Student's t-test, as if the n measurements before and after were of different patients."""
    if s0 == s1 == 0:
        return 0.0 if change else math.nan
    return float(2 * stats.t.sf(abs(change) / math.sqrt((s0**2 + s1**2) / n), 2 * n - 2))


def change_interval(change: float, s0: float, s1: float, n: int, r: float) -> Range:
    """95 % confidence interval of the mean change at correlation r."""
    half = float(stats.t.isf(0.025, n - 1)) * change_sd(s0, s1, r) / math.sqrt(n)
    return change - half, change + half


def correlation(change: float, s0: float, s1: float, n: int, t: float) -> float:
    """The r above which the paired |t| is more than `t`; beyond 1 in absolute value where that is none or any."""
    if t == 0:
        return -math.inf
    v = change**2 * n / t**2 if math.isfinite(t) else 0.0
    if s0 * s1 == 0:
        return -math.inf if s0**2 + s1**2 < v else math.inf
    return (s0**2 + s1**2 - v) / (2 * s0 * s1)


def change_range(pre: PrintedNumber, post: PrintedNumber) -> Range:
    """Least and greatest change that rounding of both means admits."""
    return float(post.low - pre.high), float(post.high - pre.low)


def correlation_over_rounding(change: Range, s0: Range, s1: Range, n: int, t: float) -> Range:
    """Least and greatest r at which |t| is `t`, over every rounding of the two means and the two SDs.

    Exact: r falls with |D|, and for a given D its extremes over a rectangle of SDs lie at corners or where
    s0^2 = |s1^2 - v|, v = D^2 n / t^2, the only points where a derivative vanishes on an edge.
    """
    least, most = sorted(map(abs, change))
    if change[0] <= 0 <= change[1]:
        least = 0.0
    values = [correlation(D, a, b, n, t) for D in (least, most) for a, b in _extremes(D, s0, s1, n, t)]
    return min(values), max(values)


def _extremes(D: float, s0: Range, s1: Range, n: int, t: float) -> Iterator[Range]:
    yield from product(s0, s1)
    v = D**2 * n / t**2 if t > 0 else math.inf
    for fixed in s1:
        if fixed**2 > v and s0[0] < (turn := math.sqrt(fixed**2 - v)) < s0[1]:
            yield turn, fixed
    for fixed in s0:
        if fixed**2 > v and s1[0] < (turn := math.sqrt(fixed**2 - v)) < s1[1]:
            yield fixed, turn
