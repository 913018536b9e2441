"""Rules of the variables themselves: which there are, what they may hold, what must agree with what."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from msclong.data.bds.rule import Finding, one_to_one, rarer
from msclong.data.bds.view import View
from msclong.errors import listing

NUMERIC = ("AVAL", "BASE", "CHG", "PCHG", "AVISITN", "PARAMN", "ADY")

YES_OR_BLANK = re.compile(r"ABLFL|ANL\d\dFL")
"""Flags that mark records: there is no 'N', a record is marked or it is not."""

TREATMENTS = ("TRT01P", "TRT01A")
"""The treatment of the first period, one per subject. TRTP and TRTA are of the record and may change."""

POPULATIONS = ("FASFL", "SAFFL", "ITTFL", "PPROTFL", "COMPLFL", "RANDFL", "ENRLFL")
"""The flags of populations that are of the subject. FASRFL and FASPFL, say, are of the record and of the parameter."""


def required_variables(view: View) -> Iterator[Finding]:
    """USUBJID, PARAMCD, AVISIT, and AVAL or AVALC are variables of the table."""
    for name in ("USUBJID", "PARAMCD", "AVISIT"):
        if not view.has(name):
            yield Finding((), f"There is no variable {name}.{_otherwise(view, name)}")
    if not (view.has("AVAL") or view.has("AVALC")):
        yield Finding((), f"There is neither AVAL nor AVALC.{_otherwise(view, 'AVAL')}")


def _otherwise(view: View, name: str) -> str:
    close = [column for column in view.table.columns if str(column).upper() == name]
    return f" Rename {close[0]!r}: names in ADaM are upper case." if close else ""


def key_values(view: View) -> Iterator[Finding]:
    """Every row has a USUBJID and a PARAMCD."""
    for name in ("USUBJID", "PARAMCD"):
        for row in np.flatnonzero(~view.given(name)):
            yield Finding((row,), f"{name} is missing.")


def numeric_values(view: View) -> Iterator[Finding]:
    """AVAL, BASE, CHG, PCHG, AVISITN, PARAMN and ADY hold numbers."""
    for name in filter(view.has, NUMERIC):
        dtype = view.table[name].dtype
        if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
            continue
        given = view.given(name)
        wrong = given & np.isnan(view.number(name))
        if wrong.any():
            examples = listing(map(repr, view.text(name)[wrong].unique()), most=4)
            yield Finding(np.flatnonzero(wrong), f"{name} is not a number: {examples}.")
        elif given.any():
            yield Finding(
                np.flatnonzero(given), f"{name} holds numbers as {dtype}; convert it with pd.to_numeric."
            )


def flag_values(view: View) -> Iterator[Finding]:
    """Variables named ...FL hold 'Y', 'N' or blank; ABLFL and ANLzzFL hold 'Y' or blank."""
    for name in map(str, view.table.columns):
        if name.endswith("FL"):
            allowed = ["Y"] if YES_OR_BLANK.fullmatch(name) else ["Y", "N"]
            wrong = view.given(name) & ~view.text(name).isin(allowed).to_numpy()
            for rows in _by_value(view, name, wrong):
                value = view.text(name)[rows[0]]
                yield Finding(
                    rows, f"{name} is {value!r}; it may be {' or '.join(map(repr, allowed))}, or blank."
                )


def _by_value(view: View, name: str, rows: np.ndarray) -> Iterator[np.ndarray]:
    for code in np.unique(view.codes(name)[rows]):
        yield np.flatnonzero(rows & (view.codes(name) == code))


def parameter_one_to_one(view: View) -> Iterator[Finding]:
    """A PARAMCD has one PARAM and one PARAMN, and no two have the same."""
    for name in ("PARAM", "PARAMN"):
        if view.has(name):
            yield from one_to_one(view, "PARAMCD", name)


def treatment_constant(view: View) -> Iterator[Finding]:
    """TRT01P and TRT01A are the same in all rows of a subject."""
    yield from _constant(view, TREATMENTS)


def population_constant(view: View) -> Iterator[Finding]:
    """A subject's flags of population (FASFL, ITTFL, SAFFL, PPROTFL, ...) are the same in all its rows."""
    yield from _constant(view, POPULATIONS)


def _constant(view: View, names: tuple[str, ...]) -> Iterator[Finding]:
    for name in filter(view.has, names):
        for rows, members in rarer(view, name, view.codes("USUBJID"), view.given("USUBJID")):
            values = view.text(name)[members].value_counts(dropna=False)
            said = listing(f"{value} in {count} rows" for value, count in values.items())
            yield Finding(rows, f"{name} changes within the subject: {said}.")
