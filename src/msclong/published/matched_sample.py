"""Samples whose means, SDs and paired t-tests lie in given intervals, within bounds, of a given resolution.

One attempt draws the moments and the correlations, then scores with these correlations, bends each visit's scores
(exp or expit) until they have the visit's mean and standard deviation within the bounds, sets the correlation with the
first visit exactly, and, where values are recorded to a unit, rounds and repairs (`msclong.published.lattice`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root
from scipy.special import expit

from msclong.errors import DataError
from msclong.published.lattice import Column, settle
from msclong.published.paired_t import Range, correlation

Values = NDArray[np.float64]

MOMENTS = 200
"""How often moments are drawn again before their p-value counts as out of reach for the correlations allowed."""

TRIES = 200
"""Attempts at one sample."""

LARGEST = 300
"""Of a logarithm, so that sums of squares stay finite."""

EXACT = 1e-9
"""How near bent scores come to a mean and an SD, in SDs."""

ROUNDS = 60
"""How often values beyond a bound are put back and the moments set again."""


@dataclass(frozen=True)
class VisitTarget:
    """What a visit's sample must have: a mean and an SD (n - 1) in closed intervals, and |t| against the first visit.

    visit : its name, for errors.
    """

    visit: str
    mean: Range
    sd: Range
    t: Range = (0.0, math.inf)


class _NoSampleError(Exception):
    """This attempt came to no sample; the text says where it ended."""


def matched_sample(
    targets: Sequence[VisitTarget],
    n: int,
    rng: np.random.Generator,
    correlations: Range = (-1.0, 1.0),
    bounds: Range = (-math.inf, math.inf),
    unit: float | None = None,
    tries: int = TRIES,
) -> Values:
    """One sample, shape (n, visits): a row per patient, all visits observed.

    correlations : least and greatest within-patient correlation of any visit with the first; between later visits it is
        that of the scores, which bending and rounding move a little.
    bounds : least and greatest value, each infinite where there is none.
    unit : values are whole multiples of it; None: they are not rounded.

    Raises DataError where `tries` attempts came to none, with what stopped most of them.
    """
    misses: Counter[str] = Counter()
    for _ in range(tries):
        try:
            return _attempt(targets, n, rng, correlations, bounds, unit)
        except _NoSampleError as miss:
            misses[str(miss)] += 1
    reason, count = misses.most_common(1)[0]
    raise DataError(
        f"No data set was found in {tries} attempts: in {count} of them {reason}. Check the figures and n, or allow "
        "more: wider bounds, other correlations, a finer resolution, or no p-value."
    )


def _attempt(
    targets: Sequence[VisitTarget],
    n: int,
    rng: np.random.Generator,
    correlations: Range,
    bounds: Range,
    unit: float | None,
) -> Values:
    means, sds, with_first = _moments(targets, n, rng, correlations)
    R = _correlation_matrix(with_first, correlations, rng)
    scores = rng.normal(size=(n, len(targets))) @ np.linalg.cholesky(R + 1e-10 * np.eye(len(R))).T
    # A recorded value stands for what rounds to it.
    room = bounds if unit is None else (bounds[0] - unit / 2, bounds[1] + unit / 2)
    sample = np.empty_like(scores)
    first: Column | None = None
    for j, target in enumerate(targets):
        values = _bent(scores[:, j], means[j], sds[j], room, target.visit)
        if j:
            values = _correlated(values, means[j], sds[j], R[0, j], sample[:, 0], room, target.visit)
        if unit is not None:
            wanted = (target.mean, target.sd, target.t, correlations)
            column = settle(values, unit, bounds, wanted, first, rng)
            if column is None:
                raise _NoSampleError(f"no rounded values had all figures of visit {target.visit}")
            first, values = first or column, column.values
        sample[:, j] = values
    return sample


def _moments(
    targets: Sequence[VisitTarget], n: int, rng: np.random.Generator, correlations: Range
) -> tuple[list[float], list[float], list[Range]]:
    """A mean and an SD per visit, uniform over their intervals, and the correlations with the first that t leaves."""
    means, sds, allowed = [rng.uniform(*targets[0].mean)], [rng.uniform(*targets[0].sd)], [(1.0, 1.0)]
    for target in targets[1:]:
        for _ in range(MOMENTS):
            m, s = rng.uniform(*target.mean), rng.uniform(*target.sd)
            least, most = (correlation(m - means[0], sds[0], s, n, t) for t in target.t)
            low, high = max(least, correlations[0]), min(most, correlations[1])
            if low <= high:
                break
        else:
            raise _NoSampleError(f"no correlation allowed gives the p-value of visit {target.visit}")
        means.append(m)
        sds.append(s)
        allowed.append((low, high))
    return means, sds, allowed


def _correlation_matrix(with_first: Sequence[Range], others: Range, rng: np.random.Generator) -> Values:
    """A correlation matrix, each entry uniform over what its range and the entries before it leave.

    Row by row, r_st = sum over k < s of L_sk L_tk + L_ss x, where x is the free entry L_ts of the Cholesky factor and
    |x| at most what is left of the unit row.
    """
    T = len(with_first)
    L = np.zeros((T, T))
    L[0, 0] = 1
    for t in range(1, T):
        for s in range(t):
            low, high = with_first[t] if s == 0 else others
            centre, left = float(L[s, :s] @ L[t, :s]), _rest(L[t, :s])
            reach = L[s, s] * left
            low, high = max(low, centre - reach), min(high, centre + reach)
            if low > high:
                raise _NoSampleError("the correlations between later visits came to contradict each other")
            L[t, s] = (rng.uniform(low, high) - centre) / L[s, s] if L[s, s] > 0 else 0
        L[t, t] = _rest(L[t, :t])
    return L @ L.T


def _rest(row: Values) -> float:
    """What is left of a row of unit length."""
    return math.sqrt(max(0.0, 1 - float(row @ row)))


def _bent(scores: Values, mean: float, sd: float, room: Range, visit: str) -> Values:
    """The scores through a + b x, exp or expit, as the bounds have it, with the sample mean and SD given."""
    low, high = room
    if not low < mean < high:
        raise _NoSampleError(f"the mean of visit {visit} came to lie outside the bounds")
    x = (scores - scores.mean()) / scores.std(ddof=1)
    if math.isinf(low) and math.isinf(high):
        return mean + sd * x
    if math.isinf(low):
        return -_bent(-scores, -mean, sd, (-high, math.inf), visit)
    width = high - low
    if math.isinf(width):
        b = math.sqrt(math.log1p((sd / (mean - low)) ** 2))
        start = math.log(mean - low) - b * b / 2, math.log(b)
    else:
        share = (mean - low) / width
        start = math.log(share / (1 - share)), math.log(sd / (width * share * (1 - share)))

    def bend(coefficients: Values) -> Values:
        z = coefficients[0] + math.exp(min(coefficients[1], 20)) * x
        return low + (np.exp(np.minimum(z, LARGEST)) if math.isinf(width) else width * expit(z))

    def distance(coefficients: Values) -> list[float]:
        values = bend(coefficients)
        return [(values.mean() - mean) / sd, values.std(ddof=1) / sd - 1]

    found = root(distance, start, tol=EXACT / 100).x
    values = bend(found)
    if np.abs(distance(found)).max() > EXACT:
        raise _NoSampleError(f"no values within the bounds had the mean and SD of visit {visit}")
    return values


def _correlated(
    values: Values, mean: float, sd: float, r: float, first: Values, room: Range, visit: str
) -> Values:
    """Values near these with the mean, SD and correlation r with the first visit exactly, within the bounds."""
    u = (first - first.mean()) / first.std(ddof=1)
    low, high = room[0] + 0.01 * sd, room[1] - 0.01 * sd
    for _ in range(ROUNDS):
        residual = values - values.mean()
        residual = residual - u * (u @ residual) / (u @ u)
        spread = residual.std(ddof=1)
        if spread == 0:
            break
        values = mean + sd * (r * u + math.sqrt(max(0.0, 1 - r * r)) * residual / spread)
        if values.min() >= room[0] and values.max() <= room[1]:
            return values
        values = values.clip(low, high)
    raise _NoSampleError(f"no values within the bounds had the correlation of visit {visit} with the first")
