"""Where the parts of a table come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from msclong.data.streams.chunk import ROW, Chunk, subject_keys
from msclong.data.streams.scan import Scan


class Source(Protocol):
    """A table that is read in parts, twice: for a look at it, then subject by subject.

    names : its columns. what : the source, in words. synthetic : what it says of itself, where its subjects are made
    up.
    """

    @property
    def what(self) -> str: ...

    @property
    def synthetic(self) -> str | None: ...

    @property
    def names(self) -> list[str]: ...

    def close(self) -> None:
        """Remove what was written for a time."""
        ...

    def scan(self, look: Callable[[Chunk], Scan], columns: list[str], subject: str) -> Scan:
        """The sum of what `look` finds in the parts, which are cut to `columns`."""
        ...

    def subjects[Found](
        self, worker: Callable[[], Callable[[Chunk], Found]], columns: list[str], subject: str
    ) -> Iterator[Found]:
        """What a worker makes of parts that hold all rows of each of their subjects, rows of one subject together.

        worker : makes one, which may be used for several parts, but not for two at a time.
        """
        ...


def runs(chunk: Chunk, subject: str) -> tuple[np.ndarray, np.ndarray]:
    """Where each run of rows of one subject starts in a chunk, and the key of its subject."""
    codes, keys = subject_keys(chunk, subject)
    starts = np.flatnonzero(np.diff(codes, prepend=-2))
    return starts, keys[codes[starts]]


def gathered(chunk: Chunk, subject: str) -> Chunk:
    """The chunk with the rows of each subject together, which keep their numbers."""
    import pyarrow as pa

    codes, _ = subject_keys(chunk, subject)
    steps = np.flatnonzero(np.diff(codes, prepend=-2))
    if len(steps) == len(np.unique(codes)):
        return chunk
    table = chunk.table
    if ROW not in table.column_names:
        table = table.append_column(ROW, pa.array(chunk.rows))
    return Chunk(table.take(np.argsort(codes, kind="stable")), categories=chunk.categories)
