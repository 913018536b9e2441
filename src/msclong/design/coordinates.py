"""What a covariance structure reads of each row: positions, times, effects, group codes, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from patsy import DesignInfo, PatsyError, dmatrix

from msclong.data.codes import Codes, by_appearance, coded, distinct
from msclong.design.factored_matrix import FactoredMatrix
from msclong.design.fixed_effects import columns_read
from msclong.design.new_rows import evaluated, recoded
from msclong.design.row_wise import ENVIRONMENT, row_wise
from msclong.errors import DataError, FormulaError, listing

MEAN = "mean"
"""The linear predictor that a family has in any case."""


class Reader(Protocol):
    """Coordinates of the rows of a table, (N, m); raises a MsclongError naming rows that have none."""

    def __call__(self, frame: pd.DataFrame) -> np.ndarray: ...


@dataclass(frozen=True)
class Position:
    """The position of the visit among the planned ones."""

    column: str
    visits: tuple[object, ...]

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        position = {visit: float(i) for i, visit in enumerate(self.visits)}
        found = coded(column_of(frame, self.column))
        place = found.of_levels([position.get(level, np.nan) for level in found.levels])
        if (unknown := np.isnan(place)).any():
            raise DataError(
                f"{self.column!r} has values that the fitted covariance does not know, in rows "
                f"{listing(frame.index[unknown])}; its visits are {listing(self.visits, 20)}."
            )
        return place[:, None]


@dataclass(frozen=True)
class Measured:
    """A numeric column as it stands: the time of the observation."""

    column: str

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        values = pd.to_numeric(column_of(frame, self.column), errors="coerce").to_numpy(dtype=float)
        if not np.isfinite(values).all():
            raise DataError(
                f"{self.column!r} must be a number in every row with an outcome, for the covariance reads it as time; "
                f"rows {listing(frame.index[~np.isfinite(values)])} are not."
            )
        return values[:, None]


@dataclass(frozen=True)
class InverseRootWeight:
    """1 / sqrt(weight)."""

    column: str

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        weights = pd.to_numeric(column_of(frame, self.column), errors="coerce").to_numpy(dtype=float)
        wrong = ~(np.isfinite(weights) & (weights > 0))
        if wrong.any():
            raise DataError(
                f"The weights {self.column!r} must be positive numbers; rows {listing(frame.index[wrong])} are not. "
                "Leave a row out yourself rather than giving it no weight."
            )
        return 1 / np.sqrt(weights)[:, None]


@dataclass(frozen=True)
class Membership:
    """1 where the column has this one of its levels, else 0."""

    column: str
    level: object
    levels: tuple[object, ...]

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        levels = set(self.levels)
        found = coded(column_of(frame, self.column))
        member = found.of_levels([float(v == self.level) if v in levels else np.nan for v in found.levels])
        if (unknown := np.isnan(member)).any():
            raise DataError(
                f"Each of {listing(self.levels)} has its own covariance; {self.column!r} is none of these in rows "
                f"{listing(frame.index[unknown])}."
            )
        return member[:, None]


@dataclass(frozen=True)
class GroupCode:
    """A number for each combination of levels of some columns; combinations that are new get new numbers."""

    columns: tuple[str, ...]
    levels: tuple[tuple[object, ...], ...]

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        number = {level: i for i, level in enumerate(self.levels)}
        code = codes(frame, self.columns)
        first = Codes(code, pd.RangeIndex(int(code.max(initial=-1)) + 1)).first_rows()
        of_code = [number.setdefault(key, len(number)) for key in keys(frame.iloc[first], self.columns)]
        return np.array(of_code, dtype=float)[code][:, None]


@dataclass(frozen=True, eq=False)
class Effects:
    """The columns of Z that patsy makes of a random-effects formula, or one of them.

    Of a model with several linear predictors, side by side for those in `serves`; all but those of the predictor that
    is read, `of`, are zero.
    """

    formula: str
    design_info: DesignInfo
    frame: pd.DataFrame
    only: int | None = None
    serves: tuple[str, ...] = (MEAN,)
    of: str = MEAN
    factored: FactoredMatrix | None = None

    @property
    def names(self) -> tuple[str, ...]:
        own = self.design_info.column_names[self._chosen]
        return tuple(name if p == MEAN else f"{p}: {name}" for p in self.serves for name in own)

    @property
    def _chosen(self) -> slice:
        return slice(None) if self.only is None else slice(self.only, self.only + 1)

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        if frame is self.frame and self.factored is not None:
            Z = self.factored.dense()
        else:
            frame = recoded(frame, self.frame, columns_read(self.design_info, self.frame.columns))
            Z = evaluated(self.design_info, frame, f"The random effects {self.formula!r}")
        if not np.isfinite(Z).all():
            rows = frame.index[~np.isfinite(Z).all(axis=1)]
            raise DataError(
                f"The random effects {self.formula!r} have missing or infinite values; correct or drop rows "
                f"{listing(rows)}."
            )
        own = Z[:, self._chosen]
        if self.serves == (self.of,):
            return own
        return np.hstack([own if predictor == self.of else 0 * own for predictor in self.serves])

    def __reduce__(self) -> tuple[object, ...]:
        # patsy's DesignInfo cannot be pickled; it is built again from the formula and the rows.
        return effects, (self.formula, self.frame, self.only, self.serves, self.of)


def effects(
    formula: str,
    frame: pd.DataFrame,
    only: int | None = None,
    serves: tuple[str, ...] = (MEAN,),
    of: str = MEAN,
) -> Effects:
    """The random effects of a patsy formula; raises FormulaError where patsy refuses it."""
    if (found := row_wise(formula, frame)) is not None:
        return Effects(formula, found[0], frame, only, serves, of, found[1])
    try:
        Z = dmatrix(formula, frame, eval_env=ENVIRONMENT, NA_action="raise")
    except PatsyError as error:
        raise FormulaError(
            f"patsy cannot build the random effects {formula!r}: {str(error).splitlines()[0]}."
        ) from None
    return Effects(formula, Z.design_info, frame, only, serves, of)


def keys(frame: pd.DataFrame, columns: Sequence[str]) -> list[tuple[object, ...]]:
    """The combination of levels of each row."""
    return list(zip(*(series.tolist() for series in _grouping(frame, columns)), strict=True))


def codes(frame: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """(N,) integers, one for each combination of levels, in order of appearance."""
    found = [coded(series) for series in _grouping(frame, columns)]
    if len(found) == 1:
        return by_appearance(found[0])
    code, size = distinct([(each.codes, len(each)) for each in found])
    return by_appearance(Codes(code, pd.RangeIndex(size)))


def _grouping(frame: pd.DataFrame, columns: Sequence[str]) -> list[pd.Series]:
    values = [column_of(frame, column) for column in columns]
    for column, series in zip(columns, values, strict=True):
        if series.isna().any():
            raise DataError(
                f"{column!r} groups the observations and is missing in rows {listing(frame.index[series.isna()])}."
            )
    return values


def column_of(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column of a table; raises DataError where there is none of that name."""
    if name not in frame.columns:
        raise DataError(f"There is no column {name!r}; the columns are {listing(frame.columns, 20)}.")
    return frame[name]
