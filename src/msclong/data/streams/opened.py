"""Which data are read in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msclong.data.streams.source import Source


@contextmanager
def opened(data: Any) -> Iterator[Source | None]:
    """The source of parts that `data` is: a path of Parquet, a polars LazyFrame or a Dask DataFrame; else None."""
    source = _source(data)
    try:
        yield source
    finally:
        if source is not None:
            source.close()


def _source(data: Any) -> Source | None:
    if isinstance(data, (str, Path)):
        from msclong.data.streams.parquet import parquet_files

        return parquet_files(data)
    # By their names, so that neither package is imported for those who do not use it.
    package, name = type(data).__module__.partition(".")[0], type(data).__name__
    if package == "polars" and name == "LazyFrame":
        from msclong.data.streams.lazy_frame import LazyFrame

        return LazyFrame(data)
    if package in ("dask", "dask_expr") and name == "DataFrame":
        from msclong.data.streams.dask_frame import DaskFrame

        return DaskFrame(data)
    return None
