"""The variables of a BDS table as its rules need them: text, numbers, flags, and groups of rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import pandas as pd

from msclong.data.tables import floats

VISIT = ("USUBJID", "PARAMCD", "BASETYPE", "APERIOD", "AVISIT", "ATPT")
"""What makes a visit: of a series, one AVISIT, in one period of a crossover and at one time where it has several."""


class View:
    """A BDS table by row position. Text variables that are absent are missing in every row, as are numbers.

    Attributes
    ----------
    known : bool (n rows,)
        The row says whose it is, and of which parameter.
    derived, observed : bool (n rows,)
        DTYPE says that the row was computed, such as a last observation carried forward; it does not.
    analysed : bool (n rows,)
        ANL01FL is 'Y'; every row, where there is no such variable.
    baseline_row : bool (n rows,)
        ABLFL is 'Y'.
    series : int (n rows,)
        The group of rows of one subject, parameter and BASETYPE, which have one baseline.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self._text: dict[str, pd.Series] = {}
        self._codes: dict[str, np.ndarray] = {}
        self._number: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.table)

    def has(self, *names: str) -> bool:
        return all(name in self.table.columns for name in names)

    def text(self, name: str) -> pd.Series:
        """The variable as objects: text, NaN where it is missing or blank."""
        if name not in self._text:
            if self.has(name):
                values = pd.Series(self.table[name].to_numpy(dtype=object, na_value=np.nan))
                blank = [value for value in pd.unique(values) if isinstance(value, str) and not value.strip()]
                self._text[name] = values.mask(values.isin(blank)) if blank else values
            else:
                self._text[name] = pd.Series(np.nan, index=range(len(self)), dtype=object)
        return self._text[name]

    def codes(self, name: str) -> np.ndarray:
        """A number for each value of the variable, 0 where it is missing."""
        if name not in self._codes:
            self._codes[name] = pd.factorize(self.text(name), use_na_sentinel=True)[0] + 1
        return self._codes[name]

    def given(self, name: str) -> np.ndarray:
        if self.has(name) and pd.api.types.is_numeric_dtype(self.table[name].dtype):
            return ~np.isnan(self.number(name))
        return self.codes(name) > 0

    def number(self, name: str) -> np.ndarray:
        """The variable as float64, NaN where it is missing or not a number."""
        if name not in self._number:
            if not self.has(name):
                numbers = np.full(len(self), np.nan)
            elif pd.api.types.is_numeric_dtype(self.table[name].dtype):
                numbers = floats(self.table[name]).to_numpy()
            else:
                numbers = pd.to_numeric(self.text(name), errors="coerce").to_numpy(dtype=float)
            self._number[name] = numbers
        return self._number[name]

    def is_yes(self, name: str) -> np.ndarray:
        return self.text(name).eq("Y").to_numpy(dtype=bool)

    def groups(self, *names: str) -> np.ndarray:
        """The rows that agree in all these variables have one number, 0, 1, ...; missing agrees with missing."""
        group = np.zeros(len(self), dtype=np.int64)
        for name in names:
            codes = self.codes(name)
            group = group * (codes.max(initial=0) + 1) + codes
            group = np.unique(group, return_inverse=True)[1]
        return group

    @cached_property
    def known(self) -> np.ndarray:
        return self.given("USUBJID") & self.given("PARAMCD")

    @cached_property
    def derived(self) -> np.ndarray:
        return self.given("DTYPE")

    @cached_property
    def observed(self) -> np.ndarray:
        return ~self.derived

    @cached_property
    def analysed(self) -> np.ndarray:
        return self.is_yes("ANL01FL") if self.has("ANL01FL") else np.ones(len(self), dtype=bool)

    @cached_property
    def baseline_row(self) -> np.ndarray:
        return self.is_yes("ABLFL") & self.known

    @cached_property
    def series(self) -> np.ndarray:
        return self.groups("USUBJID", "PARAMCD", "BASETYPE")

    @cached_property
    def visits(self) -> np.ndarray:
        """The group of rows that are one visit."""
        return self.groups(*VISIT)

    @cached_property
    def n_baselines(self) -> np.ndarray:
        """For each row, how many rows of its series have ABLFL 'Y'."""
        return np.bincount(self.series[self.baseline_row], minlength=self.series.max(initial=0) + 1)[
            self.series
        ]

    def of_baseline(self, values: np.ndarray) -> np.ndarray:
        """For each row, the value at the one baseline row of its series; NaN without exactly one."""
        at_baseline = np.full(self.series.max(initial=0) + 1, np.nan)
        at_baseline[self.series[self.baseline_row]] = values[self.baseline_row]
        return np.where(self.n_baselines == 1, at_baseline[self.series], np.nan)

    @cached_property
    def after_baseline(self) -> np.ndarray:
        """Rows at a later AVISITN than the one baseline row of their series."""
        visit = self.number("AVISITN")
        return visit > self.of_baseline(visit)


def together(rows: np.ndarray, groups: np.ndarray) -> Iterator[np.ndarray]:
    """The positions of the rows that `rows` is true for, one array per group, in the order of the groups' first row."""
    positions = np.flatnonzero(rows)
    if len(positions):
        numbers = groups[positions]
        order = np.argsort(numbers, kind="stable")
        starts = np.flatnonzero(np.diff(numbers[order])) + 1
        yield from sorted(np.split(positions[order], starts), key=lambda members: members[0])
