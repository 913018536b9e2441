"""Rows that a fitted design has not seen: for prediction."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from patsy import DesignInfo, NAAction, build_design_matrices

from msclong.data.tables import modelling_column
from msclong.design.units import independent_units
from msclong.errors import DataError, FormulaError, listing


@dataclass(frozen=True, eq=False)
class NewRows:
    """M rows: X (M, p), coords (M, d), and unit (M,), the design's code of their independent unit.

    Units that the design does not know have codes from its largest one up.
    """

    X: np.ndarray
    coords: np.ndarray
    unit: np.ndarray


def recoded(
    rows: pd.DataFrame, like: pd.DataFrame, read: Mapping[str, Sequence[object] | None]
) -> pd.DataFrame:
    """`rows` with the columns that a formula reads in the dtypes of the fitted table `like`.

    read : the levels of each column that is a factor, None for a covariate. Values are compared, not dtypes: categories
    in another order, or fewer or more of them, are the same factor.

    Raises DataError, naming rows, for a column that is not there, missing values, unknown levels and covariates that
    are no finite numbers.
    """
    return rows.assign(**{name: _recoded(rows, name, like[name], levels) for name, levels in read.items()})


def _recoded(rows: pd.DataFrame, name: str, like: pd.Series, levels: Sequence[object] | None) -> pd.Series:
    if name not in rows.columns:
        raise DataError(
            f"There is no column {name!r}, which the formula reads; the columns are {listing(rows.columns, 20)}."
        )
    column, dtype = rows[name], like.dtype
    if isinstance(dtype, pd.CategoricalDtype) and column.dtype is dtype:
        known = levels is None or list(levels) == dtype.categories.tolist()
        if known and (column.array.codes >= 0).all():
            return column
    column = modelling_column(column)
    if column.isna().any():
        raise DataError(
            f"{name!r} is missing in rows {listing(rows.index[column.isna()])}; a prediction needs every covariate."
        )
    if levels is None and isinstance(dtype, pd.CategoricalDtype):
        levels = dtype.categories.tolist()
    if levels is not None:
        if not (seen := column.isin(levels)).all():
            raise DataError(
                f"{name!r} has values without an observed outcome in the fit, in rows {listing(rows.index[~seen])} "
                f"({listing(map(repr, column[~seen].unique().tolist()))}); its levels are {listing(levels, 20)}."
            )
    elif is_numeric_dtype(dtype):
        plain = (
            column.astype(column.cat.categories.dtype)
            if isinstance(column.dtype, pd.CategoricalDtype)
            else column
        )
        if not is_numeric_dtype(plain.dtype) or is_bool_dtype(plain.dtype) != is_bool_dtype(dtype):
            what = "True or False" if is_bool_dtype(dtype) else "a number"
            raise DataError(
                f"{name!r} must be {what}, as in the fit; it holds {listing(map(repr, column.unique().tolist()), 3)}."
            )
        if not (finite := np.isfinite(plain.to_numpy(dtype=float))).all():
            raise DataError(f"{name!r} is infinite in rows {listing(rows.index[~finite])}; correct the data.")
        return plain
    # By way of objects: pandas holds unordered categories in another order to be the same dtype, patsy does not.
    return column.astype(object).astype(dtype)


def units_of_new_rows(
    unit: np.ndarray,
    known: Sequence[Sequence[Hashable]],
    new: Sequence[Sequence[Hashable]],
    labels: Sequence[Hashable],
) -> np.ndarray:
    """(M,) unit codes of new rows, from the level of each grouping on the N known and the M new rows.

    labels : the M row labels, for messages.

    Raises DataError for a row whose levels belong to two known units, which would no longer be independent.
    """
    result = np.full(len(new[0]), -1)
    for old, fresh in zip(known, new, strict=True):
        home = dict(zip(old, unit, strict=True))
        found = np.array([home.get(level, -1) for level in fresh], dtype=result.dtype)
        clash = (result >= 0) & (found >= 0) & (result != found)
        if clash.any():
            raise _tying(clash, labels)
        result = np.where(result >= 0, result, found)
    # Rows of new levels belong with the rows that share these.
    tied = independent_units([pd.factorize(_as_array(levels))[0] for levels in new])
    highest, lowest = np.full(tied.max() + 1, -1), np.full(tied.max() + 1, unit.max() + 1)
    np.maximum.at(highest, tied, result)
    np.minimum.at(lowest, tied[result >= 0], result[result >= 0])
    if (tying := (lowest < highest)[tied]).any():
        raise _tying(tying, labels)
    alone = np.flatnonzero(highest < 0)
    highest[alone] = unit.max() + 1 + np.arange(len(alone))
    return np.asarray(highest[tied])


def _as_array(levels: Sequence[Hashable]) -> np.ndarray:
    """(M,) objects, tuples as they are."""
    array = np.empty(len(levels), dtype=object)
    array[:] = levels
    return array


def _tying(rows: np.ndarray, labels: Sequence[Hashable]) -> DataError:
    return DataError(
        f"Rows {listing(np.array(labels, dtype=object)[rows])} combine groups that the fit holds to be "
        "independent of each other; check their subjects and groups."
    )


def evaluated(design_info: DesignInfo, rows: pd.DataFrame, what: str) -> np.ndarray:
    """The columns of a patsy design for new rows, (M, p), undefined values as they come out.

    what : names the design in the FormulaError that is raised where patsy refuses the rows.
    """
    try:
        with np.errstate(all="ignore"):
            X = build_design_matrices([design_info], rows, NA_action=NAAction(NA_types=[]))[0]
    # Patsy evaluates the formula's calls on rows that they have not seen, and lets through whatever these raise.
    except Exception as error:
        told = str(error).partition("\n")[0]
        raise FormulaError(f"{what} cannot be evaluated on these rows: {told}") from None
    return np.asarray(X, dtype=float)
