"""What every table of results carries: the mark of synthetic data, and the facts that a notebook prints below it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Protocol

import pandas as pd

from msclong.data.marks import SYNTHETIC
from msclong.results.result_table import ResultTable


class Marked(Protocol):
    """Results that know whether their data are synthetic."""

    @property
    def synthetic(self) -> str | None: ...


def stamp[Table: (pd.DataFrame, pd.Series)](table: Table, results: Marked) -> Table:
    """The table, with attrs["synthetic"] where the data of the results have it; a DataFrame as a ResultTable.

    The attrs of the table that was given are marked too.
    """
    if results.synthetic is not None:
        table.attrs[SYNTHETIC] = results.synthetic
    if isinstance(table, pd.DataFrame):
        return ResultTable.of(table, getattr(results, "facts", {}))
    return table


def stamped[Results: Marked, **Asked, Table: (pd.DataFrame, pd.Series)](
    method: Callable[Concatenate[Results, Asked], Table],
) -> Callable[Concatenate[Results, Asked], Table]:
    """The method, its table by `stamp`."""

    @wraps(method)
    def table(results: Results, *args: Asked.args, **kwargs: Asked.kwargs) -> Table:
        return stamp(method(results, *args, **kwargs), results)

    return table
