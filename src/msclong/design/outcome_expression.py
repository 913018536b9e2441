"""The outcome of a formula that is an expression of columns, such as np.log(titre)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.data.tables import modelling_column
from msclong.design.expressions import columns_in
from msclong.errors import DataError, FormulaError, listing


def evaluated_outcome(expression: str, frame: pd.DataFrame) -> pd.Series:
    """The values of an outcome such as `np.log(titre)`; raises DataError where it is undefined (a log of -1)."""
    columns = {str(name): frame[name] for name in frame.columns}
    scope = {"__builtins__": {}, "np": np, "Q": columns.__getitem__, "I": lambda x: x}
    try:
        for name in columns_in(expression, list(columns)):
            if pd.api.types.is_numeric_dtype(columns[name]):
                columns[name] = modelling_column(columns[name])
        with np.errstate(divide="ignore", invalid="ignore"):
            outcome = pd.Series(np.asarray(eval(expression, scope, columns)), index=frame.index)
    # The analyst's expression runs in `eval` alone, and NumPy and pandas raise in it whatever they like: all of it is
    # an error in the formula, told with its cause.
    except Exception as error:
        raise FormulaError(
            f"The outcome {expression!r} is neither a column nor an expression of columns ({error}); correct it."
        ) from None
    undefined = outcome.isna() & frame[columns_in(expression, frame.columns)].notna().all(axis="columns")
    if undefined.any():
        raise DataError(
            f"{expression!r} is not a number in {int(undefined.sum())} rows that have values: rows "
            f"{listing(frame.index[undefined])}. A logarithm or root needs positive values: decide what these "
            "rows mean before transforming them."
        )
    return outcome
