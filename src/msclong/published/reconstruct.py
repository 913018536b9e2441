"""Synthetic patients that a paper's means, SDs and p-values could have come from: many sets, never one."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from numbers import Integral

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from msclong.data.marks import SYNTHETIC
from msclong.errors import DataError, SpecError, listing
from msclong.published.grim import TooCoarseError, grimmer
from msclong.published.lattice import SLACK
from msclong.published.matched_sample import VisitTarget, matched_sample
from msclong.published.paired_t import Range, change_range, correlation_over_rounding, t_range
from msclong.published.printed import SAME, PrintedNumber, PrintedP, count, number, p_value, positive

STRICT = 1e-8
"""Relative distance of |t| from a bound that p must be below or above."""

MADE_FROM = "Synthetic: drawn to reproduce printed summary figures; no patient was measured."
"""What `attrs["synthetic"]` says."""


def reconstruct(
    n: int,
    visits: Mapping[Hashable, tuple[str, str]],
    p: Mapping[Hashable, str] | None = None,
    correlation: Range | None = None,
    bounds: tuple[float | None, float | None] = (None, None),
    integer: bool = False,
    decimals: int | None = None,
    n_sets: int = 100,
    seed: int | None = None,
) -> pd.DataFrame:
    """Many synthetic data sets, each with the printed means, SDs and paired p-values of one outcome.

    What is not printed, above all the correlation within patients, differs from set to set over all that the printed
    figures leave open. Fit a model to each set, and look at how its answers spread: no single set is the trial.

    Parameters
    ----------
    n : patients, at least 3, each seen at every visit.
    visits : visit -> (mean, SD) as printed, as text: {"0": ("0.63", "0.73"), "2": ("1.00", "0.78")}; in order of time,
        the first is the baseline. SDs divide by n - 1.
    p : later visit -> two-sided p of the paired t-test against the baseline, as printed: "<0.001", "0.008", ">0.05".
    correlation : least and greatest correlation within patients; None: -1 and 1. Each visit's correlation with the
        baseline is drawn from the part of it that the p-value leaves; between later visits it may stray a little.
    bounds : least and greatest possible value, each None where there is none. With a lower bound alone values are
        skewed to the right, nearly lognormal above it; with two, logistic-normal between them.
    integer : whole numbers, with a sum and a sum of squares that round to the mean and the SD.
    decimals : digits after the point that were recorded; None: values are not rounded.
    n_sets : data sets. seed : of the random numbers; None: another one at each call.

    Returns
    -------
    DataFrame : set, subject (1, 2, ... in both), visit (ordered categorical) and value; a row per set, patient, visit.
        Its `attrs`: `synthetic`, `assumptions` (sentences), `printed` (n, visits and p as given), `seed`, and
        `correlations`, visit -> (least, greatest) correlation with the baseline in these sets.

    A mean or SD is reproduced where it lies in the closed interval that rounds to the printed number: papers round a
    half up, down or to the even digit.

    Raises DataError for figures that no data set has (which, and why, is said), or that none was found to have;
    SpecError for impossible options.

    Examples
    --------
    >>> from msclong import published
    >>> printed = {"0": ("0.63", "0.73"), "2": ("1.00", "0.78")}
    >>> sets = published.reconstruct(11, printed, {"2": "<0.001"}, bounds=(0, None), decimals=2, n_sets=3, seed=1)
    >>> sets.groupby(["set", "visit"])["value"].mean().round(2).unstack()
    visit     0    2
    set
    1      0.63  1.0
    2      0.63  1.0
    3      0.63  1.0
    """
    n = count(n, least=3)
    allowed, limits = _options(correlation, bounds, integer, decimals, n_sets, seed)
    digits = 0 if integer else None if decimals is None else int(decimals)
    unit = None if digits is None else 10.0**-digits
    targets = printed_targets(n, visits, p or {}, allowed, limits, digits)
    entropy = np.random.SeedSequence(None if seed is None else int(seed)).entropy
    rng = np.random.default_rng(entropy)
    samples = np.array([matched_sample(targets, n, rng, allowed, limits, unit) for _ in range(n_sets)])
    table = _table(samples, list(visits))
    table.attrs = {
        SYNTHETIC: MADE_FROM,
        "assumptions": _assumptions(samples, list(visits), p or {}, allowed, limits, unit),
        "printed": {
            "n": n,
            "visits": {visit: list(pair) for visit, pair in visits.items()},
            "p": dict(p or {}),
        },
        "seed": entropy,
        "correlations": _attained(samples, list(visits)),
    }
    return table


def printed_targets(
    n: int,
    visits: Mapping[Hashable, tuple[str, str]],
    p: Mapping[Hashable, str],
    allowed: Range = (-1.0, 1.0),
    limits: Range = (-math.inf, math.inf),
    digits: int | None = None,
) -> list[VisitTarget]:
    """What the printed figures ask of each visit's sample; raises DataError where no sample can have them.

    digits : values are recorded to so many digits after the point; None: not rounded.
    """
    if not isinstance(visits, Mapping) or not visits:
        raise DataError(
            f"visits names each visit's mean and SD, such as {{'0': ('0.63', '0.73')}}; got {visits!r}."
        )
    if not isinstance(p, Mapping):
        raise DataError(
            f"p names the visits that its p-values are of, such as {{{list(visits)[-1]!r}: '<0.05'}}; got {p!r}."
        )
    first, *later = visits
    if unknown := [visit for visit in p if visit not in later]:
        raise DataError(
            f"p names {listing(map(repr, unknown))}; it takes visits after the baseline {first!r}, as they are "
            f"named in visits: {listing(map(repr, later))}."
        )
    numbers = {visit: _printed(visit, pair) for visit, pair in visits.items()}
    targets = []
    for visit, (mean, sd) in numbers.items():
        _check_bounds(n, visit, mean, sd, limits)
        if digits is not None:
            _check_recorded(n, visit, mean, sd, limits, digits)
        t = (0.0, math.inf)
        if visit in p:
            printed_p = p_value(p[visit], f"p at visit {visit}")
            t = strict_t_range(printed_p, n)
            _check_p(n, (first, visit), (numbers[first], (mean, sd)), printed_p, t, allowed)
        low, high = _ends(mean)
        targets.append(VisitTarget(str(visit), (max(low, limits[0]), min(high, limits[1])), _ends(sd), t))
    return targets


def strict_t_range(p: PrintedP, n: int) -> Range:
    """|t| of n pairs for which the printed p-value is true: a bound itself does not lie beyond it."""
    low, high = t_range(p, n)
    if p.relation == "<":
        low *= 1 + STRICT
    if p.relation == ">":
        high *= 1 - STRICT
    return low, high


def _options(
    correlation: Range | None,
    bounds: tuple[float | None, float | None],
    integer: bool,
    decimals: object,
    n_sets: object,
    seed: object,
) -> tuple[Range, Range]:
    """The correlations allowed, and the bounds with infinities; raises SpecError."""
    allowed = _pair((-1, 1) if correlation is None else correlation, (math.nan, math.nan))
    if not -1 <= allowed[0] <= allowed[1] <= 1:
        raise SpecError(f"correlation is a least and a greatest value within -1 and 1; got {correlation!r}.")
    limits = _pair(bounds, (-math.inf, math.inf))
    if not limits[0] < limits[1]:
        raise SpecError(f"bounds are a least and a greatest value, each may be None; got {bounds!r}.")
    if integer and decimals is not None:
        raise SpecError("integer and decimals both say how values were recorded; give one of them.")
    if decimals is not None and (
        isinstance(decimals, bool) or not isinstance(decimals, Integral) or decimals < 0
    ):
        raise SpecError(f"decimals must be a whole number of digits, 0 or more; got {decimals!r}.")
    if isinstance(n_sets, bool) or not isinstance(n_sets, Integral) or n_sets < 1:
        raise SpecError(f"n_sets must be a whole number, 1 or more; got {n_sets!r}.")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0):
        raise SpecError(f"seed must be a whole number from 0, or None; got {seed!r}.")
    return allowed, limits


def _pair(given: object, instead: Range) -> Range:
    """Two numbers, None among them replaced by those `instead`; NaN for what is no pair of numbers."""
    ends = tuple(given) if isinstance(given, (tuple, list)) else ()
    if len(ends) != 2 or any(
        isinstance(end, bool) or not isinstance(end, (int, float, type(None))) for end in ends
    ):
        return math.nan, math.nan
    low, high = (float(other if end is None else end) for end, other in zip(ends, instead, strict=True))
    return low, high


def _printed(visit: Hashable, pair: object) -> tuple[PrintedNumber, PrintedNumber]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise DataError(f"Visit {visit} needs a mean and an SD, such as ('0.63', '0.73'); got {pair!r}.")
    return number(pair[0], f"the mean at visit {visit}"), positive(pair[1], f"the SD at visit {visit}")


def _ends(printed: PrintedNumber) -> Range:
    return float(printed.low), float(printed.high)


def _check_bounds(n: int, visit: Hashable, mean: PrintedNumber, sd: PrintedNumber, limits: Range) -> None:
    """Refuse a mean outside the bounds, and an SD larger than any n values within them can have.

    The variance (n divided by n - 1) is largest with all values at the ends: at most (high - m)(m - low) n / (n - 1)
    (Bhatia and Davis 2000, American Mathematical Monthly 107:353); with one bound, all but one value at it:
    SD = sqrt(n) |m - bound|.
    """
    low, high = limits
    least, most = _ends(mean)
    if most < low or least > high:
        raise DataError(f"The mean {mean} at visit {visit} lies outside the bounds {low:g} to {high:g}.")
    if math.isinf(low) and math.isinf(high):
        return
    if math.isfinite(low) and math.isfinite(high):
        m = min(max((low + high) / 2, least), most)
        largest = math.sqrt(max(0.0, (high - m) * (m - low)) * n / (n - 1))
    else:
        largest = math.sqrt(n) * (most - low if math.isfinite(low) else high - least)
    if float(sd.low) > largest:
        raise DataError(
            f"No {n} values between {low:g} and {high:g} with mean {mean} have the SD {sd} printed at visit {visit}: "
            f"the largest is {largest:.4g}. Check whether it is an SD, and the bounds."
        )


def _check_recorded(
    n: int, visit: Hashable, mean: PrintedNumber, sd: PrintedNumber, limits: Range, digits: int
) -> None:
    """Refuse what no multiples of the unit recorded have (GRIM, GRIMMER), where the print is fine enough to tell."""
    told_by_mean = n * (mean.high - mean.low) * 10**digits < 1
    low, high = (end * 10.0**digits for end in limits)
    ends = None
    if math.isfinite(low) or math.isfinite(high):
        # With one bound, no value lies further from it than all of them together.
        least, most = (end * 10.0**digits for end in _ends(mean))
        reach = n * (1 + most - low if math.isfinite(low) else 1 + high - least)
        ends = (
            math.ceil((low if math.isfinite(low) else high - reach) - SLACK),
            math.floor((high if math.isfinite(high) else low + reach) + SLACK),
        )
    mean_text, sd_text = (str(Decimal(printed.text.translate(SAME)).scaleb(digits)) for printed in (mean, sd))
    try:
        found = grimmer(mean_text, sd_text, n, bounds=ends, attained=told_by_mean)
    except TooCoarseError:
        return
    if not found.consistent:
        unit = f", in units of {10.0**-digits:g}" if digits else ""
        raise DataError(f"Visit {visit}{unit}: {found}. Check n, and how the values were recorded.")


def _check_p(
    n: int,
    names: tuple[Hashable, Hashable],
    pairs: tuple[tuple[PrintedNumber, PrintedNumber], tuple[PrintedNumber, PrintedNumber]],
    p: PrintedP,
    t: Range,
    allowed: Range,
) -> None:
    """Refuse a p-value that no allowed correlation gives, whatever the rounding."""
    (m0, s0), (m1, s1) = pairs
    change = change_range(m0, m1)
    needed = tuple(
        correlation_over_rounding(change, _ends(s0), _ends(s1), n, end)[side] for side, end in enumerate(t)
    )
    if max(needed[0], allowed[0]) > min(needed[1], allowed[1]):
        raise DataError(
            f"No data have the printed {p} at visit {names[1]} against {names[0]}: the paired t-test of these means "
            f"and SDs needs a correlation of {max(needed[0], -1):.3f} to {min(needed[1], 1):.3f}, and {allowed[0]:g} "
            f"to {allowed[1]:g} is allowed. Leave this p-value out, or allow other correlations."
        )


def _table(samples: NDArray[np.float64], visits: Sequence[Hashable]) -> pd.DataFrame:
    """samples : shape (set, subject, visit)."""
    sets, n, T = samples.shape
    named: pd.Index = pd.Index(visits, tupleize_cols=False)
    return pd.DataFrame(
        {
            "set": np.repeat(np.arange(1, sets + 1), n * T),
            "subject": np.tile(np.repeat(np.arange(1, n + 1), T), sets),
            "visit": pd.Categorical.from_codes(np.tile(np.arange(T), sets * n), named, ordered=True),
            "value": samples.ravel(),
        }
    )


def _attained(samples: NDArray[np.float64], visits: Sequence[Hashable]) -> dict[Hashable, Range]:
    """Least and greatest correlation of each later visit with the first, over the sets."""
    centred = samples - samples.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).sum(axis=1, keepdims=True))
    r = (scaled * scaled[:, :, :1]).sum(axis=1)
    return {visit: (float(r[:, j].min()), float(r[:, j].max())) for j, visit in enumerate(visits) if j}


def _assumptions(
    samples: NDArray[np.float64],
    visits: Sequence[Hashable],
    p: Mapping[Hashable, str],
    allowed: Range,
    limits: Range,
    unit: float | None,
) -> list[str]:
    low, high = (f"{end:g}" for end in limits)
    shape = {
        (True, True): "Values are those of a bell-shaped distribution, without bounds.",
        (False, True): f"Values are at least {low} and skewed to the right, nearly lognormal above it.",
        (True, False): f"Values are at most {high} and skewed to the left.",
        (False, False): f"Values lie between {low} and {high}, logistic-normal between them.",
    }[math.isinf(limits[0]), math.isinf(limits[1])]
    told = [
        f"All {samples.shape[1]} patients were seen at every visit.",
        "Standard deviations divide by n - 1.",
        shape,
        "Values are not rounded." if unit is None else f"Values were recorded to {unit:g}.",
    ]
    if len(visits) > 1:
        told.append(
            f"Correlations within patients lie anywhere between {allowed[0]:g} and {allowed[1]:g}"
            f"{' that the p-values leave' if p else ''}; none was printed."
        )
    if p:
        told.append("Printed p-values are two-sided and of the paired t-test.")
    return told
