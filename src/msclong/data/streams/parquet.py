"""Parquet files as a table that is read in parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from msclong.data.marks import SYNTHETIC
from msclong.data.streams.ahead import ahead
from msclong.data.streams.chunk import (
    ROW,
    Chunk,
    cast_to,
    common_type,
    decoded,
    stated_categories,
    subject_keys,
)
from msclong.data.streams.partitions import partition_keys
from msclong.data.streams.scan import Scan
from msclong.data.streams.source import gathered, runs
from msclong.errors import DataError, listing

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS = 500_000
"""Rows of a part."""


class ParquetFiles:
    """Parquet files with the same columns, whose rows follow on each other.

    Rows of one subject that stand together are read where they are, also across the ends of parts and files. Where a
    subject's rows stand apart, the columns that are needed are written once more to temporary files, in which they
    stand together.
    """

    def __init__(self, paths: Sequence[Path], below: Path, what: str, directory: Path | None = None) -> None:
        """below : the folder of all. directory : for temporary files; None: the system's."""
        self.paths = list(paths)
        self.what = what
        self._directory = directory
        self._together = True
        self._n_rows = 0
        self._typed: list[pa.Schema] = []
        self._schema = self._checked()[0]
        self._folders = partition_keys(self.paths, below, self._schema.names)
        # Where pandas keeps a table's attrs, of which this is one.
        attrs = json.loads((self._schema.metadata or {}).get(b"PANDAS_ATTRS", b"{}"))
        self.synthetic: str | None = attrs.get(SYNTHETIC)

    @property
    def names(self) -> list[str]:
        return [*self._schema.names, *self._folders[0]]

    def _checked(self) -> list[pa.Schema]:
        """The columns of each file. Raises DataError for a file that is not Parquet, or has other columns."""
        schemas: list[pa.Schema] = []
        for path in self.paths:
            with _readable(path) as file:
                found = file.schema_arrow
                # A file without rows says nothing of types: pandas writes its text as numbers.
                if file.metadata.num_rows or len(self.paths) == 1:
                    self._typed.append(found)
            schemas.append(found)
            if other := set(found.names) ^ set(schemas[0].names):
                raise DataError(
                    f"{path.name} has other columns than {self.paths[0].name}: {listing(sorted(other))}. Files of one "
                    "folder are one table; move others elsewhere."
                )
        names = schemas[0].names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(
                f"The table has more than one column named {listing(twice)}. Rename or drop all but one of each."
            )
        return schemas

    def _types(self, columns: list[str]) -> dict[str, pa.DataType]:
        """One type for each of the columns whose types differ between files."""
        types = {
            name: {schema.field(name).type for schema in self._typed}
            for name in columns
            if name not in self._folders[0]
        }
        return {name: common_type(found) for name, found in types.items() if len(found) > 1}

    def chunks(
        self, columns: list[str], subject: str, types: Mapping[str, pa.DataType] | None = None
    ) -> Iterator[Chunk]:
        """The rows in their order, in parts, each read while the one before is looked at.

        types : what columns are cast to; others stay as they are stored.
        """
        return ahead(self._chunks(columns, subject, types))

    def _chunks(
        self, columns: list[str], subject: str, types: Mapping[str, pa.DataType] | None
    ) -> Iterator[Chunk]:
        import pyarrow as pa

        first, stored = 0, [name for name in columns if name not in self._folders[0]]
        for path, keys in zip(self.paths, self._folders, strict=True):
            with _readable(path) as file:
                stated = stated_categories(file.schema_arrow)
                for batch in file.iter_batches(batch_size=ROWS, columns=stored):
                    if batch.num_rows:
                        table = pa.Table.from_batches([batch])
                        for name, value in keys.items():
                            table = table.append_column(name, pa.repeat(value, len(table)))
                        table = cast_to(decoded(table.select(columns), subject), types or {})
                        yield Chunk(table, first, stated & set(columns) - {subject, *(types or {})})
                        first += batch.num_rows

    def close(self) -> None:
        """Nothing is left."""

    def scan(self, look: Callable[[Chunk], Scan], columns: list[str], subject: str) -> Scan:
        last, starts, found = None, [], None
        for chunk in self.chunks(columns, subject):
            keys = runs(chunk, subject)[1]
            starts.append(keys[1:] if last is not None and keys[0] == last else keys)
            last = keys[-1]
            one = look(chunk)
            found = one if found is None else found + one
        if found is None:
            return Scan(0, 0, {}, {})
        every = np.sort(np.concatenate(starts))
        # Two subjects of one key seem to be one that stands apart, which costs time and nothing else.
        self._together = not bool((every[1:] == every[:-1]).any())
        self._n_rows = found.n_rows
        return found

    def subjects[Found](
        self, worker: Callable[[], Callable[[Chunk], Found]], columns: list[str], subject: str
    ) -> Iterator[Found]:
        work = worker()
        if self._together:
            yield from map(work, self._as_they_stand(columns, subject))
            return
        import pyarrow.parquet as pq

        with TemporaryDirectory(prefix="msclong-", dir=self._directory) as folder:
            for path in self._gathered(Path(folder), columns, subject):
                yield work(gathered(Chunk(pq.read_table(path)), subject))

    def _as_they_stand(self, columns: list[str], subject: str) -> Iterator[Chunk]:
        """Parts that end where a subject ends: what is left of one begins the next."""
        import pyarrow as pa

        held: Chunk | None = None
        for chunk in self.chunks(columns, subject, self._types(columns)):
            if held is not None:
                both = pa.concat_tables([held.table, chunk.table])
                chunk = Chunk(both, held.first, chunk.categories)
            end = int(runs(chunk, subject)[0][-1])
            if end:
                yield chunk.part(0, end)
            held = chunk.part(end, len(chunk))
        if held is not None:
            yield held

    def _gathered(self, folder: Path, columns: list[str], subject: str) -> list[Path]:
        """Files that hold whole subjects, by their keys."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        n = max(1, -(-self._n_rows // ROWS))
        writers: dict[int, pq.ParquetWriter] = {}
        try:
            for chunk in self.chunks(columns, subject, self._types(columns)):
                codes, keys = subject_keys(chunk, subject)
                # Multiplied, so that numbered subjects spread over the files whatever their step.
                home = ((keys * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)) % np.uint64(n)
                table = chunk.table.append_column(ROW, pa.array(chunk.rows))
                where = home[codes]
                order = np.argsort(where, kind="stable")
                sorted_table, ends = table.take(order), np.searchsorted(where[order], np.arange(n + 1))
                for i in np.flatnonzero(np.diff(ends)).tolist():
                    if i not in writers:
                        writers[i] = pq.ParquetWriter(folder / f"{i}.parquet", sorted_table.schema)
                    writers[i].write_table(sorted_table.slice(ends[i], ends[i + 1] - ends[i]))
        finally:
            for writer in writers.values():
                writer.close()
        return [folder / f"{i}.parquet" for i in sorted(writers)]


@contextmanager
def _readable(path: Path) -> Iterator[pq.ParquetFile]:
    """A file that is read; raises DataError where Parquet cannot read it, at its end or amid its rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(
            f"{path} cannot be read as a Parquet file: {' '.join(str(error).split()).rstrip('.')}. If it is one, it is "
            "damaged or was not written to its end: write it again."
        ) from None


def parquet_files(path: str | Path, directory: Path | None = None) -> ParquetFiles:
    """A Parquet file, or all those in a folder and below it, in the order of their names.

    Raises DataError where there are none.
    """
    if not str(path).strip():
        raise DataError(f"{path!r} is no path. Give that of a Parquet file, or of a folder of them.")
    place = Path(path)
    if place.is_dir():
        found = sorted(
            file
            for file in place.rglob("*.parquet")
            if file.is_file()
            and not any(part.startswith((".", "_")) for part in file.relative_to(place).parts)
        )
        if not found:
            raise DataError(f"The folder {place} has no file *.parquet.")
        return ParquetFiles(found, place, f"the {len(found)} Parquet files of {place.name}", directory)
    if not place.exists():
        raise DataError(f"There is no file {place}.")
    return ParquetFiles([place], place.parent, f"the Parquet file {place.name}", directory)
