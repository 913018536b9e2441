"""Verdicts on a printed p-value, one for each test that may have given it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from msclong.published.paired_t import Range
from msclong.published.printed import PrintedP

Word = Literal["attainable", "tight", "impossible", "not testable"]
LENIENT: tuple[Word, ...] = ("attainable", "tight", "not testable", "impossible")
"""From the most lenient verdict to the harshest."""

USUAL_CORRELATIONS = (-0.1, 0.9)
"""Correlations between baseline and follow-up outside of which a verdict is 'tight'. In 20 trials with 464 of them
they ran from -0.13 to 0.91, with mean 0.50 (Walters et al. 2019, Trials 20:566)."""

VERY_LARGE_CHANGE = 1.2
"""A mean change, in SDs of the patients, called very large by Sawilowsky (2009, Journal of Modern Applied
Statistical Methods 8:597). Where no means are printed, a p-value is 'tight' that needs more than this even at the
highest usual correlation."""


@dataclass(frozen=True)
class Verdict:
    """word : 'attainable', 'tight' (only as measurements rarely come), 'impossible' or 'not testable'; reason :
    why."""

    word: Word
    reason: str

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"


def t_test(p: PrintedP, least: Range, most: Range, n: int) -> Verdict:
    """From the least and the greatest r that the p-value admits, each from its lowest to its highest over rounding.

    |t| at a given r is continuous in the figures, so that some rounding gives p at every r from the lowest to the
    highest. The measurements of two patients correlate at -1 or 1.
    """
    low, high = least[0], most[1]
    if low > 1:
        return Verdict(
            "impossible", f"{p} needs a correlation above 1 at every rounding of the means and SDs"
        )
    if high < -1:
        return Verdict(
            "impossible", f"{p} needs a correlation below -1 at every rounding of the means and SDs"
        )
    if n == 2:
        signs = [f"{r}" for r in (-1, 1) if low <= r <= high]
        if not signs:
            return Verdict(
                "impossible", f"{p} needs a correlation between -1 and 1, and two patients have -1 or 1"
            )
        return Verdict("attainable", f"a paired t-test gives {p} with r = {' or '.join(signs)}")
    needs = f"a paired t-test gives {p} {_where(least, most)}"
    if low > USUAL_CORRELATIONS[1] or high < USUAL_CORRELATIONS[0]:
        return Verdict("tight", f"{needs}; repeated measurements of patients rarely correlate like that")
    return Verdict("attainable", needs)


def _where(least: Range, most: Range) -> str:
    if least[1] <= -1 and most[0] >= 1:
        return "at any correlation"
    if any(end[0] <= -1 and end[1] >= 1 for end in (least, most)):
        return "at correlations that rounding alone decides"
    parts = []
    if least[1] > -1:
        parts.append(f"r at least {_spread(least)}")
    if most[0] < 1:
        parts.append(f"r at most {_spread(most)}")
    return f"only with {' and '.join(parts)}"


def _spread(r: Range) -> str:
    low, high = (f"{max(-1.0, min(1.0, end)):.3f}" for end in r)
    return low if low == high else f"{low} to {high}, by rounding"


def t_test_alone(p: PrintedP, t: Range, n: int) -> Verdict:
    """Without means and SDs: any p-value is attainable, by a standardised change that may be larger than changes
    are."""
    d = (t[0] / math.sqrt(n), t[1] / math.sqrt(n))
    needs = f"a paired t-test gives {p} with |t| {_limits(t)}, |d_z| {_limits(d)}"
    r = USUAL_CORRELATIONS[1]
    change = d[0] * math.sqrt(2 * (1 - r))
    if change > VERY_LARGE_CHANGE:
        return Verdict(
            "tight", f"{needs}: even at r = {r:g} the mean changes by {change:.1f} SDs of the patients"
        )
    return Verdict("attainable", needs)


def _limits(ends: Range) -> str:
    low, high = ends
    if math.isinf(high):
        return f"at least {low:.2f}"
    return f"from {low:.2f} to {high:.2f}" if low > 0 else f"at most {high:.2f}"


def overall(verdicts: Mapping[str, Verdict]) -> Verdict:
    """The most lenient verdict: a paper that names no test may have used any."""
    word = min((v.word for v in verdicts.values()), key=LENIENT.index)
    same = [name for name, v in verdicts.items() if v.word == word]
    reasons = list(dict.fromkeys(verdicts[name].reason for name in same))
    reasons += [v.reason for v in verdicts.values() if v.word == "impossible" and v.reason not in reasons]
    return Verdict(word, "; ".join(reasons))
