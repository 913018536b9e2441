"""Figures of convergence as tables print them."""

from __future__ import annotations

from msclong.printing import numbers

PLACES = {"pareto k-hat": 2, "efficiency": 2, "e-bfmi": 2, "r-hat": 3, "max r-hat": 3, "mcse / sd": 3}
"""Decimals by criterion, in small letters; of others four significant digits."""

MOST_PLACES = 6

COUNTED = ("ess", "draws", "divergences", "iterations")
"""Last words of criteria that are counts, or worth so many draws."""


def criterion(name: str, value: object, limit: float | None = None) -> str:
    """The value of a criterion of `Fit.checks()` or of a fit's diagnostics; texts as they are.

    It has the decimals that tell it from `limit`: 0.704 is not 0.70 where 0.7 is the limit.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value)
    small = name.lower()
    if isinstance(value, int) or (small.split()[-1] in COUNTED and value == value):
        return numbers.count(value)
    if small in PLACES:
        places = PLACES[small]
        while limit is not None and value != limit and round(value, places) == limit and places < MOST_PLACES:
            places += 1
        return numbers.fixed(value, places)
    return numbers.significant(value, 4)
