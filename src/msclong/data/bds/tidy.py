"""A table as any reader left it, with text as text, dates as dates and rows numbered as in the file."""

from __future__ import annotations

import pandas as pd

from msclong.data.tables import floats
from msclong.errors import DataError


def tidy(frame: pd.DataFrame, encoding: str | None = None) -> pd.DataFrame:
    """`frame` with its rows numbered from 1, each column by `tidy_column`, and the names and `attrs` that it had."""
    columns = {name: tidy_column(column, encoding) for name, column in frame.items()}
    result = pd.DataFrame(columns, index=frame.index)
    result.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    result.attrs = dict(frame.attrs)
    return result


def tidy_column(column: pd.Series, encoding: str | None = None) -> pd.Series:
    """Bytes decoded, trailing blanks cut off and blank text missing, Python dates as timestamps, decimals as floats.

    SAS pads text with blanks and knows no other missing text than a blank one.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _trimmed(column)
    if pd.api.types.is_numeric_dtype(dtype):
        return column
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "bytes":
        column, kind = _decoded(column, encoding), "string"
    if kind == "string":
        text = column.str.rstrip()
        return text.mask(text == "")
    if kind in ("date", "datetime"):
        return pd.to_datetime(column)
    if kind in ("decimal", "empty"):
        return floats(column)
    return column


def _trimmed(column: pd.Series) -> pd.Series:
    """A categorical column without trailing blanks in its categories, and without blank ones."""
    kinds = [kind.rstrip() if isinstance(kind, str) else kind for kind in column.cat.categories]
    if kinds == column.cat.categories.tolist() and "" not in kinds:
        return column
    left = [kind for kind in dict.fromkeys(kinds) if kind != ""]
    values = [kinds[code] if code >= 0 and kinds[code] != "" else None for code in column.cat.codes]
    return pd.Series(pd.Categorical(values, left, ordered=column.cat.ordered), column.index, name=column.name)


def _decoded(column: pd.Series, encoding: str | None) -> pd.Series:
    try:
        return column.map(lambda value: value.decode(encoding or "utf-8"), na_action="ignore")
    except UnicodeDecodeError as error:
        raise DataError(
            f"The text of {column.name!r} is not {encoding or 'UTF-8'} ({error.reason}). Give its encoding, for "
            "example read_bds(path, encoding='WINDOWS-1252')."
        ) from error
