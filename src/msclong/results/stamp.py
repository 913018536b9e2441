"""The mark of synthetic data on every table that is computed from them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Protocol

import pandas as pd

from msclong.data.marks import SYNTHETIC


class Marked(Protocol):
    """Results that know whether their data are synthetic."""

    @property
    def synthetic(self) -> str | None: ...


def stamped[Results: Marked, **Asked](
    method: Callable[Concatenate[Results, Asked], pd.DataFrame],
) -> Callable[Concatenate[Results, Asked], pd.DataFrame]:
    """The method, its table with attrs["synthetic"] where the data have it."""

    @wraps(method)
    def table(results: Results, *args: Asked.args, **kwargs: Asked.kwargs) -> pd.DataFrame:
        found = method(results, *args, **kwargs)
        if results.synthetic is not None:
            found.attrs[SYNTHETIC] = results.synthetic
        return found

    return table
