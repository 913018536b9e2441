"""A Dask DataFrame as a source of parts: each partition is summed where it is, and the sums travel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.streams.chunk import Chunk, subject_keys
from msclong.data.streams.in_memory import chunk_of
from msclong.data.streams.scan import Scan
from msclong.data.streams.source import gathered


class DaskFrame:
    """A Dask DataFrame. Where the rows of one subject lie in several partitions, Dask shuffles them by subject."""

    what = "the Dask DataFrame"
    synthetic = None

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._together = True

    @property
    def names(self) -> list[str]:
        return [str(name) for name in self._frame.columns]

    def close(self) -> None:
        """Nothing is left."""

    def scan(self, look: Callable[[Chunk], Scan], columns: list[str], subject: str) -> Scan:
        from dask.base import compute
        from dask.delayed import delayed

        def one(part: pd.DataFrame) -> tuple[Scan, np.ndarray] | None:
            if part.empty:
                return None
            chunk = chunk_of(part, columns)
            return look(chunk), np.unique(subject_keys(chunk, subject)[1])

        parts = [delayed(one)(part) for part in self._frame[columns].to_delayed()]
        found = [result for result in compute(*parts) if result is not None]
        if not found:
            return Scan(0, 0, {}, {})
        every = np.sort(np.concatenate([keys for _, keys in found]))
        # Two subjects of one key seem to be one that is split, which costs time and nothing else.
        self._together = not bool((every[1:] == every[:-1]).any())
        return reduce(add, [scan for scan, _ in found])

    def subjects[Found](
        self, worker: Callable[[], Callable[[Chunk], Found]], columns: list[str], subject: str
    ) -> Iterator[Found]:
        from dask.base import compute
        from dask.delayed import delayed

        def one(part: pd.DataFrame) -> Found | None:
            return None if part.empty else worker()(gathered(chunk_of(part, columns), subject))

        frame = self._frame[columns]
        if not self._together:
            frame = frame.shuffle(on=subject)
        for found in compute(*[delayed(one)(part) for part in frame.to_delayed()]):
            if found is not None:
                yield found
