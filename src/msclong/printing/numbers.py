"""How numbers are printed: decimals from the standard error, p-values, probabilities, intervals."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal

import numpy as np

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"
MOST_DECIMALS = 8
PLAIN = Context(prec=400, rounding=ROUND_HALF_UP)
"""Enough digits for any double."""

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def decimals_for(standard_errors: Iterable[float]) -> int:
    """Decimals at which the smallest of the standard errors shows two significant digits.

    The rule for a whole table: estimates, standard errors and limits share it, so that they can be compared.
    0.0996 is printed 0.10: rounding up to the next power of ten costs no decimal.
    """
    values = np.array([value for value in standard_errors if np.isfinite(value) and value > 0])
    if values.size == 0:
        return 2
    leading = int(f"{values.min():.1e}".partition("e")[2])
    return int(np.clip(1 - leading, 0, MOST_DECIMALS))


def fixed(value: float, decimals: int) -> str:
    """`value` with so many decimals, a true minus sign, and no minus on what rounds to zero.

    Halves round away from zero, as papers and SAS print them: a mean of 135 / 24 points is 5.63, not 5.62.
    """
    if not np.isfinite(value):
        return DASH if np.isnan(value) else ("\N{INFINITY}" if value > 0 else MINUS + "\N{INFINITY}")
    text = f"{Decimal(float(value)).quantize(Decimal(1).scaleb(-decimals), context=PLAIN):f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def interval(lower: float, upper: float, decimals: int, space: str = " ") -> str:
    return f"{fixed(lower, decimals)}{space}to{space}{fixed(upper, decimals)}"


def p_value(value: float) -> str:
    """Three decimals, or '<0.001'."""
    if np.isnan(value):
        return DASH
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def probability(value: float) -> str:
    """Two decimals; three beyond 0.99 and below 0.01; '>0.999' and '<0.001' at the ends."""
    if np.isnan(value):
        return DASH
    if value > 0.999:
        return ">0.999"
    if value < 0.001:
        return "<0.001"
    return f"{value:.2f}" if 0.01 <= value <= 0.99 else f"{value:.3f}"


def count(value: float) -> str:
    """A whole number, thousands set apart by a comma."""
    return f"{round(value):,}"


def percent(part: int, whole: int) -> str:
    """`part` of `whole` in percent, to one decimal where it is not a whole number: 65%, 34.5%."""
    return f"{100 * part / whole:.1f}".removesuffix(".0") + "%" if whole else DASH


def stated(value: float) -> str:
    """A number that somebody wrote down, as it was written: no digits added."""
    return f"{value:.10g}".replace("-", MINUS)


def significant(value: float, digits: int = 3) -> str:
    """`value` with so many significant digits, as a power of ten where that is shorter."""
    if not np.isfinite(value) or value == 0:
        return fixed(value, 0)
    if not 1e-4 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa.replace('-', MINUS)}\N{MULTIPLICATION SIGN}10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    leading = int(np.floor(np.log10(abs(value))))
    return fixed(value, max(0, digits - 1 - leading))
