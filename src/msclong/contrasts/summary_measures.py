"""Summary measures of a profile over time: trends, averages, areas (Matthews et al. 1990, BMJ 300:230)."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np

from msclong.errors import HypothesisError, listing
from msclong.linear_hypothesis import LinearHypothesis, Sign, difference_label, label

DEGREES = ("linear", "quadratic", "cubic", "quartic", "degree 5", "degree 6")
"""Names of the polynomial trends, the highest degree last."""

SPACING_TOLERANCE = 1e-9
"""Relative difference of two intervals that counts as rounding."""


def polynomial_trends(means: LinearHypothesis, factor: str, times: np.ndarray) -> LinearHypothesis:
    """Orthogonal polynomial contrasts of the levels at `times`, one a degree.

    Equally spaced: the whole numbers without common divisor of the textbooks' tables (and emmeans' poly): -3 -1 1 3.
    Otherwise of unit length (R's contr.poly with scores, SAS's ORPOL). Positive where the last level is raised.
    """
    coefficients = orthogonal_polynomials(times)
    return means.combine(factor, lambda levels: dict(zip(DEGREES, coefficients, strict=False)))


def average(
    means: LinearHypothesis, factor: str, baseline: object | None = None, sign: Sign = "-"
) -> LinearHypothesis:
    """Mean over the levels of `factor`; with a baseline, over the others, minus the baseline."""

    def row(levels: list[object]) -> dict[str | None, np.ndarray]:
        if baseline is None:
            return {"average": np.full(len(levels), 1 / len(levels))}
        first = np.equal(np.arange(len(levels)), _position(levels, baseline, factor)).astype(float)
        if len(levels) < 2:
            raise HypothesisError(f"There is no {factor} but the baseline {baseline!r} to average over.")
        return {difference_label("average", baseline, sign): (1 - first) / (len(levels) - 1) - first}

    return means.combine(factor, row)


def area_under_curve(
    means: LinearHypothesis, factor: str, times: np.ndarray, baseline: object | None = None
) -> LinearHypothesis:
    """Area under the profile of means by the trapezoidal rule, in units of outcome times time.

    With a baseline, the area above it: less the baseline mean times the duration (the incremental area).
    """
    if len(times) < 2 or (np.diff(times) <= 0).any():
        raise HypothesisError(
            f"An area needs two or more {factor} in ascending order of time; their times are {listing(times)}."
        )
    widths = np.diff(times)
    weights = (np.r_[widths, 0] + np.r_[0, widths]) / 2

    def row(levels: list[object]) -> dict[str | None, np.ndarray]:
        span = f"{label(float(times[0]))} to {label(float(times[-1]))}"
        if baseline is None:
            return {f"AUC {span}": weights}
        first = np.equal(np.arange(len(levels)), _position(levels, baseline, factor))
        return {f"incremental AUC {span}": weights - first * weights.sum()}

    return means.combine(factor, row)


def orthogonal_polynomials(times: np.ndarray) -> list[np.ndarray]:
    """Contrasts (k,) of degree 1, 2, ... up to 6 or k - 1; scaled as `polynomial_trends` says."""
    k = len(times)
    if k < 2 or len(np.unique(times)) < k:
        raise HypothesisError(
            f"A trend needs two or more levels at different times; the times are {listing(times)}."
        )
    degrees = range(1, min(k - 1, len(DEGREES)) + 1)
    steps = np.diff(times)
    if np.abs(steps - steps[0]).max() <= SPACING_TOLERANCE * np.abs(steps[0]):
        return [_whole_numbers(k, degree) * np.sign(steps[0]) ** degree for degree in degrees]
    centred = (times - times.mean()) / np.ptp(times)
    Q, R = np.linalg.qr(np.vander(centred, degrees[-1] + 1, increasing=True))
    return [Q[:, degree] * np.sign(R[degree, degree]) for degree in degrees]


def _whole_numbers(k: int, degree: int) -> np.ndarray:
    """Gram-Schmidt on the powers of 0, ..., k - 1 in exact fractions, then the least multiple that is whole."""
    basis: list[list[Fraction]] = []
    for power in range(degree + 1):
        column = [Fraction(i) ** power for i in range(k)]
        for other in basis:
            share = _inner(column, other) / _inner(other, other)
            column = [a - share * b for a, b in zip(column, other, strict=True)]
        basis.append(column)
    common = lcm(*(value.denominator for value in basis[-1]))
    whole = [int(value * common) for value in basis[-1]]
    return np.array(whole, dtype=float) / gcd(*whole)


def _inner(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _position(levels: list[object], baseline: object, factor: str) -> int:
    if baseline not in levels:
        raise HypothesisError(
            f"The baseline {baseline!r} is not among the levels of {factor!r}: {listing(levels)}."
        )
    return levels.index(baseline)
