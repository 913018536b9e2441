"""How a spec reads the parts of a table whose levels are known: what one part adds to the sums."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from patsy import DesignInfo

from msclong.covariance.registry import structure_class
from msclong.covariance.time_structure import TimeStructure
from msclong.data.codes import coded
from msclong.data.keys import check_constant, check_unique
from msclong.data.streams.chunk import Chunk, first_of_runs
from msclong.data.streams.scan import measured
from msclong.data.streams.schema import Schema
from msclong.design.coordinates import Effects, InverseRootWeight, Measured, Membership, Position
from msclong.design.covariance_design import CovarianceDesign
from msclong.design.cross_moments import places
from msclong.design.expansion import Expansion
from msclong.design.factored_matrix import FactoredMatrix
from msclong.design.fixed_effects import columns_read
from msclong.design.outcome_expression import evaluated_outcome
from msclong.design.streamed.columns import outcome_columns
from msclong.errors import DataError, DesignError, FormulaError, listing
from msclong.linear_hypothesis import label
from msclong.spec.model_spec import ModelSpec

MOST_CELLS = 300_000
"""Combinations of levels that are told apart."""


@dataclass(eq=False)
class Reading:
    """A spec and a schema, ready to read parts of a table.

    keys : columns whose levels are listed, which with the visit tell rows apart. averaged : measured covariates.
    table : a made-up table with all levels. info : patsy's design of it. covariance : built on it.
    """

    spec: ModelSpec
    schema: Schema
    table: pd.DataFrame
    info: DesignInfo
    covariance: CovarianceDesign
    keys: tuple[str, ...]
    averaged: tuple[str, ...]
    expansion: Expansion
    _known: dict[int, int] = field(default_factory=dict)
    _X: list[np.ndarray] = field(default_factory=list)
    _coords: list[np.ndarray] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the cross-moments."""
        return (*self.info.column_names, self.spec.parsed.outcome)

    def cells(self, codes: np.ndarray) -> pd.DataFrame:
        """The key columns of cells with these level codes, (m, K), in the dtypes that they have in memory."""
        return self.schema.frame(
            {
                name: [self._values(name)[code] for code in codes[:, i].tolist()]
                for i, name in enumerate(self.keys)
            }
        )

    def _values(self, name: str) -> tuple[object, ...]:
        return self.schema.columns[name].levels or ()

    @cached_property
    def _radix(self) -> np.ndarray:
        sizes = [len(self._values(name)) for name in self.keys]
        radix = np.cumprod([1, *sizes[::-1]])[::-1]
        if np.prod([float(size) for size in sizes]) > 2**62:
            raise FormulaError(
                "The factors of this model have too many combinations of levels to be counted."
            )
        return radix[1:]

    @cached_property
    def coords_by_cell(self) -> bool:
        """Whether the covariance reads key columns alone."""
        read = {column for reader in self.covariance.readers for column in columns_of_reader(reader)}
        return read <= set(self.keys)

    def outcome(self, chunk: Chunk) -> np.ndarray:
        """(N,) the outcome, NaN where missing."""
        return outcome_of(self.spec, chunk)

    def _codes(self, chunk: Chunk, name: str, observed: np.ndarray) -> np.ndarray:
        """(N,) positions of a key column's values among its levels; -1 in rows without an outcome that have others."""
        codes, values = chunk.coded(name)
        levels = {level: i for i, level in enumerate(self._values(name))}
        place = np.array([*(levels.get(value, -1) for value in values), -1])
        found = place[codes]
        unknown = observed & (found < 0)
        if unknown.any():
            stray = sorted(
                {str(values[code]) if code >= 0 else "missing" for code in codes[unknown].tolist()}
            )
            raise DataError(
                f"{name!r} has values that the schema does not list, in rows {listing(chunk.rows[unknown])} (counted "
                f"from 0): {listing(stray)}; its levels are {listing(map(repr, levels), 20)}. Make the schema of data "
                "that have all levels."
            )
        return found

    def rows(self, chunk: Chunk) -> SubjectRows:
        """The observed rows of a part of the table that holds all rows of each of its subjects, next to each other."""
        y = self.outcome(chunk)
        subject = self._runs(chunk)
        self._check(chunk, subject)
        observed = ~np.isnan(y)
        kept = np.flatnonzero(observed)
        rows, who = chunk.rows[kept], subject[kept]
        codes = np.array([self._codes(chunk, name, observed)[kept] for name in self.keys])
        codes = codes.reshape(len(self.keys), len(kept))
        numbers = np.array([measured(chunk, name, "covariate")[kept] for name in self.averaged])
        numbers = numbers.reshape(len(self.averaged), len(kept))
        self._refuse_missing(numbers, rows)
        never = self._never(chunk, subject, who)
        cell = self._cell(codes)
        with np.errstate(all="ignore"):
            covariates = self.expansion.covariates(self._named(codes, numbers), len(kept))
        if self.coords_by_cell:
            at, coords = places(np.array(self._coords) if self._coords else np.zeros((1, 0)))
            at = at[cell]
        else:
            at, coords = places(self.covariance.coords(pd.DataFrame(self._named(codes, numbers), index=rows)))
        found = SubjectRows(
            self, rows, who, y[kept], codes, numbers, cell, covariates, coords, at, never
        ).ordered()
        self._refuse_repeated_times(found)
        return found

    def X(self, rows: SubjectRows) -> FactoredMatrix:
        """X (N, p) of some rows. Raises DataError where it is not finite."""
        found = np.bincount(rows.cell, minlength=len(self._X)) > 0
        table = self.expansion.table(np.array(self._X)[found])
        X = FactoredMatrix(table, (np.cumsum(found) - 1)[rows.cell], rows.covariates)
        if not X.is_finite():
            self._refuse_infinite(X.dense(), rows.rows)
        return X

    def _refuse_infinite(self, X: np.ndarray, rows: np.ndarray) -> None:
        if not np.isfinite(X).all():
            where, which = np.nonzero(~np.isfinite(X))
            names = listing(self.info.column_names[j] for j in np.unique(which))
            raise DataError(
                f"The fixed part has infinite values in {names}, rows {listing(rows[np.unique(where)])}; correct the "
                "data or the transform."
            )

    def radix(self, codes: np.ndarray) -> np.ndarray:
        """(N,) one number for the level codes of each row, (K, N)."""
        return self._radix @ codes if len(codes) else np.zeros(codes.shape[1], dtype=np.int64)

    def codes_of(self, radix: np.ndarray) -> np.ndarray:
        """(m, K): the level codes of such numbers (m,)."""
        levels, rest = np.zeros((len(radix), len(self.keys)), dtype=np.intp), radix
        for i, step in enumerate(self._radix):
            levels[:, i], rest = rest // step, rest % step
        return levels

    def _never(self, chunk: Chunk, subject: np.ndarray, who: np.ndarray) -> list[str]:
        """The names of subjects without an observed outcome."""
        starts = np.flatnonzero(np.diff(subject, prepend=-1))
        seen = np.zeros(len(starts), dtype=bool)
        seen[who] = True
        return list(map(str, chunk.table.column(self.spec.subject).take(starts[~seen]).to_pylist()))

    def _runs(self, chunk: Chunk) -> np.ndarray:
        """(N,) subjects numbered as they stand."""
        return np.cumsum(first_of_runs(chunk, self.spec.subject)) - 1

    def _check(self, chunk: Chunk, subject: np.ndarray) -> None:
        """What LongData checks of a table: one row for each subject and visit, one arm for each subject."""
        visit, arm, who = self.schema.visit, self.schema.arm, self.spec.subject
        if visit is not None:
            at, values = chunk.coded(visit)
            key = subject * (len(values) + 1) + at
            if (
                not (np.diff(key) > 0).all()
                and (repeated := pd.Series(key).duplicated(keep=False).to_numpy()).any()
            ):
                table = chunk.frame([who, visit])[repeated]
                check_unique(table[who], table[visit], coded(table[who]), coded(table[visit]))
        if arm is not None:
            at = chunk.coded(arm)[0]
            changing = (np.diff(at) != 0) & (np.diff(subject) == 0)
            if changing.any():
                table = chunk.frame([who, arm])[np.isin(subject, subject[:-1][changing])]
                check_constant(table[who], table[arm], coded(table[who]), coded(table[arm]))

    def _refuse_missing(self, numbers: np.ndarray, rows: np.ndarray) -> None:
        for name, values in zip(self.averaged, numbers, strict=True):
            if (lacking := np.isnan(values)).any():
                raise DataError(
                    f"{int(lacking.sum())} rows have no value of {name!r} but an outcome: rows "
                    f"{listing(rows[lacking])} (counted from 0). Fill them, or leave them out yourself beforehand."
                )

    def _named(self, codes: np.ndarray, numbers: np.ndarray) -> dict[str, object]:
        """The columns of rows: keys by their levels, measured covariates."""
        found: dict[str, object] = {}
        for name, at in zip(self.keys, codes, strict=True):
            column = self.schema.columns[name]
            if column.kind == "factor":
                found[name] = pd.Categorical.from_codes(at, dtype=column.dtype)
            else:
                found[name] = np.array(column.levels, dtype=column.dtype)[at]
        return found | dict(zip(self.averaged, numbers, strict=True))

    def _cell(self, codes: np.ndarray) -> np.ndarray:
        """(N,) positions of rows among the cells met so far."""
        which, found = pd.factorize(self.radix(codes))
        fresh = [i for i, code in enumerate(found.tolist()) if code not in self._known]
        if fresh:
            levels = self.codes_of(found[fresh])
            table = self.cells(levels)
            if not self.keys:
                table = pd.DataFrame(index=range(len(fresh)))
            with np.errstate(all="ignore"):
                X = self.expansion.cells({str(name): table[name] for name in table}, len(fresh))
            if len(self._X) + len(X) > MOST_CELLS:
                raise DesignError(
                    f"The factors and visits of {self.spec.parsed.fixed!r} make more than {MOST_CELLS:,} combinations "
                    "of levels; leave out or merge the factors with most levels."
                )
            self._refuse_infinite(X, np.array([_named_cell(table, i) for i in range(len(X))], dtype=object))
            coords = self.covariance.coords(table) + 0.0 if self.coords_by_cell else np.zeros((len(fresh), 0))
            for i, code in enumerate(found[fresh].tolist()):
                self._known[code] = len(self._X)
                self._X.append(X[i])
                self._coords.append(coords[i])
        return np.array([self._known[code] for code in found.tolist()], dtype=np.intp)[which]

    def _refuse_repeated_times(self, rows: SubjectRows) -> None:
        """Times that one subject has twice, where the structure would have their outcomes equal."""
        term = self.spec.parsed.structure
        repeated = (np.diff(rows.at) == 0) & ~rows.new[1:]
        if term is None or not repeated.any():
            return
        chosen_class = structure_class(term.structure)
        if not issubclass(chosen_class, TimeStructure):
            return
        chosen = np.isin(rows.who, rows.who[1:][repeated])
        times = rows.coords[rows.at[chosen]][:, self.covariance.columns(Measured)[:1]]
        chosen_class().check(times, rows.who[chosen], term.variable, rows.rows[chosen])


@dataclass(frozen=True, eq=False)
class SubjectRows:
    """The N observed rows of whole subjects, those of each in the order of their coordinates.

    rows : their numbers in the table. who : subjects, numbered. y : outcomes. codes, numbers : (K, N) of key columns,
    (J, N) measured covariates. cell : among the cells that `read` has met. covariates : (N, m - 1), see FactoredMatrix.
    coords, at : the different coordinates, ascending, and which of them each row has. never : subjects without rows.
    """

    read: Reading
    rows: np.ndarray
    who: np.ndarray
    y: np.ndarray
    codes: np.ndarray
    numbers: np.ndarray
    cell: np.ndarray
    covariates: np.ndarray
    coords: np.ndarray
    at: np.ndarray
    never: list[str]

    @cached_property
    def new(self) -> np.ndarray:
        """(N,) whether a row is the first of its subject."""
        return np.diff(self.who, prepend=-1) != 0

    @cached_property
    def lengths(self) -> np.ndarray:
        """The number of rows of each subject."""
        return np.diff(np.append(np.flatnonzero(self.new), len(self.y)))

    def ordered(self) -> SubjectRows:
        """The rows of each subject by their coordinates."""
        if ((np.diff(self.at) >= 0) | (np.diff(self.who) != 0)).all():
            return self
        return self.taken(np.lexsort((self.at, self.who)))

    def taken(self, order: np.ndarray) -> SubjectRows:
        """Some rows, or all in another order."""
        return replace(
            self,
            rows=self.rows[order],
            who=self.who[order],
            y=self.y[order],
            codes=self.codes[:, order],
            numbers=self.numbers[:, order],
            cell=self.cell[order],
            covariates=self.covariates[order],
            at=self.at[order],
        )


def _named_cell(table: pd.DataFrame, i: int) -> str:
    return "with " + ", ".join(f"{name}={label(table[name].iloc[i])}" for name in table)


def outcome_of(spec: ModelSpec, chunk: Chunk) -> np.ndarray:
    """(N,) the outcome of a part of a table, NaN where missing. Raises DataError as LongData does."""
    name = spec.parsed.outcome
    if name in chunk.table.column_names:
        return measured(chunk, name, "outcome")
    frame = chunk.frame(outcome_columns(spec, chunk.table.column_names))
    values = evaluated_outcome(name, frame).to_numpy(dtype=float)
    if np.isinf(values).any():
        raise DataError(
            f"The outcome {name!r} is infinite in rows {listing(chunk.rows[np.isinf(values)])} (counted from 0). Often "
            "this is the logarithm of zero: decide on a value, or set these rows to missing."
        )
    return values


def columns_of_reader(reader: object) -> list[str]:
    """The columns that a reader of coordinates reads."""
    if isinstance(reader, Effects):
        return list(columns_read(reader.design_info, reader.frame.columns))
    if isinstance(reader, (Position, Measured, Membership, InverseRootWeight)):
        return [reader.column]
    return []
