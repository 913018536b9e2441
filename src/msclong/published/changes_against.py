"""How many changes may go against the mean change, by the printed means and SDs."""

from __future__ import annotations

from fractions import Fraction

from msclong.published.printed import PrintedNumber, Summary


def changes_against(n: int, before: Summary, after: Summary) -> tuple[int, int]:
    """At least so many of n changes have the sign against the mean change, and at most so many have it or are zero.

    With D > 0 the mean change and s its SD, |s0 - s1| <= s <= s0 + s1:

    Most: k changes of at most zero lie D or more below the mean, and the others k D or more above it in sum, so that
    (n - 1) s^2 >= k D^2 + (k D)^2 / (n - k) = n k D^2 / (n - k). With the least |D| and the largest s0 + s1 that round
    to the printed figures this is k <= n B / (n D^2 + B), B = (n - 1) (s0 + s1)^2.
    Least: where no change is below zero, their squares sum to at most (n D)^2, so that s^2 <= n D^2. Where the largest
    |D| and the least |s0 - s1| leave that impossible, one or more changes go either way.

    (0, n) where a mean or SD is not printed. In exact arithmetic.
    """
    (m0, s0), (m1, s1) = before, after
    if m0 is None or m1 is None or s0 is None or s1 is None:
        return 0, n
    low, high = m1.low - m0.high, m1.high - m0.low
    nearest = max(Fraction(0), low, -high)
    spread = (n - 1) * (s0.high + s1.high) ** 2
    apart = max(Fraction(0), _gap(s0, s1), _gap(s1, s0))
    return int(apart**2 > n * max(abs(low), abs(high)) ** 2), n * spread // (n * nearest**2 + spread)


def _gap(one: PrintedNumber, other: PrintedNumber) -> Fraction:
    """The least by which one SD exceeds the other."""
    return one.low - other.high
