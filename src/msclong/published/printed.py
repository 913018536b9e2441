"""Printed numbers as intervals: half a unit of the last digit either side, exactly."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from msclong.errors import DataError

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")

SAME = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00b7": ".", "\u2264": "<=", "\u2265": ">="})
"""Signs of print: minus and en dash, the raised point, at most and at least."""


@dataclass(frozen=True)
class PrintedNumber:
    """A number as it was printed, and the closed interval that rounds to it.

    Both ends belong: papers round halves up, down or to the even digit, and do not say which.

    text : as printed.
    value, low, high : exact.
    """

    text: str
    value: Fraction
    low: Fraction
    high: Fraction

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class PrintedP:
    """A two-sided p-value as it was printed, and the interval from low to high within [0, 1] that it stands for.

    text : as printed.
    relation : '<', '<=', '=', '>=' or '>'. '=' is a rounded number, the others give an exact bound.
    value : the number printed.
    """

    text: str
    relation: str
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"p = {self.text}" if self.relation == "=" else f"p {self.relation} {self.value:g}"

    def admits(self, p: Any) -> Any:
        """Whether this p-value, or each of an array, would have been printed so."""
        within = (p != self.value) | (self.relation not in ("<", ">"))
        return (self.low <= p) & (p <= self.high) & within


Summary = tuple[PrintedNumber | None, PrintedNumber | None]
"""Mean and SD as printed; None where the paper prints none."""


def missing(given: object) -> bool:
    """Whether this stands for a figure that was not printed: None, or the NaN or NA of a table."""
    nan = isinstance(given, (float, np.floating)) and np.isnan(given)
    return given is None or given is pd.NA or given is pd.NaT or bool(nan)


def number(text: object, what: str) -> PrintedNumber:
    """The number printed as `text`; `what` names it in errors ('the mean before').

    Accepted: signs (also the typographic minus), a leading or a raised point ('.05', '0\u00b705'), exponents
    ('1.2e-5'), blanks around. Raises DataError for a float, whose trailing zeros are lost ('1.00' says more than 1.0),
    for a percentage and for anything that is no number.
    """
    if isinstance(text, float):
        raise DataError(
            f"{what} is the float {text!r}; give it as the text that was printed, such as '1.00': how far a printed "
            "number may have been rounded shows in its trailing zeros, which a float has lost."
        )
    if not isinstance(text, str):
        raise DataError(f"{what} must be the text that was printed, such as '1.00'; got {text!r}.")
    plain = text.strip().translate(SAME).lower()
    if plain.endswith("%"):
        raise DataError(
            f"{what} is the percentage {text!r}; give its figure without the sign, or the proportion, and all other "
            "figures of that outcome in the same unit."
        )
    if "," in plain:
        raise DataError(
            f"{what}, {text!r}, has a comma, which is a decimal point in one journal and parts thousands in another; "
            "write it with a point, or without."
        )
    if not NUMBER.fullmatch(plain):
        raise DataError(f"{what}, {text!r}, is not a number; give it as it was printed, such as '0.63'.")
    decimal = Decimal(plain)
    value, half = Fraction(decimal), Fraction(10) ** int(decimal.as_tuple().exponent) / 2
    return PrintedNumber(text.strip(), value, value - half, value + half)


def positive(text: object, what: str) -> PrintedNumber:
    """A printed standard deviation; raises DataError also where it is not above zero."""
    read = number(text, what)
    if read.value <= 0:
        raise DataError(f"{what} is {text!r}; a standard deviation of measurements that vary is above zero.")
    return read


def deviation(text: object, what: str) -> PrintedNumber:
    """A printed standard deviation, its interval cut at zero; '0.00' stands for up to 0.005. Raises DataError where it
    is negative."""
    read = number(text, what)
    if read.value < 0:
        raise DataError(f"{what} is {text!r}; a standard deviation is not negative.")
    return replace(read, low=max(read.low, Fraction(0)))


def p_value(text: object, what: str = "p") -> PrintedP:
    """The two-sided p-value printed as `text`: '0.008', '<0.001', 'P = .04', '>0.05'.

    Raises DataError where it is no number between 0 and 1; 'ns' and stars too, because the level that they refer to is
    the paper's: give that, such as '>0.05'.
    """
    if not isinstance(text, str):
        number(text, what)
    plain = str(text).strip().translate(SAME).lower()
    parts = re.fullmatch(r"p?\s*([<>=]*)\s*(.*)", plain, re.DOTALL)
    relation, figure = (parts[1] or "=", parts[2]) if parts else ("=", plain)
    if figure.replace(".", "") in ("ns", "notsignificant", "not significant") or set(figure) == {"*"}:
        raise DataError(
            f"{what} is printed as {text!r}, which is no number; give the bound it stands for in that paper, such as "
            "'>0.05' or '<0.05'."
        )
    read = number(figure, what)
    if relation not in ("<", "<=", "=", ">=", ">"):
        raise DataError(f"{what}, {text!r}, must be a number with one of <, <=, =, >=, > before it, or none.")
    nothing = (relation.startswith("<") and read.value == 0) or (relation == ">" and read.value == 1)
    if nothing or not 0 <= read.value <= 1:
        raise DataError(f"{what} is printed as {text!r}; a p-value lies between 0 and 1.")
    value = float(read.value)
    if value == 0 and read.value > 0:
        raise DataError(
            f"{what} is printed as {text!r}, less than computers count with; give it as '<1e-300'."
        )
    low, high = max(0.0, float(read.low)), min(1.0, float(read.high))
    if relation.startswith("<"):
        low, high = 0.0, value
    elif relation.startswith(">"):
        low, high = value, 1.0
    return PrintedP(str(text).strip(), relation, value, low, high)


def count(n: object, what: str = "n", least: int = 2) -> int:
    """A number of patients, whole or its text; raises DataError where it is less than `least`."""
    if isinstance(n, str) and n.strip().isdigit():
        n = int(n)
    if isinstance(n, bool) or not isinstance(n, Integral):
        raise DataError(f"{what} must be a whole number of patients, such as 24; got {n!r}.")
    n = int(n)
    if n < least:
        raise DataError(f"{what} is {n}; it must be at least {least}.")
    return n
