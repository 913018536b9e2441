"""Whether n integers within bounds can have a given sum and sum of squares, decided by finding them."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

Remaining = tuple[int, int, int, int]
"""How many integers are left, their sum, their sum of squares, and the greatest value that they may take."""


def example(n: int, total: int, squares: int, bounds: tuple[int, int] | None) -> tuple[int, ...] | None:
    """n integers, falling, of this sum and sum of squares within the bounds; None where there are none.

    A depth-first search from the greatest value down, with memory of dead ends. A branch is left where parity (x^2
    and x are both odd or both even) or the least or greatest sum of squares of the sum that is left forbids it, so
    that the answer is a proof either way: the integers themselves, or a search that left nothing out.
    """
    spread = n * squares - total**2
    if spread < 0 or (squares - total) % 2:
        return None
    # No value of n lies further from the mean than the root of the sum of squared deviations.
    reach = isqrt(spread // n) + 1
    low, high = total // n - reach, -(-total // n) + reach
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    if not _possible((n, total, squares, high), low):
        return None
    dead: set[Remaining] = set()
    path = [((n, total, squares, high), _values((n, total, squares, high), low))]
    chosen: list[int] = []
    while path:
        (left, s, q, _), values = path[-1]
        if left == 0:
            return tuple(chosen)
        for value in values:
            then = (left - 1, s - value, q - value**2, value)
            if then not in dead and _possible(then, low):
                chosen.append(value)
                path.append((then, _values(then, low)))
                break
        else:
            dead.add(path.pop()[0])
            if chosen:
                chosen.pop()
    return None


def _values(state: Remaining, low: int) -> Iterator[int]:
    """Candidates for the greatest value, from the one that leaves most freedom: it cannot lie below the mean."""
    left, s, _, high = state
    return iter(range(high, max(low, -(-s // left)) - 1, -1)) if left else iter(())


def _possible(state: Remaining, low: int) -> bool:
    """Bounds on the sum of squares of `left` integers of sum s between low and high; exact for each sum."""
    left, s, q, high = state
    if left == 0:
        return s == 0 and q == 0
    if not left * low <= s <= left * high:
        return False
    mean, more = divmod(s, left)
    least = more * (mean + 1) ** 2 + (left - more) * mean**2
    if q < least:
        return False
    if high == low:
        return q == left * low**2
    at_high, rest = divmod(s - left * low, high - low)
    most = at_high * high**2
    if at_high < left:
        most += (low + rest) ** 2 + (left - at_high - 1) * low**2
    return q <= most
