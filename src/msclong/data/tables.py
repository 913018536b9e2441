"""Tables of any library as one pandas frame whose columns a model formula can read."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from msclong.data.codes import coded
from msclong.data.marks import marks
from msclong.errors import DataError, listing


def to_pandas(table: Any, copy: bool = True) -> pd.DataFrame:
    """A fresh pandas frame with the rows and columns of `table`, which is left as it was.

    Parameters
    ----------
    table
        A pandas DataFrame (its row labels are kept), or what narwhals reads: a polars DataFrame or
        LazyFrame, a pyarrow Table, a DuckDB relation. Lazy tables are collected.
    copy
        False: the values may be those of the table itself, for who reads them only.

    Raises
    ------
    DataError
        `table` is not a table, or two of its columns share a name.
    """
    frame = table.copy(deep=copy) if isinstance(table, pd.DataFrame) else _through_narwhals(table)
    if frame.columns.nlevels > 1:
        raise DataError(
            "The table's column names have several levels. Flatten them first, for example with "
            "table.columns = table.columns.map('_'.join)."
        )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise DataError(
            f"The table has more than one column named {listing(twice)}. Rename or drop all but one of each."
        )
    return frame


def _through_narwhals(table: Any) -> pd.DataFrame:
    try:
        wrapped = nw.from_native(table)
    except TypeError as error:
        raise DataError(
            f"A {type(table).__name__} is not a table. Pass a pandas or polars DataFrame, a pyarrow Table or "
            "a DuckDB relation with one row per subject and visit."
        ) from error
    eager = wrapped.collect() if isinstance(wrapped, nw.LazyFrame) else wrapped
    # The categories of a polars Categorical and of most arrow dictionaries stand in order of appearance:
    # nobody chose that, so nothing may be read into it. An Enum or an ordered dictionary does state an order.
    unordered = [
        name
        for name, dtype in eager.schema.items()
        if isinstance(dtype, nw.Categorical) and not eager[name].to_arrow().type.ordered
    ]
    enums = {name: dtype.categories for name, dtype in eager.schema.items() if isinstance(dtype, nw.Enum)}
    as_text = [nw.col(name).cast(nw.String()) for name in [*unordered, *enums]]
    frame = eager.with_columns(*as_text).to_pandas()
    for name, categories in enums.items():
        frame[name] = pd.Categorical(frame[name], categories=list(categories), ordered=True)
    return frame


def modelling_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A new frame of the `modelling_column` of every column, with the `marks` of the table."""
    result = frame.copy()
    result.attrs = marks(frame)
    for name, column in frame.items():
        ours = modelling_column(column)
        if ours is not column:
            result[name] = ours
    return result


def modelling_column(column: pd.Series) -> pd.Series:
    """`column` in a dtype that patsy reads quickly and rightly; its values stay what they are.

    Numbers become long: a formula's arithmetic would wrap around in short integers, and round to few digits in short
    floats. Text becomes categorical, once (patsy takes 30 times as long for strings), nullable and arrow numbers,
    and numbers held as Python objects, become NumPy numbers with NaN for missing, and categories that no
    row has are dropped (they would be columns of zeros in the design).
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        complete = len(coded(column)) == len(column.cat.categories)
        return column if complete else column.cat.remove_unused_categories()
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return _long(column)
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "string":
        return _categorical(column)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal", "empty"):
        complete_integers = kind == "integer" and column.notna().all()
        return column.astype("int64") if complete_integers else floats(column)
    if kind == "boolean" and column.notna().all():
        return column.astype(bool)
    return column


def _long(column: pd.Series) -> pd.Series:
    """A column of NumPy's numbers in 64 bits with a sign; numbers that these cannot tell apart stay as they are."""
    if column.dtype.kind not in "iuf" or column.dtype in (np.int64, np.float64):
        return column
    if column.dtype.kind == "f":
        return floats(column)
    if len(column) and column.max() > np.iinfo(np.int64).max:
        rounded = floats(column)
        return rounded if rounded.nunique() == column.nunique() else column
    return column.astype("int64")


def _categorical(column: pd.Series) -> pd.Series:
    """Text as an unordered categorical, its levels in alphabetical order."""
    found = coded(column)
    # Text of any dtype becomes the text that pandas itself would make of it.
    levels = found.levels if found.levels.dtype == "str" else pd.Index(found.levels.to_numpy(dtype=object))
    order = levels.argsort()
    rank = np.append(np.argsort(order), -1)
    values = pd.Categorical.from_codes(rank[found.codes], dtype=pd.CategoricalDtype(levels[order]))
    return pd.Series(values, index=column.index, name=column.name)


def floats(column: pd.Series) -> pd.Series:
    """A column of numbers as float64, NaN where a value is missing."""
    if column.dtype == np.float64:
        return column
    return pd.Series(column.to_numpy(dtype="float64", na_value=np.nan), index=column.index, name=column.name)
