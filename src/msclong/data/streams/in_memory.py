"""A table in memory as a source of parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.marks import synthetic
from msclong.data.streams.chunk import Chunk, stated_categories
from msclong.data.streams.parquet import ROWS
from msclong.data.streams.scan import Scan
from msclong.data.streams.source import gathered, runs
from msclong.data.tables import to_pandas
from msclong.errors import DataError


def chunk_of(frame: pd.DataFrame, columns: list[str]) -> Chunk:
    """Some columns of a pandas table as one part. Raises DataError for a column of mixed values."""
    import pyarrow as pa

    try:
        table = pa.Table.from_pandas(frame[columns], preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"The table has a column of mixed values: {error}. Make each column numbers or text."
        ) from None
    return Chunk(table, categories=stated_categories(table.schema))


class TableInMemory:
    """A pandas table, or what `to_pandas` reads."""

    def __init__(self, data: Any) -> None:
        self._frame = to_pandas(data)
        self.what = "the table"
        self.synthetic = synthetic(self._frame)

    @property
    def names(self) -> list[str]:
        return [str(name) for name in self._frame.columns]

    def close(self) -> None:
        """Nothing is left."""

    def scan(self, look: Callable[[Chunk], Scan], columns: list[str], subject: str) -> Scan:
        return look(chunk_of(self._frame, columns))

    def subjects[Found](
        self, worker: Callable[[], Callable[[Chunk], Found]], columns: list[str], subject: str
    ) -> Iterator[Found]:
        whole, work = gathered(chunk_of(self._frame, columns), subject), worker()
        starts = runs(whole, subject)[0]
        after = np.searchsorted(starts, np.arange(ROWS, len(whole), ROWS))
        edges = np.unique([0, *starts[after[after < len(starts)]], len(whole)]).tolist()
        for start, end in pairwise(edges):
            yield work(whole.part(start, end))
