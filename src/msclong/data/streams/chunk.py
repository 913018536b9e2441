"""A part of a table that is read in parts: arrow columns as codes and numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from msclong.errors import DataError, listing

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["text", "category", "number", "truth"]

ROW = "msclong row number"
"""The column of row numbers in parts that were written to disk again; no name that a table is likely to have."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive rows of a table.

    table : the columns that are read. first : the number of its first row in the whole table, which messages name.
    categories : the columns whose categories somebody put in an order (see `stated_categories`).
    """

    table: pa.Table
    first: int = 0
    categories: frozenset[str] = frozenset()
    _codes: dict[str, tuple[np.ndarray, list[Any]]] = field(default_factory=dict, init=False)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def rows(self) -> np.ndarray:
        """(N,) row numbers, from 0."""
        if ROW in self.table.column_names:
            return np.asarray(self.table.column(ROW))
        return np.arange(self.first, self.first + len(self))

    def kind(self, name: str) -> Kind:
        """What a column holds. Raises DataError for dates, lists and other types that no formula reads."""
        import pyarrow.types as is_type

        kind = self.table.schema.field(name).type
        if name in self.categories:
            return "category"
        if is_type.is_dictionary(kind):
            kind = kind.value_type
        if _is_text(kind) or is_type.is_null(kind):
            return "text" if _is_text(kind) else "number"
        if is_type.is_boolean(kind):
            return "truth"
        if is_type.is_integer(kind) or is_type.is_floating(kind) or is_type.is_decimal(kind):
            return "number"
        raise DataError(
            f"The column {name!r} holds {kind}, which a model cannot read. Convert it first: a date to a number with "
            "a unit, such as days since the first dose."
        )

    def integer(self, name: str) -> bool:
        """Whether a column holds whole numbers, all of them there."""
        import pyarrow.types as is_type

        column = self.table.column(name)
        return is_type.is_integer(column.type) and column.null_count == 0

    def floats(self, name: str) -> np.ndarray:
        """(N,) a column of numbers or truth values, NaN where missing."""
        import pyarrow as pa
        import pyarrow.types as is_type

        column = self.table.column(name)
        if is_type.is_null(column.type):
            return np.full(len(self), np.nan)
        if is_type.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if column.type != pa.float64():
            column = column.cast(pa.float64(), safe=False)
        return column.to_numpy()

    def coded(self, name: str) -> tuple[np.ndarray, list[Any]]:
        """(N,) codes into the distinct values of a column, -1 where missing, and these values.

        Categories stand in their order and may include unused ones; other values by appearance.
        """
        if name not in self._codes:
            self._codes[name] = self._coded(name)
        return self._codes[name]

    def _coded(self, name: str) -> tuple[np.ndarray, list[Any]]:
        import pyarrow.compute as pc
        import pyarrow.types as is_type

        column = self.table.column(name)
        if self.kind(name) == "number":
            # Of whole numbers no digit is lost.
            codes, values = pd.factorize(column.to_numpy() if self.integer(name) else self.floats(name))
            return codes, values.tolist()
        if not is_type.is_dictionary(column.type):
            column = pc.dictionary_encode(column)
        one = column.unify_dictionaries().combine_chunks()
        if not hasattr(one, "dictionary"):  # older arrow: chunked still
            one = one.chunk(0)
        codes = one.indices.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)
        values = one.dictionary.to_pylist()
        place = {value: i for i, value in enumerate(dict.fromkeys(v for v in values if v is not None))}
        if len(place) < len(values):  # arrow lets a dictionary name a value twice, or hold a missing one
            codes = np.array([*(place.get(value, -1) for value in values), -1])[codes]
        return codes, list(place)

    def part(self, start: int, stop: int) -> Chunk:
        """The rows from `start` to before `stop`."""
        return Chunk(self.table.slice(start, stop - start), self.first + start, self.categories)

    def frame(self, columns: Mapping[str, Any] | list[str]) -> pd.DataFrame:
        """Some columns as a pandas table with row numbers for labels: for messages, and for expressions."""
        return self.table.select(list(columns)).to_pandas().set_axis(self.rows, axis="index")


def stated_categories(schema: pa.Schema) -> frozenset[str]:
    """The columns whose categories somebody put in an order: ordered ones, and any that pandas wrote.

    Arrow and polars number the values of an unordered dictionary by appearance, which says nothing.
    """
    import pyarrow.types as is_type

    by_pandas = b"pandas" in (schema.metadata or {})
    return frozenset(
        field.name
        for field in schema
        if is_type.is_dictionary(field.type) and (field.type.ordered or by_pandas)
    )


def common_type(types: Collection[pa.DataType]) -> pa.DataType:
    """The type of the values of a column that parts store differently: numbers, or text."""
    import pyarrow as pa
    import pyarrow.types as is_type

    values = {kind.value_type if is_type.is_dictionary(kind) else kind for kind in types}
    values = {kind for kind in values if not is_type.is_null(kind)}
    if len(values) == 1:
        return values.pop()
    if all(map(_is_text, values)):
        return pa.large_string()
    whole = all(map(is_type.is_integer, values)) and pa.uint64() not in values
    return pa.int64() if whole else pa.float64()


def cast_to(table: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    """The table with some columns in other types. Raises DataError where a value cannot be held."""
    import pyarrow as pa
    import pyarrow.types as is_type

    for name, kind in types.items():
        i, column = table.column_names.index(name), table.column(name)
        try:
            if is_type.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            table = table.set_column(i, name, column.cast(kind))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"The column {name!r} is stored as other types in other files, and cannot be read as {kind}: {error}. "
                "Store it as one type in all of them."
            ) from None
    return table


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as is_type

    return bool(is_type.is_string(kind) or is_type.is_large_string(kind) or is_type.is_string_view(kind))


def decoded(table: pa.Table, name: str) -> pa.Table:
    """The table with a column of categories as their values.

    Of subjects: each part of a table would else carry the categories of the whole, and be as slow as the whole.
    """
    import pyarrow.types as is_type

    kind = table.schema.field(name).type
    if not is_type.is_dictionary(kind):
        return table
    values = table.column(name).cast(kind.value_type)
    return table.set_column(table.column_names.index(name), name, values)


def subject_keys(chunk: Chunk, subject: str) -> tuple[np.ndarray, np.ndarray]:
    """(N,) codes of the subjects of a chunk, and a 64-bit key of each code: itself where it is a whole number.

    Keys of text are hashes: equal subjects have equal keys everywhere, and different ones all but always different
    ones. Who relies on different keys must be right where two of them are equal by chance.
    Raises DataError for rows without a subject.
    """
    kind = chunk.kind(subject)
    if kind == "number" and chunk.integer(subject):
        codes, values = pd.factorize(chunk.table.column(subject).to_numpy())
        return codes, values.astype(np.int64).view(np.uint64)
    codes, named = chunk.coded(subject) if kind == "number" else _coded_runs(chunk, subject)
    lacking = codes < 0
    if kind != "number":
        lacking |= np.append(_blank(named), False)[codes]
    if lacking.any():
        raise DataError(
            f"The subject column {subject!r} is missing or blank in rows {listing(chunk.rows[lacking])} (counted from "
            "0). Fill in the subject or remove these rows."
        )
    if kind != "number":
        return codes, pd.util.hash_array(_objects(named), categorize=False)
    numbers = np.array(named, dtype=float)
    whole = (numbers == np.round(numbers)) & (np.abs(numbers) < 2**63)
    # Number by number: the key of one may not depend on others in its part.
    return codes, np.where(
        whole, np.where(whole, numbers, 0).astype(np.int64).view(np.uint64), numbers.view(np.uint64)
    )


def first_of_runs(chunk: Chunk, name: str) -> np.ndarray:
    """(N,) whether a row has another value than the one before."""
    import pyarrow.compute as pc

    column = decoded(chunk.table, name).column(name)
    first = np.ones(len(column), dtype=bool)
    first[1:] = pc.fill_null(pc.not_equal(column[1:], column[:-1]), True).to_numpy()
    return first


def _coded_runs(chunk: Chunk, name: str) -> tuple[np.ndarray, pa.Array]:
    """As `Chunk.coded`, of values that are used; each run of rows of one value is looked up once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = decoded(chunk.table, name).column(name)
    starts = np.flatnonzero(first_of_runs(chunk, name))
    runs = pc.dictionary_encode(pa.concat_arrays(column.take(starts).chunks))
    codes = runs.indices.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)
    return np.repeat(codes, np.diff(starts, append=len(column))), runs.dictionary


def _blank(named: pa.Array) -> np.ndarray:
    """(n,) which values are text without a letter."""
    import pyarrow.compute as pc

    if not _is_text(named.type):
        return np.zeros(len(named), dtype=bool)
    return pc.or_(pc.equal(pc.binary_length(named), 0), pc.utf8_is_space(named)).to_numpy(
        zero_copy_only=False
    )


def _objects(named: pa.Array) -> np.ndarray:
    found = np.empty(len(named), dtype=object)
    found[:] = named.to_numpy(zero_copy_only=False)
    return found
