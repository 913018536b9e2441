"""Many outcomes as a matrix beside the table that their model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.marks import marked
from msclong.data.measurements import measurement
from msclong.data.tables import to_pandas
from msclong.errors import DataError, SpecError, listing

PLACEHOLDER = "outcome"
"""What stands for '{outcome}' in a formula."""


@dataclass(frozen=True, eq=False)
class OutcomeMatrix:
    """names : (m,). values : (N, m), not a number where missing. frame : the N rows of the other columns."""

    names: pd.Index
    values: np.ndarray
    frame: pd.DataFrame

    @property
    def labels(self) -> list[str]:
        """The names as formulas and messages have them."""
        return [name if name.isidentifier() else f'Q("{name}")' for name in map(str, self.names)]


def outcome_matrix(
    data: Any, outcomes: Any, names: Sequence[object] | None, placeholder: str
) -> OutcomeMatrix:
    """Columns of `data` by their names, or a table or matrix of as many rows.

    Raises DataError or SpecError for what does not fit together, or is no measurement.
    """
    frame = marked(to_pandas(data))
    if not frame.index.is_unique:
        frame = frame.reset_index(drop=True)
    if isinstance(outcomes, str):
        raise SpecError(
            f"outcomes takes a list of columns, or a matrix of as many rows; write [{outcomes!r}]."
        )
    matrix = np.ndim(outcomes) == 2 or isinstance(outcomes, pd.DataFrame)
    if matrix and not isinstance(outcomes, (np.ndarray, pd.DataFrame)):
        outcomes = to_pandas(outcomes)
    if isinstance(outcomes, np.ndarray):
        if names is None:
            raise SpecError("A matrix of outcomes needs their names: names=[...], one for each column.")
        outcomes = pd.DataFrame(outcomes, columns=pd.Index(list(names)))
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
