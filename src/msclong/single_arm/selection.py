"""Regression to the mean that an entry criterion makes, of normal measurements."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from scipy.optimize import brentq
from scipy.special import erfcx

from msclong.errors import DataError, SpecError

Side = Literal["above", "below"]


def expected_change(
    cutoff: float, mean: float, sd: float, correlation: float, selected: Side = "above"
) -> float:
    """Expected change of patients chosen for one measurement beyond a cutoff, without any treatment effect.

    Both measurements are normal with the population's `mean` and `sd`, and `correlation` between them. Of patients
    whose first lies above the cutoff c the second is expected to differ by

        -sd (1 - rho) phi(z) / (1 - Phi(z)),   z = (c - mean) / sd

    and, mirrored, upwards for those below it. In the outcome's units, with the sign of the change.

    Source: Davis (1976), American Journal of Epidemiology 104:493. Raises DataError for an SD not above zero or a
    correlation outside -1 to 1, SpecError for another side.

    Examples
    --------
    >>> from msclong import single_arm
    >>> round(single_arm.expected_change(6, 5, 1.5, 0.6), 2)
    -0.76
    """
    sign = _sign(selected)
    cutoff, mean, sd, correlation = _checked(cutoff=cutoff, mean=mean, sd=sd, correlation=correlation)
    if sd <= 0 or not -1 <= correlation <= 1:
        raise DataError(
            f"sd must be above zero and correlation from -1 to 1; got {sd!r} and {correlation!r}."
        )
    return -sign * sd * (1 - correlation) * _hazard(sign * (cutoff - mean) / sd)


def population_sd(cutoff: float, mean: float, selected_sd: float, selected: Side = "above") -> float:
    """The SD of a normal population of this mean, whose part beyond the cutoff has the SD `selected_sd`.

    The variance of the selected part is sd^2 (1 + z h - h^2) with z = (c - mean) / sd, h = phi(z) / (1 - Phi(z))
    (Johnson, Kotz and Balakrishnan 1994, Continuous Univariate Distributions 1, chapter 13, section 10.1); it rises
    with sd, so that the answer is unique.

    Raises DataError for an SD not above zero, SpecError for another side.

    Examples
    --------
    >>> from msclong import single_arm
    >>> round(single_arm.population_sd(3, 5, 1.2), 2)
    1.38
    """
    sign = _sign(selected)
    cutoff, mean, selected_sd = _checked(cutoff=cutoff, mean=mean, selected_sd=selected_sd)
    if selected_sd <= 0:
        raise DataError(f"selected_sd must be above zero; got {selected_sd!r}.")
    distance = sign * (cutoff - mean)

    def excess(log_sd: float) -> float:
        return log_sd + 0.5 * _log_share(distance / math.exp(log_sd)) - math.log(selected_sd)

    low = high = math.log(selected_sd)
    while excess(low) > 0:
        low -= 1
    while excess(high) < 0:
        high += 1
    return math.exp(brentq(excess, low, high, xtol=1e-13))


def _log_share(z: float) -> float:
    """Log variance of a standard normal beyond z: 1 + z h - h^2, by its expansion far out, where the digits cancel."""
    if z > 30:
        return -2 * math.log(z) + math.log1p(-6 * z**-2 + 50 * z**-4)
    h = _hazard(z)
    return math.log1p(z * h - h**2) if h > 0 else 0.0


def _hazard(z: float) -> float:
    """phi(z) / (1 - Phi(z))."""
    return math.sqrt(2 / math.pi) / float(erfcx(z / math.sqrt(2)))


def _sign(selected: str) -> int:
    if selected not in get_args(Side):
        raise SpecError(f"selected takes 'above' or 'below' (the cutoff); got {selected!r}.")
    return 1 if selected == "above" else -1


def _checked(**figures: float) -> list[float]:
    """As Python's own: arithmetic with a float32 would keep its 7 digits."""
    for name, value in figures.items():
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float, np.integer, np.floating))
            or not math.isfinite(value)
        ):
            raise DataError(f"{name} must be a finite number; got {value!r}.")
    return [float(value) for value in figures.values()]
