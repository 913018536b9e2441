"""From a source of parts to a design: a look at all rows for levels, then the sums subject by subject."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from msclong.data.streams.chunk import Chunk
from msclong.data.streams.scan import Scan, scan
from msclong.data.streams.schema import Schema, schema_of_scan
from msclong.data.streams.source import Source
from msclong.design.streamed.chunk_sums import tally_of
from msclong.design.streamed.columns import columns_of, outcome_columns
from msclong.design.streamed.prepared import narrowed, reading
from msclong.design.streamed.reading import outcome_of
from msclong.design.streamed.streamed_design import StreamedDesign, streamed_design
from msclong.design.streamed.tally import Tally, sum_of
from msclong.spec.model_spec import ModelSpec


def read_schema(spec: ModelSpec, source: Source, listed: Collection[str] | None = None) -> Schema:
    """What the parts of a source have in common, by a pass over them. Raises as LongData does.

    listed : of numbers, see `narrowed`.
    """
    columns = columns_of(spec, source.names)
    wanted = list(dict.fromkeys([spec.subject, *outcome_columns(spec, source.names), *columns]))
    visit, time = spec.visit_column, spec.time or spec.parsed.time
    timed = visit is not None and time is not None and time != visit

    def look(chunk: Chunk) -> Scan:
        times: Any = (visit, time) if timed else None
        return scan(chunk, outcome_of(spec, chunk), columns, times, spec.subject)

    found = source.scan(look, wanted, spec.subject)
    schema = schema_of_scan(
        found,
        spec.parsed.outcome,
        visit,
        time,
        spec.arm,
        spec.baseline if visit is not None else None,
        spec.visit_order,
    )
    return narrowed(spec, schema, listed)


def read_tally(spec: ModelSpec, schema: Schema, source: Source) -> Tally:
    """The sums of a source whose levels are those of a schema, by a pass over it, subject by subject."""
    columns = list(dict.fromkeys([spec.subject, *outcome_columns(spec, source.names), *schema.columns]))
    return sum_of(source.subjects(partial(_worker, spec, schema), columns, spec.subject))


def _worker(spec: ModelSpec, schema: Schema) -> Callable[[Chunk], Tally]:
    read = reading(spec, schema)
    return lambda chunk: tally_of(read.rows(chunk))


def design_of_source(spec: ModelSpec, source: Source) -> StreamedDesign:
    """The design of a source, by two passes over it. Raises as building that of the same table in memory does."""
    schema = read_schema(spec, source)
    tally = read_tally(spec, schema, source)
    return streamed_design(spec, schema, tally, notes_of(schema, tally, source.what), source.synthetic)


def notes_of(schema: Schema, tally: Tally, what: str) -> tuple[str, ...]:
    """What a fit of sums tells: the notes of the schema, who was never observed, what was read and how."""
    notes = list(schema.notes)
    if tally.never:
        more = tally.never - len(tally.never_named)
        named = ", ".join((*tally.never_named, *([f"... ({more} more)"] if more else [])))
        notes.append(
            f"{tally.never} of {tally.never + tally.n_subjects} subjects have no observed outcome: {named}."
        )
    return (
        *notes,
        f"{what[:1].upper()}{what[1:]} was read in parts, of which sums were kept: residuals, random effects, "
        "predictions of observed rows, sandwich errors and influence need a table in memory.",
    )
