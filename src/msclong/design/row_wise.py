"""Patsy's model matrix from the distinct rows of the discrete variables, and all rows of the continuous ones."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from patsy import DesignInfo, EvalEnvironment, ModelDesc, NAAction, design_matrix_builders

from msclong.data.codes import Codes, coded, distinct
from msclong.design.expansion import expansion
from msclong.design.expressions import columns_in, of_other_rows
from msclong.design.factored_matrix import FactoredMatrix

FEW = 20
"""A number of at most so many distinct values is a discrete variable: a planned visit, a dose, yes and no."""

ENVIRONMENT = EvalEnvironment([{"np": np}])
"""What a formula may name beside columns and patsy's own functions."""


@lru_cache(maxsize=256)
def model_terms(formula: str) -> ModelDesc:
    """Patsy's reading of a formula; raises PatsyError."""
    return ModelDesc.from_formula(formula)


def row_wise(formula: str, frame: pd.DataFrame) -> tuple[DesignInfo, FactoredMatrix] | None:
    """Patsy's DesignInfo and X of a formula, without the N rows of X.

    A factor that reads whole columns, np.mean(x) or center(x), is evaluated on all rows, as patsy does.

    None where that is not possible or not worth it: such a factor of a discrete variable, one that makes levels of a
    continuous variable, missing or infinite values, as many distinct rows as rows. What patsy then says of the
    table is told, or it succeeds.
    """
    try:
        described = model_terms(formula)
    except Exception:  # whatever patsy says of it is told where the matrix is built row by row
        return None
    terms = described.rhs_termlist
    columns = tuple(name for name in frame.columns if isinstance(name, str))
    factors = list(dict.fromkeys(factor.name() for term in terms for factor in term.factors))
    read = {name: columns_in(name, columns) for name in factors}
    if described.lhs_termlist or not terms or not all(read.values()):
        return None
    table = {column: frame[column] for named in read.values() for column in named}
    levelled = {column for name in factors if name.startswith("C(") for column in read[name]}
    whole = {c for name in factors if of_other_rows(name, columns) is not None for c in read[name]}
    if not whole.isdisjoint(levelled):
        return None
    discrete: dict[str, Codes] = {}
    for name, column in table.items():
        if name not in whole and (codes := _discrete(column, name in levelled)) is not None:
            discrete[name] = codes
        elif not _is_number(column) or column.isna().any():
            return None
    if any((found.codes < 0).any() for found in discrete.values()):
        return None
    levels = [(codes.codes, len(codes)) for codes in discrete.values()]
    cell, size = distinct(levels or [(np.zeros(len(frame), np.intp), 1)])
    if 2 * size > len(frame):
        return None
    first = Codes(cell, pd.RangeIndex(size)).first_rows()
    kinds = {name: column if name in whole else column.iloc[first] for name, column in table.items()}
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            info = design_matrix_builders([terms], lambda: iter([kinds]), ENVIRONMENT, NAAction("raise"))[0]
            parts = expansion(info, discrete, table)
            # A table of cells as large as X is of no use.
            if parts.levels_of_rows or size * len(parts.products) > len(frame):
                return None
            T = parts.table(parts.cells(kinds, size))
            X = FactoredMatrix(T, cell, parts.covariates(table, len(frame)))
    # A call of the formula may raise anything at rows that stand for others. What it says of the table is told where
    # the matrix is built row by row.
    except Exception:
        return None
    return (info, X) if X.is_finite() else None


def _discrete(column: pd.Series, always: bool) -> Codes | None:
    """The codes of a discrete variable, None of a continuous one. always : whatever the number of its values."""
    if always or not _is_number(column):
        return coded(column)
    if len(pd.unique(column.array[: 50 * FEW])) > FEW:
        return None
    found = coded(column)
    return found if len(found) <= FEW else None


def _is_number(column: pd.Series) -> bool:
    return isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf"
