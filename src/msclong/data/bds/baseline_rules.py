"""Rules of the baseline: one per series, BASE from it, CHG and PCHG from BASE."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from msclong.data.bds.rule import Finding
from msclong.data.bds.view import View, together

ROUNDING = 1e-6
"""Relative to the larger of AVAL and BASE: SAS writes numbers as text by BEST12., in seven to ten digits."""

MOST_DECIMALS = 4
"""A percentage is taken for rounded if it, and all of its parameter, has no more decimals."""


def one_baseline(view: View) -> Iterator[Finding]:
    """Each subject and parameter (and BASETYPE) has one record with ABLFL 'Y', wherever BASE is given."""
    several = view.baseline_row & (view.n_baselines > 1)
    for rows in together(several, view.series):
        yield Finding(rows, f"{len(rows)} records have ABLFL 'Y'; one is the baseline.")
    for rows in together(_without_baseline(view) & view.given("BASE"), view.series):
        yield Finding(rows, "BASE is given, but no record has ABLFL 'Y'.")


def no_baseline(view: View) -> Iterator[Finding]:
    """A subject has a baseline of each parameter that others have one of."""
    measured = np.unique(view.codes("PARAMCD")[view.baseline_row])
    elsewhere = np.isin(view.codes("PARAMCD"), measured)
    with_base = np.isin(view.series, view.series[view.given("BASE")])
    for rows in together(_without_baseline(view) & elsewhere & ~with_base, view.series):
        yield Finding(
            rows, "No record has ABLFL 'Y', and BASE is missing: a change has nothing to be measured from."
        )


def _without_baseline(view: View) -> np.ndarray:
    return view.known & (view.n_baselines == 0) & ~_lacks_basetype(view)


def _lacks_basetype(view: View) -> np.ndarray:
    with_types = np.unique(view.codes("PARAMCD")[view.given("BASETYPE")])
    return ~view.given("BASETYPE") & np.isin(view.codes("PARAMCD"), with_types) & view.known


def basetype_given(view: View) -> Iterator[Finding]:
    """BASETYPE, where a parameter has it, is given in every record that has BASE (ADaM IG 1.3, section 4.2.1.6)."""
    for rows in together(_lacks_basetype(view) & view.given("BASE"), view.series):
        yield Finding(
            rows, "BASETYPE is missing though BASE is given, and other records of the parameter have it."
        )


def base_value(view: View) -> Iterator[Finding]:
    """BASE is AVAL of the record with ABLFL 'Y', in that record and in all later visits of its series."""
    aval, base = view.number("AVAL"), view.number("BASE")
    of_record, given = view.of_baseline(aval), view.given("BASE")
    differs = given & ~(abs(base - of_record) <= ROUNDING * abs(base))
    lacking = ~given & ~np.isnan(of_record) & ~np.isnan(aval) & (view.baseline_row | view.after_baseline)
    wrong = (view.n_baselines == 1) & view.known & (differs | lacking)
    at = view.of_baseline(np.arange(len(view), dtype=float))
    for rows in together(wrong, view.series):
        first = rows[0]
        label = view.table.index[int(at[first])]
        yield Finding(
            rows,
            f"BASE is {_shown(base[first])}, but AVAL of the baseline record (row {label}) is "
            f"{_shown(of_record[first])}.",
        )


def change(view: View) -> Iterator[Finding]:
    """CHG is AVAL - BASE; it may be missing at baseline and before it."""
    aval, base = view.number("AVAL"), view.number("BASE")
    most = ROUNDING * np.maximum(abs(aval), abs(base))
    yield from _derived(view, "CHG", aval - base, most, "AVAL - BASE")


def percent_change(view: View) -> Iterator[Finding]:
    """PCHG is 100 (AVAL - BASE) / BASE, rounded or not; it may be missing up to baseline, and where BASE is 0."""
    aval, base = view.number("AVAL"), view.number("BASE")
    divisor = np.where(base == 0, np.nan, base)
    exact = 100 * ROUNDING * np.maximum(abs(aval), abs(base)) / abs(divisor)
    most = np.maximum(exact, _half_a_digit(view, "PCHG"))
    yield from _derived(view, "PCHG", 100 * (aval - base) / divisor, most, "100 (AVAL - BASE) / BASE")


def _half_a_digit(view: View, name: str) -> np.ndarray:
    """Half of the last decimal that the parameter's values have; 0 where they have more than `MOST_DECIMALS`."""
    value, parameter = view.number(name), view.codes("PARAMCD")
    value = np.where(np.isfinite(value), value, np.nan)
    half = np.zeros(len(view))
    for decimals in range(MOST_DECIMALS, -1, -1):
        # Text of a number is read to the nearest double: 1e-9 of a digit is far above that.
        finer = abs(value - np.round(value, decimals)) > 1e-9 * np.maximum(abs(value), 1)
        half[~np.isin(parameter, parameter[finer])] = 0.5 * 10.0**-decimals * (1 + ROUNDING)
    return half


def _derived(
    view: View, name: str, expected: np.ndarray, most: np.ndarray, formula: str
) -> Iterator[Finding]:
    value = view.number(name)
    given = view.given(name) & ~np.isnan(value)
    differs = given & ~(abs(value - expected) <= most)
    used = np.isin(view.codes("PARAMCD"), np.unique(view.codes("PARAMCD")[given]))
    lacking = ~view.given(name) & used & view.after_baseline & ~np.isnan(expected)
    for row in np.flatnonzero(view.known & (differs | lacking)):
        yield Finding((row,), f"{name} is {_shown(value[row])}, but {formula} is {_shown(expected[row])}.")


def _shown(value: float) -> str:
    return "missing" if np.isnan(value) else f"{value:.8g}"
