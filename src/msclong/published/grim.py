"""GRIM and GRIMMER: can n whole numbers have the printed mean, and the printed SD with it?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from numbers import Integral

from msclong.errors import DataError, SpecError
from msclong.published.integer_samples import example
from msclong.published.printed import PrintedNumber, count, number

MOST_SUMS = 100_000
"""More sums, or sums and sums of squares, than that are no longer listed: such coarse figures test nothing."""

Bounds = tuple[int, int]


class TooCoarseError(DataError):
    """Figures that admit more than `MOST_SUMS` sums."""


@dataclass(frozen=True)
class Grim:
    """The sums that a printed mean of whole numbers admits.

    mean : as printed.
    n, items : patients, and whole numbers that each patient's value is the mean of.
    sums : all admissible sums of the n * items whole numbers, rising; empty where the mean is impossible.
    """

    mean: str
    n: int
    items: int
    sums: tuple[int, ...]

    @property
    def consistent(self) -> bool:
        return bool(self.sums)

    def __str__(self) -> str:
        of = f"{self.n} whole numbers" if self.items == 1 else f"{self.n} means of {self.items} whole numbers"
        if not self.sums:
            return f"{of} cannot have the mean {self.mean}"
        return f"{of} of mean {self.mean} have the sum {_range(self.sums)}"


@dataclass(frozen=True)
class Grimmer:
    """The sums and sums of squares that a printed mean and SD of whole numbers admit.

    mean, sd : as printed; the SD divides by n - 1.
    n, items : as in Grim. With several items a patient's value is y / items, y whole: sums are of y, and of y^2.
    pairs : all (sum, sum of squares), rising, each attained by n whole numbers within the bounds (see `grimmer`).
    reason : why there are none; empty where there are.
    """

    mean: str
    sd: str
    n: int
    items: int
    bounds: Bounds | None
    pairs: tuple[tuple[int, int], ...]
    reason: str = ""

    @property
    def consistent(self) -> bool:
        return bool(self.pairs)

    @property
    def sums(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(total for total, _ in self.pairs))

    @property
    def sums_of_squares(self) -> tuple[int, ...]:
        return tuple(sorted({squares for _, squares in self.pairs}))

    def example(self, total: int, squares: int) -> tuple[int, ...] | None:
        """n whole numbers y, falling, with this sum and sum of squares within the bounds; None where none exist."""
        return example(self.n, total, squares, _scaled(self.bounds, self.items))

    def __str__(self) -> str:
        if not self.pairs:
            return self.reason
        return (
            f"mean {self.mean} and SD {self.sd} of {self.n} whole numbers: sum {_range(self.sums)}, "
            f"sum of squares {_range(self.sums_of_squares)}"
        )


def grim(mean: str, n: int, items: int = 1, bounds: Bounds | None = None) -> Grim:
    """All sums of n * items whole numbers whose mean rounds to the printed one.

    Parameters
    ----------
    mean : as printed ('5.63').
    n : patients, at least 1.
    items : a patient's value is the mean of so many whole numbers; 1 for a score that is whole itself.
    bounds : least and greatest value of the scale; None: any whole number.

    Halves may have been rounded up, down or to the even digit. With n * items at least as large as 10 to the power of
    the digits after the point, every mean is consistent.

    Source: Brown and Heathers (2017), Social Psychological and Personality Science 8:363.
    Raises DataError for figures that are no numbers and a mean outside the bounds, SpecError for impossible options.

    Examples
    --------
    >>> from msclong import published
    >>> published.grim("5.19", 28).consistent
    False
    """
    n = count(n, least=1)
    items, bounds = checked_options(items, bounds)
    printed = number(mean, "the mean")
    if bounds is not None:
        check_bounds(printed, bounds)
    low, high = ceil(printed.low * n * items), floor(printed.high * n * items)
    if bounds is not None:
        low, high = max(low, bounds[0] * n * items), min(high, bounds[1] * n * items)
    if high - low >= MOST_SUMS:
        raise _too_coarse(mean, n)
    return Grim(printed.text, n, items, tuple(range(low, high + 1)))


def grimmer(
    mean: str, sd: str, n: int, items: int = 1, bounds: Bounds | None = None, attained: bool = True
) -> Grimmer:
    """All sums and sums of squares of whole numbers whose mean and SD round to the printed ones.

    Parameters: as of `grim`; `sd` is the printed standard deviation, with divisor n - 1; n is at least 2.
    attained : False lists what the conditions below admit, without the search for whole numbers that have it, which is
    long where the figures are coarse.

    In exact arithmetic: for each sum S that the mean admits, the sums of squares Q with

        (Q - S^2 / n) / (n - 1)  between the squares of the ends of the printed SD's interval,   Q = S (mod 2)

    (Anaya 2016, PeerJ Preprints 4:e2400v1; in this form Allard 2018, "Analytic-GRIMMER"). Those conditions are
    necessary only, as are the bounds' own limits of Q: each pair is kept only if whole numbers that have it are found.
    Raises DataError and SpecError as `grim`, and DataError for a negative SD.

    Examples
    --------
    >>> from msclong import published
    >>> published.grimmer("5.63", "1.44", 24, bounds=(0, 21)).pairs
    ((135, 807),)
    """
    n = count(n)
    items, bounds = checked_options(items, bounds)
    means = grim(mean, n, items, bounds)
    printed = number(sd, "the SD")
    if printed.value < 0:
        raise DataError(f"the SD is {sd!r}; a standard deviation is not negative.")
    text = printed.text
    if not means.sums:
        return Grimmer(means.mean, text, n, items, bounds, (), f"{means} (GRIM)")
    low, high = (end * items for end in (max(printed.low, Fraction(0)), printed.high))
    candidates: dict[int, range] = {}
    tried = 0
    for total in means.sums:
        centre = Fraction(total**2, n)
        least = ceil(low**2 * (n - 1) + centre)
        most = floor(high**2 * (n - 1) + centre)
        tried += max(0, most - least + 1)
        if tried >= MOST_SUMS:
            raise _too_coarse(f"{mean} ({sd})", n)
        candidates[total] = range(least + (total - least) % 2, most + 1, 2)
    fitting = sum(map(len, candidates.values()))
    pairs = [
        (total, squares)
        for total, every in candidates.items()
        for squares in every
        if not attained or example(n, total, squares, _scaled(bounds, items)) is not None
    ]
    reason = ""
    if not pairs:
        why = (
            "no sum of squares gives that SD"
            if not fitting
            else "none within the bounds have those sums of squares"
        )
        why = why if bounds is not None or not fitting else "none have those sums of squares"
        reason = f"{n} whole numbers of mean {means.mean} cannot have the SD {text}: {why} (GRIMMER)"
    return Grimmer(means.mean, text, n, items, bounds, tuple(pairs), reason)


def checked_options(items: object, bounds: object) -> tuple[int, Bounds | None]:
    """Both as Python's own; raises SpecError unless items is a count and bounds are two whole numbers, the lower first,
    or None."""
    if isinstance(items, bool) or not isinstance(items, Integral) or items < 1:
        raise SpecError(f"items is how many whole numbers a value is the mean of, at least 1; got {items!r}.")
    if bounds is None:
        return int(items), None
    ends = tuple(bounds) if isinstance(bounds, Iterable) and not isinstance(bounds, str) else ()
    whole = all(isinstance(end, Integral) and not isinstance(end, bool) for end in ends)
    if len(ends) != 2 or not whole or ends[0] >= ends[1]:
        raise SpecError(
            f"bounds are the least and greatest value of the scale, such as (0, 21); got {bounds!r}."
        )
    return int(items), (int(ends[0]), int(ends[1]))


def check_bounds(mean: PrintedNumber, bounds: Bounds) -> None:
    """Raises DataError for a mean beyond the scale."""
    if mean.high < bounds[0] or mean.low > bounds[1]:
        raise DataError(
            f"the mean {mean} lies outside the scale from {bounds[0]} to {bounds[1]}; correct the bounds or the mean."
        )


def sd_beyond(n: int, mean: PrintedNumber | None, sd: PrintedNumber | None, bounds: Bounds | None) -> str:
    """Why no n values within the bounds, whole or not, have this mean and SD; empty where some may.

    From (x - a)(b - x) >= 0 of each value, SD^2 (n - 1) / n <= (mean - a)(b - mean) (Bhatia and Davis 2000, American
    Mathematical Monthly 107:353).
    """
    if mean is None or sd is None or bounds is None:
        return ""
    a, b = bounds
    nearest = min(max(Fraction(a + b, 2), mean.low, Fraction(a)), mean.high, Fraction(b))
    if sd.low**2 * (n - 1) <= n * (nearest - a) * (b - nearest):
        return ""
    return f"{n} values from {a} to {b} of mean {mean} cannot have the SD {sd}"


def _scaled(bounds: Bounds | None, items: int) -> Bounds | None:
    return None if bounds is None else (bounds[0] * items, bounds[1] * items)


def _range(values: Sequence[int]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]} ({len(values)} of them)"


def _too_coarse(figures: str, n: int) -> TooCoarseError:
    return TooCoarseError(
        f"{figures} with n = {n} admits more than {MOST_SUMS:,} sums, so that GRIM and GRIMMER can tell nothing; leave "
        "them out (integer=False)."
    )
