"""The probability of an interval, as a logarithm and without cancellation."""

from __future__ import annotations

from msclong.families.arrays import Array, Arrays


def log_normal_interval(lower: Array, upper: Array, xp: Arrays) -> Array:
    """log(Phi(upper) - Phi(lower)), Phi the standard normal distribution function; lower < upper."""
    # In the upper half by symmetry: there Phi is one to all digits.
    above = lower > 0
    a, b = xp.where(above, -upper, lower), xp.where(above, -lower, upper)
    log_b = xp.log_ndtr(b)
    return log_b + xp.log1mexp(xp.log_ndtr(a) - log_b)


def log_logistic_interval(lower: Array, upper: Array, xp: Arrays) -> Array:
    """log(F(upper) - F(lower)), F(x) = 1 / (1 + exp(-x)); lower < upper.

    F(b) - F(a) = F(b) F(-a) (1 - exp(a - b)).
    """
    return xp.log1mexp(lower - upper) - xp.softplus(-upper) - xp.softplus(lower)
