"""Figures of convergence as tables print them."""

from __future__ import annotations

from msclong.printing import numbers

PLACES = {"pareto k-hat": 2, "efficiency": 2, "e-bfmi": 2, "r-hat": 3, "max r-hat": 3, "mcse / sd": 3}
"""Decimals by criterion, in small letters; of others four significant digits."""

COUNTED = ("ess", "draws", "divergences", "iterations")
"""Last words of criteria that are counts, or worth so many draws."""


def criterion(name: str, value: object) -> str:
    """The value of a criterion of `Fit.checks()` or of a fit's diagnostics; texts as they are."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value)
    small = name.lower()
    if isinstance(value, int) or (small.split()[-1] in COUNTED and value == value):
        return numbers.count(value)
    if small in PLACES:
        return numbers.fixed(value, PLACES[small])
    return numbers.significant(value, 4)
