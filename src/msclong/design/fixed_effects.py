"""The fixed part: patsy builds X, and keeps what is needed to build it again for new rows."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from patsy import DesignInfo, PatsyError, dmatrix

from msclong.data.codes import coded
from msclong.design.expressions import columns_in
from msclong.design.factored_matrix import FactoredMatrix
from msclong.design.new_rows import evaluated, recoded
from msclong.design.row_wise import ENVIRONMENT, row_wise
from msclong.errors import DataError, DesignError, FormulaError, listing

ALIAS_TOLERANCE = 1e-9
"""A column counts as aliased when less than this share of its length lies outside the columns before it."""


@dataclass(frozen=True, eq=False)
class FixedEffects:
    """The fixed effects of a design.

    formula : patsy's. design_info : patsy's DesignInfo (kept for prediction).
    factored : X, the (N, p) model matrix, in few numbers. frame : the N rows it came from.
    order : values in order, of variables whose order is not that of their numbers (visits).
    constraint : where the coefficients obey linear constraints, how patsy's columns reduce to the p that are left.
    """

    formula: str
    design_info: DesignInfo
    factored: FactoredMatrix
    frame: pd.DataFrame
    order: Mapping[str, tuple[object, ...]]
    constraint: Constraint | None = None

    @cached_property
    def X(self) -> np.ndarray:
        """(N, p) model matrix, formed when first asked for."""
        return self.factored.dense()

    @property
    def names(self) -> tuple[str, ...]:
        """The p column names, as patsy gives them, but for those that a constraint names anew."""
        return tuple(self.design_info.column_names) if self.constraint is None else self.constraint.names

    @property
    def terms(self) -> dict[str, slice]:
        """Columns of each term that has any."""
        slices = dict(self.design_info.term_name_slices)
        if self.constraint is None:
            return slices
        kept = np.array(self.constraint.kept)
        moved = {
            name: slice(int((kept < s.start).sum()), int((kept < s.stop).sum())) for name, s in slices.items()
        }
        return {name: s for name, s in moved.items() if s.stop > s.start}

    def constrained(self, constraint: Constraint) -> FixedEffects:
        """The same fixed part with its coefficients under a constraint."""
        return replace(self, factored=self.factored @ constraint.reduction, constraint=constraint)

    def on(self, rows: pd.DataFrame) -> FixedEffects:
        """The same fixed part on other rows; raises what `matrix` raises."""
        return replace(self, factored=FactoredMatrix.of(self.matrix(rows)), frame=rows)

    @property
    def table(self) -> pd.DataFrame:
        """Rows with the columns, dtypes and levels of the data, and each combination of levels that occurs."""
        return self.frame

    @property
    def averaged(self) -> frozenset[str]:
        """Covariates of which `table` has means alone: of data whose rows are not kept."""
        return frozenset()

    @property
    def triangle(self) -> np.ndarray:
        """R with R'R = X'X."""
        return self.factored.triangle()

    @property
    def sizes(self) -> np.ndarray:
        """(p,) how large the columns of X are, to tell rounding by."""
        return self.factored.largest()

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Data columns that the fixed part reads, in order of appearance."""
        found: dict[str, None] = {}
        for factor in self.design_info.factor_infos:
            for column in columns_in(factor.name(), self.table.columns):
                found.setdefault(column)
        return tuple(found)

    @cached_property
    def term_variables(self) -> tuple[frozenset[str], ...]:
        """The data columns that each term reads."""
        return tuple(
            frozenset(c for factor in term.factors for c in columns_in(factor.name(), self.table.columns))
            for term in self.design_info.terms
        )

    @cached_property
    def discrete(self) -> dict[str, tuple[object, ...]]:
        """Levels of each variable that the model treats as a factor."""
        result: dict[str, tuple[object, ...]] = {}
        for factor, info in self.design_info.factor_infos.items():
            columns = columns_in(factor.name(), self.table.columns)
            if info.type == "categorical" and _takes_levels(factor.name()):
                result.setdefault(columns[0], self.values(columns[0]))
        return result

    @cached_property
    def _read(self) -> dict[str, tuple[object, ...] | None]:
        return columns_read(self.design_info, self.table.columns)

    @property
    def derived_factors(self) -> tuple[str, ...]:
        """Factors that a formula makes of other columns, such as I(x > 10)."""
        infos = self.design_info.factor_infos.items()
        return tuple(f.name() for f, i in infos if i.type == "categorical" and not _takes_levels(f.name()))

    def values(self, variable: str) -> tuple[object, ...]:
        """The distinct values of a variable: categories and visits in their order, other numbers ascending."""
        column = self.table[variable]
        if isinstance(column.dtype, pd.CategoricalDtype):
            return tuple(column.cat.categories)
        observed = set(coded(column).levels.tolist())
        return tuple(value for value in self.order.get(variable, sorted(observed)) if value in observed)

    def own_values(
        self, names: Sequence[str], row_weights: np.ndarray, spread: bool = False
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """The distinct values that variables have together in the observed rows, and their share of these.

        row_weights : of the rows of `table`. spread : any values with their means will do, if they differ.
        """
        table = self.table[list(names)].assign(_weight=row_weights)
        distinct = table.groupby(list(names), observed=True, sort=False)["_weight"].sum().reset_index()
        return distinct, distinct.pop("_weight").to_numpy() / row_weights.sum()

    def __reduce__(self) -> tuple[object, ...]:
        # patsy's DesignInfo cannot be pickled; it is built again from the formula and the rows.
        return _rebuilt, (self.formula, self.frame, dict(self.order), self.constraint)

    def matrix(self, rows: pd.DataFrame) -> np.ndarray:
        """X of new rows, (len(rows), p), whose factors may have any dtype with the fit's values.

        Raises DataError for values that the fit cannot read (see `recoded`) or transform to finite numbers,
        FormulaError for what patsy refuses.
        """
        rows = recoded(rows, self.table, self._read)
        X = evaluated(self.design_info, rows, f"The fixed part {self.formula!r}")
        if not (finite := np.isfinite(X).all(axis=1)).all():
            raise DataError(
                f"The fixed part {self.formula!r} is infinite or undefined in rows {listing(rows.index[~finite])}; "
                "correct the data or the transform."
            )
        return X if self.constraint is None else X @ self.constraint.reduction


@dataclass(frozen=True, eq=False)
class Constraint:
    """Linear constraints on patsy's q coefficients, solved: b = reduction @ beta.

    kept : positions of the p coefficients that are left free. reduction : (q, p), the identity in their rows.
    names : of the p coefficients.
    """

    kept: tuple[int, ...]
    reduction: np.ndarray
    names: tuple[str, ...]


def without_intercept(fixed: FixedEffects) -> FixedEffects:
    """The same fixed part without its constant, for which the cutpoints of grades stand.

    Factors stay coded as differences from their first level. Raises FormulaError where the formula has no constant, or
    nothing else.
    """
    names = tuple(fixed.design_info.column_names)
    if "Intercept" not in names:
        raise FormulaError(
            f"Grades have cutpoints for a constant: leave the '0 +' or '- 1' out of {fixed.formula!r}, so that factors "
            "are coded as differences."
        )
    if len(names) == 1:
        raise FormulaError(
            "The fixed part has a constant only, and grades have cutpoints for it; name a term."
        )
    kept = tuple(i for i, name in enumerate(names) if name != "Intercept")
    return fixed.constrained(Constraint(kept, np.eye(len(names))[:, kept], tuple(names[i] for i in kept)))


def _rebuilt(
    formula: str, frame: pd.DataFrame, order: Mapping[str, tuple[object, ...]], constraint: Constraint | None
) -> FixedEffects:
    fixed = build_fixed_effects(formula, frame, order)
    return fixed if constraint is None else fixed.constrained(constraint)


def build_fixed_effects(
    formula: str, frame: pd.DataFrame, order: Mapping[str, tuple[object, ...]] | None = None
) -> FixedEffects:
    """X of `formula` on `frame`.

    Raises FormulaError when patsy cannot read or evaluate it, DataError for missing or infinite covariates
    (with rows), DesignError for aliased columns (column by column, with what each is a combination of).
    """
    found = row_wise(formula, frame)
    info, factored = _row_by_row(formula, frame) if found is None else found
    refuse_aliasing(factored.triangle(), info.column_names, len(frame))
    return FixedEffects(formula, info, factored, frame, order or {})


def _row_by_row(formula: str, frame: pd.DataFrame) -> tuple[DesignInfo, FactoredMatrix]:
    """Patsy's DesignInfo and X, or the error that says why there is none."""
    try:
        matrix = dmatrix(formula, frame, eval_env=ENVIRONMENT, NA_action="raise")
    except PatsyError as error:
        _explain_missing(formula, frame)
        raise FormulaError(f"patsy cannot build the fixed part {formula!r}: {_hint(error, frame)}") from None
    # Patsy evaluates the formula's calls, np.log(x) or C(x, levels=...), and lets through whatever these raise.
    except Exception as error:
        raise FormulaError(f"The fixed part {formula!r} cannot be evaluated: {_hint(error, frame)}") from None
    X = np.asarray(matrix, dtype=float)
    info = matrix.design_info
    if not np.isfinite(X).all():
        rows, columns = np.nonzero(~np.isfinite(X))
        raise DataError(
            f"The fixed part has infinite values in {listing(info.column_names[c] for c in np.unique(columns))}, "
            f"rows {listing(frame.index[np.unique(rows)])}; correct the data or the transform."
        )
    return info, FactoredMatrix.of(X)


def _takes_levels(expression: str) -> bool:
    """Whether a factor's levels are the values of a column: x, Q("x"), C(x, ...)."""
    node = ast.parse(expression, mode="eval").body
    while (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("C", "Q")
        and node.args
    ):
        node = node.args[0]
    return isinstance(node, (ast.Name, ast.Constant))


def columns_read(info: DesignInfo, columns: pd.Index) -> dict[str, tuple[object, ...] | None]:
    """The columns of a table that a patsy design reads, with their levels where they are factors, else None."""
    found: dict[str, tuple[object, ...] | None] = {}
    for factor, of_factor in info.factor_infos.items():
        read = columns_in(factor.name(), columns)
        for column in read:
            found.setdefault(column, None)
        if of_factor.type == "categorical" and _takes_levels(factor.name()):
            found[read[0]] = of_factor.categories
    return found


def _explain_missing(formula: str, frame: pd.DataFrame) -> None:
    """Raise DataError when missing covariates are the reason why patsy refused."""
    for column in frame.columns:
        missing = frame[column].isna()
        if missing.any() and column in formula:
            raise DataError(
                f"{int(missing.sum())} rows have no value of {column!r} but an outcome: rows "
                f"{listing(frame.index[missing])}. Fill them, or drop them yourself with "
                f"df.dropna(subset=[{column!r}]), so that the analysis set is your decision."
            )


def _hint(error: Exception, frame: pd.DataFrame) -> str:
    message = str(error).splitlines()[0]
    hiding = [str(c) for c in frame.columns if c in ("C", "Q", "I", "np")]
    if hiding:
        message += (
            f". Columns named {listing(hiding)} hide the functions of formulas of that name: rename them"
        )
    return f"{message}.{quoting(frame.columns)}"


def quoting(columns: pd.Index) -> str:
    """What a message says of columns that a formula cannot name as they are; empty where there are none."""
    odd = [str(name) for name in columns if not str(name).isidentifier()]
    return f' Columns whose names are not plain words need Q("..."): {listing(odd)}.' if odd else ""


def refuse_aliasing(triangle: np.ndarray, names: list[str], n: int) -> None:
    """Name every column that is a linear combination of the columns before it, and the combination.

    triangle : that of X = QR, which has the same inner products as X, in p rows instead of n.
    """
    length = np.linalg.norm(triangle, axis=0)
    scaled = triangle / np.where(length == 0, 1, length)
    kept: list[int] = []
    basis = np.zeros((triangle.shape[0], 0))
    complaints = []
    for j in range(len(names)):
        column = scaled[:, j]
        # Twice is enough (Kahan): the second pass removes what rounding left of the first.
        remainder = column - basis @ (basis.T @ column)
        remainder -= basis @ (basis.T @ remainder)
        size = np.linalg.norm(remainder)
        if size > ALIAS_TOLERANCE:
            kept.append(j)
            basis = np.column_stack([basis, remainder / size])
        elif length[j] == 0:
            complaints.append(f"{names[j]} is zero in every row (no such rows are observed)")
        else:
            weights = np.linalg.lstsq(triangle[:, kept], triangle[:, j], rcond=None)[0]
            parts = [
                f"{w:.3g} {names[i]}"
                for i, w in zip(kept, weights, strict=True)
                if abs(w) > 1e-6 * np.abs(weights).max()
            ]
            complaints.append(f"{names[j]} = {' + '.join(parts)}".replace("+ -", "- "))
    if complaints:
        raise DesignError(
            f"The fixed part has {len(complaints)} column(s) that the data cannot tell from the others: "
            f"{'; '.join(complaints)}. Remove or merge these terms."
        )
    if n <= len(names):
        raise DesignError(
            f"{n} observations cannot estimate {len(names)} fixed effects; simplify the fixed part."
        )
