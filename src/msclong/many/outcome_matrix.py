"""Many outcomes as a matrix beside the table that their model reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.marks import marked
from msclong.data.measurements import measurement
from msclong.data.tables import to_pandas
from msclong.design.named_columns import FIXED
from msclong.errors import DataError, SpecError, listing

PLACEHOLDER = "outcome"
"""What stands for '{outcome}' in a formula."""

PLAIN = re.compile(r"""[^"'\\\s]+( [^"'\\\s]+)*""")
"""Names that a formula reads, in Q("..."), as they are."""


@dataclass(frozen=True, eq=False)
class OutcomeMatrix:
    """names : (m,). values : (N, m), not a number where missing. frame : the N rows of the other columns."""

    names: pd.Index
    values: np.ndarray
    frame: pd.DataFrame

    def column(self, i: int) -> str:
        """The column that outcome i is fitted as: its name, where a formula can read that as nothing else.

        A name such as 'C', that of a column of the model, or one with a quote, has another in its place.
        """
        name = str(self.names[i])
        taken = FIXED | set(map(str, self.frame.columns))
        if name not in taken and PLAIN.fullmatch(name):
            return name
        number = i + 1
        while f"{PLACEHOLDER}_{number}" in taken:
            number += len(self.names)
        return f"{PLACEHOLDER}_{number}"


def outcome_matrix(
    data: Any, outcomes: Any, names: Sequence[object] | None, placeholder: str
) -> OutcomeMatrix:
    """Columns of `data` by their names, or a table or matrix of as many rows.

    Raises DataError or SpecError for what does not fit together, or is no measurement.
    """
    frame = marked(to_pandas(data))
    if isinstance(data, pd.DataFrame) and isinstance(outcomes, pd.DataFrame):
        _check_rows(data.index, outcomes.index)
    if not frame.index.is_unique:
        frame = frame.reset_index(drop=True)
    if isinstance(outcomes, str):
        raise SpecError(
            f"outcomes takes a list of columns, or a matrix of as many rows; write [{outcomes!r}]."
        )
    if not isinstance(outcomes, Iterable) and not hasattr(outcomes, "__array__"):
        raise SpecError(f"outcomes takes a list of columns, or a matrix of as many rows; got {outcomes!r}.")
    if names is not None and (isinstance(names, str) or not isinstance(names, Iterable)):
        raise SpecError(f"names= is a list, a name for each outcome; got {names!r}.")
    matrix = np.ndim(outcomes) == 2 or isinstance(outcomes, pd.DataFrame)
    if matrix and not isinstance(outcomes, (np.ndarray, pd.DataFrame)):
        outcomes = to_pandas(outcomes)
    if isinstance(outcomes, np.ndarray):
        outcomes = _named(outcomes, names)
    elif names is not None:
        raise SpecError("names= goes with a NumPy matrix; a table's columns have theirs.")
    if matrix:
        if len(outcomes) != len(frame):
            raise DataError(
                f"The outcomes have {len(outcomes)} rows and the data {len(frame)}; they are side by side."
            )
        table, rest = outcomes, frame
    else:
        chosen = list(outcomes)
        if unknown := [name for name in chosen if name not in frame.columns]:
            raise DataError(f"{listing(map(repr, unknown))} is no column of the data.")
        table, rest = frame[chosen], frame.drop(columns=chosen)
    if not len(table.columns):
        raise SpecError("outcomes names none; give at least one.")
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()].unique()
        raise SpecError(f"Outcomes are named twice: {listing(map(repr, twice))}.")
    if placeholder in rest.columns:
        raise SpecError(
            f"{placeholder!r} is a column of the data, and stands for each outcome in the formula: write "
            "another word there, that is no column."
        )
    return OutcomeMatrix(pd.Index(table.columns, name="outcome"), _numbers(table, frame.index), rest)


def _check_rows(rows: pd.Index, own: pd.Index) -> None:
    """Raise DataError where the outcomes' rows are not those of the data, in their order."""
    if len(own) != len(rows) or own.equals(rows):  # of other lengths: told elsewhere
        return
    first = next((i for i, (a, b) in enumerate(zip(own, rows, strict=True)) if a is not b and a != b), None)
    if first is None:
        return
    where = f"row {first + 1} is {rows[first]!r} in the data and {own[first]!r} in the outcomes"
    if own.is_unique and rows.is_unique and own.isin(rows).all():
        raise DataError(
            f"The outcomes have the rows of the data in another order: {where}. Put them side by side: "
            "outcomes.loc[data.index]."
        )
    raise DataError(
        f"The outcomes have another index than the data: {where}. Give both the same index; or, where their rows "
        "correspond in the order in which they stand, outcomes.set_axis(data.index)."
    )


def _named(matrix: np.ndarray, names: Sequence[object] | None) -> pd.DataFrame:
    """A NumPy matrix as a table; raises DataError where it is none, or has other columns, SpecError without names."""
    if matrix.ndim != 2:
        raise DataError(
            f"An array of outcomes is a matrix (N, m), a column each; this one has the shape {matrix.shape}. "
            "A single outcome is values[:, None]; columns of the data are given by a list of their names."
        )
    if names is None:
        raise SpecError("A matrix of outcomes needs their names: names=[...], one for each column.")
    if len(names) != matrix.shape[1]:
        raise DataError(
            f"names has {len(names)} names for the {matrix.shape[1]} columns of the matrix of outcomes; give one for "
            "each column."
        )
    return pd.DataFrame(matrix, columns=pd.Index(list(names)))


def _numbers(table: pd.DataFrame, rows: pd.Index) -> np.ndarray:
    """The outcomes as float64 (N, m); raises DataError for the first that is no measurement."""
    plain = [isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in table.dtypes]
    if all(plain):
        values = table.to_numpy(dtype=float)
    else:
        values = np.empty(table.shape)
        for i in range(table.shape[1]):
            values[:, i] = measurement(table.iloc[:, i].set_axis(rows), "outcome")
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        measurement(table.iloc[:, int(np.flatnonzero(infinite)[0])].set_axis(rows), "outcome")
    return values
