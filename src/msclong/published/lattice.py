"""Whole multiples of a unit with moments in given intervals: rounding, then repair by small moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msclong.published.paired_t import Range

STEPS = 200
"""Moves of one repair; beyond, a new draw does better."""

MOVES = 600
"""Pairs of patients looked at in one step."""

Wanted = tuple[Range, Range, Range, Range]
"""Of the mean, the SD, |t| and the correlation."""

SLACK = 1e-9
"""Relative; the ends of intervals such as 0.635 are no binary fractions."""


@dataclass(frozen=True)
class Column:
    """One visit's values: whole numbers k of a unit."""

    k: NDArray[np.int64]
    unit: float

    @property
    def values(self) -> NDArray[np.float64]:
        # 3 / 100 is the nearest float to 0.03; 3 * 0.01 is not.
        return np.asarray(self.k / round(1 / self.unit) if self.unit < 1 else self.k * self.unit, float)


def settle(
    values: NDArray[np.float64],
    unit: float,
    bounds: Range,
    wanted: Wanted,
    first: Column | None,
    rng: np.random.Generator,
) -> Column | None:
    """The values rounded, moved until mean, SD, |t| against the first visit and correlation with it are as wanted.

    A move adds a unit to one patient's value, takes one from another's, does both, or exchanges the values of two; the
    best of them is made, and a random one where none is better. None where that comes to nothing.
    """
    n = len(values)
    least = math.ceil(bounds[0] / unit - SLACK) if math.isfinite(bounds[0]) else -(2**53)
    most = math.floor(bounds[1] / unit + SLACK) if math.isfinite(bounds[1]) else 2**53
    k = np.rint(values / unit).astype(np.int64).clip(least, most)
    k0 = np.zeros_like(k) if first is None else first.k
    aims = _Aims(n, unit, wanted, k0, tested=first is not None)
    for _ in range(STEPS):
        S, Q, C = k.sum(), k @ k, k @ k0
        now = aims.distance(S, Q, C)
        if now == 0:
            return Column(k, unit)
        i, j = _pairs(n, rng)
        up, down, swap = k < most, k > least, k[j] - k[i]
        change = [  # of S, Q and C, and whether the bounds allow it
            (np.ones(n), 2 * k + 1, k0, up),
            (-np.ones(n), 1 - 2 * k, -k0, down),
            (np.zeros(len(i)), 2 * (k[i] - k[j] + 1), k0[i] - k0[j], up[i] & down[j]),
            (np.zeros(len(i)), np.zeros(len(i)), swap * (k0[i] - k0[j]), np.ones(len(i), bool)),
        ]
        dS, dQ, dC, allowed = (np.concatenate(part) for part in zip(*change, strict=True))
        distances = np.where(allowed, aims.distance(S + dS, Q + dQ, C + dC), np.inf)
        best = int(distances.argmin())
        if distances[best] >= now:
            best = int(rng.choice(np.flatnonzero(allowed)))
        k = k.copy()
        if best < n:
            k[best] += 1
        elif best < 2 * n:
            k[best - n] -= 1
        elif best < 2 * n + len(i):
            k[i[best - 2 * n]] += 1
            k[j[best - 2 * n]] -= 1
        else:
            a, b = i[best - 2 * n - len(i)], j[best - 2 * n - len(i)]
            k[[a, b]] = k[[b, a]]
    return None


def _pairs(n: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ordered pairs of different patients: all of them, or a sample where they are many."""
    if n * (n - 1) <= MOVES:
        i, j = np.nonzero(~np.eye(n, dtype=bool))
        return i, j
    i = rng.integers(n, size=MOVES)
    return i, (i + rng.integers(1, n, size=MOVES)) % n


class _Aims:
    """How far sums S, Q = sum k^2 and C = sum k k0 are from what is wanted; 0 where nothing is amiss."""

    def __init__(
        self,
        n: int,
        unit: float,
        wanted: Wanted,
        k0: NDArray[np.int64],
        tested: bool,
    ) -> None:
        self.n, self.unit = n, unit
        self.mean, self.sd, self.t, self.r = wanted
        self.S0, self.squares0 = k0.sum(), k0 @ k0 - k0.sum() ** 2 / n
        self.tested = tested

    def distance(self, S: Any, Q: Any, C: Any) -> Any:
        n, unit, scale = self.n, self.unit, self.sd[1]
        squares = np.maximum(Q - S**2 / n, 0)
        sd = unit * np.sqrt(squares / (n - 1))
        off = (_outside(unit * S / n, self.mean) + _outside(sd, self.sd)) / scale
        if self.tested:
            products = C - S * self.S0 / n
            of_change = np.maximum(squares + self.squares0 - 2 * products, 1e-12)
            t = np.abs(S - self.S0) * np.sqrt((n - 1) / n / of_change)
            r = products / np.sqrt(np.maximum(squares * self.squares0, 1e-12))
            off = off + _outside(t, self.t) / (1 + self.t[0]) + _outside(r, self.r)
        return off


def _outside(x: Any, interval: Range) -> Any:
    low, high = interval
    return np.maximum(np.maximum(low - SLACK * abs(low) - x, 0), x - high - SLACK * abs(high))
