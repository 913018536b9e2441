"""Figures in sentences: formatted as `printing.numbers` has it, each keeps its value and its name in the ARD.

f"{say.counted(24, 'patient')}, p {say.p_value(0.0123)}"
"""

from __future__ import annotations

from msclong.printing import numbers
from msclong.reporting.inline import said
from msclong.reporting.stat_names import LIMITS
from msclong.reporting.wording import counted as _counted

NBSP = "\N{NO-BREAK SPACE}"


def count(n: float, stat: str = "n") -> str:
    return said(numbers.count(n), n, stat)


def counted(n: int, noun: str, plural: str | None = None, stat: str = "n") -> str:
    """'1 patient', '24 patients'."""
    return f"{count(n, stat)}{_counted(n, noun, plural).removeprefix(f'{n:,}')}"


def fixed(value: float, decimals: int, stat: str = "estimate") -> str:
    return said(numbers.fixed(value, decimals), value, stat)


def interval(
    lower: float, upper: float, decimals: int, stats: tuple[str, str] = LIMITS, space: str = NBSP
) -> str:
    """'-4.30 to -0.26'."""
    ends = (fixed(value, decimals, stat) for value, stat in zip((lower, upper), stats, strict=True))
    return f"{space}to{space}".join(ends)


def p_value(value: float, stat: str = "p.value") -> str:
    """'= 0.027' or '< 0.001'."""
    return equals(numbers.p_value(value), value, stat)


def probability(value: float, stat: str) -> str:
    """'= 0.97' or '> 0.999'."""
    return equals(numbers.probability(value), value, stat)


def equals(text: str, value: float, stat: str) -> str:
    """The relation, which only extreme figures have themselves, and the figure."""
    spaced = f"{text[0]}{NBSP}{text[1:]}"
    return said(spaced, value, stat) if text[0] in "<>" else f"={NBSP}{said(text, value, stat)}"


def percent(part: int, whole: int, stat: str = "p") -> str:
    return said(numbers.percent(part, whole), part / whole, stat) if whole else numbers.DASH


def significant(value: float, digits: int, stat: str) -> str:
    return said(numbers.significant(value, digits), value, stat)


def stated(value: float, stat: str) -> str:
    """A number that somebody declared, as it was written."""
    return said(numbers.stated(value), value, stat)
