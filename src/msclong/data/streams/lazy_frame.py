"""A polars LazyFrame as a source of parts: its query runs once, in polars' streaming engine, into a temporary file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msclong.data.streams.chunk import Chunk
from msclong.data.streams.parquet import ParquetFiles, parquet_files
from msclong.data.streams.scan import Scan
from msclong.errors import DataError


class LazyFrame:
    """Whatever a LazyFrame reads and computes, of which the columns that are needed are written to a temporary file."""

    what = "the polars LazyFrame"
    synthetic = None

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._folder = TemporaryDirectory(prefix="msclong-", ignore_cleanup_errors=True)
        self._written: tuple[list[str], ParquetFiles] | None = None

    @property
    def names(self) -> list[str]:
        with _told():
            return list(self._frame.collect_schema().names())

    def close(self) -> None:
        self._folder.cleanup()

    def _files(self, columns: list[str]) -> ParquetFiles:
        if self._written is None or not set(columns) <= set(self._written[0]):
            path = Path(self._folder.name) / "rows.parquet"
            with _told():
                self._frame.select(columns).sink_parquet(path)
            self._written = (columns, parquet_files(path))
        return self._written[1]

    def scan(self, look: Callable[[Chunk], Scan], columns: list[str], subject: str) -> Scan:
        return self._files(columns).scan(look, columns, subject)

    def subjects[Found](
        self, worker: Callable[[], Callable[[Chunk], Found]], columns: list[str], subject: str
    ) -> Iterator[Found]:
        return self._files(columns).subjects(worker, columns, subject)


@contextmanager
def _told() -> Iterator[None]:
    """Raise DataError for what polars raises of a query."""
    from polars.exceptions import PolarsError

    try:
        yield
    except (PolarsError, OSError) as error:
        raise DataError(
            f"The query of the polars LazyFrame fails: {str(error).strip().partition(chr(10))[0]}. Try it with "
            ".collect(engine='streaming'), on its head if it is large."
        ) from error
