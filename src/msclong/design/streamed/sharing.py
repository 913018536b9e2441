"""What a site computes of its table for a fit elsewhere, and the schema that all sites use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from msclong.data.long_data import LongData
from msclong.data.streams.chunk import Chunk
from msclong.data.streams.in_memory import TableInMemory
from msclong.data.streams.opened import opened
from msclong.data.streams.scan import Scan, kind_of_subject
from msclong.data.streams.schema import Schema
from msclong.data.streams.source import Source
from msclong.design.streamed.chunk_sums import tally_of
from msclong.design.streamed.columns import columns_of, outcome_columns
from msclong.design.streamed.prepared import reading
from msclong.design.streamed.shared_moments import SharedMoments, Site, reads_of, without_rows
from msclong.design.streamed.small_groups import (
    Group,
    Members,
    counted,
    crowded,
    merged,
    refuse,
    telling,
    without,
)
from msclong.design.streamed.stream import read_schema
from msclong.design.streamed.tally import Tally, sum_of
from msclong.errors import DataError, FormulaError, SpecError, listing
from msclong.spec.model_spec import ModelSpec


def schema_of(spec: ModelSpec | str, data: Any, listed: Collection[str] = ()) -> Schema:
    """What a table's parts, or hospitals, must agree on: levels, visits in order, arms; it names no patient.

    Parameters
    ----------
    spec : ModelSpec or str
    data : as for `fit`; one site's table, or a small one made up for the purpose, with all levels
        Of several sites' schemas, `a | b` has the levels of both.
    listed : numeric covariates whose values are listed, at most 50 of them
        A dose, or a time that the mean alone reads. The values of other covariates are patients' own, and stay where
        they are: sums are made of them. What tells visits, arms, factors and random slopes is listed in any case, and
        so are codes: two or three whole numbers from 0 to 9. Levels that one patient has are listed too, and with
        time= the median time of each visit.

    Raises as `fit` does of the same table, and FormulaError for formulas that need other rows than their own.

    Examples
    --------
    >>> import msclong as ml
    >>> spec = ml.ModelSpec("change ~ basval + TRT * week + us(week | PATIENT)", arm="TRT")
    >>> ml.schema_of(spec, ml.datasets.hamd17()).arms
    ('1', '2')
    """
    spec = spec if isinstance(spec, ModelSpec) else ModelSpec(spec)
    if isinstance(listed, str) or not isinstance(listed, Collection):
        raise SpecError(f"listed is a list of columns; got {listed!r}. Write listed=['dose'].")
    with opened(data) as source:
        schema = read_schema(spec, source or _table(data), listed)
    for name in listed:
        if name not in schema.columns or schema.columns[name].levels is None:
            raise SpecError(
                f"listed names {name!r}, which is no column of the model with at most 50 distinct values."
            )
    return schema


def cross_moments(
    spec: ModelSpec | str,
    data: Any,
    schema: Schema | None = None,
    *,
    site: str = "site",
    minimum_count: int = 5,
    leave_out: bool = False,
) -> SharedMoments:
    """The sums of one hospital's patients, for a fit of all hospitals' that sees no patient's row.

    ml.fit(spec, a + b) is the fit of the pooled table, digit for digit but for rounding.

    Parameters
    ----------
    spec : ModelSpec or str
        A Gaussian model with one grouping, whose formula reads rows one at a time.
    data : as for `fit`
    schema : Schema
        What all sites agreed on; None: that of this table.
    site : a name for the hospital, which the pooled fit notes
    minimum_count : patients that were seen at the same visits with the same levels of everything the schema lists
        Sums are made of no smaller group; nor of one in which a covariate or the outcome sets fewer patients apart, by
        one value in half of it or more and others in the rest, or by a value among two or three; nor of a set of
        visits whose patients are not so many more than the rows of the square root that is sent. 1 allows all.
        The usual rules of statistical disclosure control (Hundepool et al. 2012, Statistical Disclosure Control); no
        proof that nothing is told.
    leave_out : bool
        Leave the patients of such groups out, count them, and have the pooled fit say so.

    Raises
    ------
    DataError
        Groups whose sums would tell of fewer than `minimum_count` patients, with a list that should stay at the site;
        values that the schema does not list; and what `fit` refuses of a table.

    Examples
    --------
    >>> import msclong as ml
    >>> trial = ml.datasets.hamd17().astype({"week": int})
    >>> spec = ml.ModelSpec("change ~ basval + TRT * C(week) + us(week | PATIENT)", arm="TRT")
    >>> schema = ml.schema_of(spec, trial)
    >>> first = trial["PATIENT"].astype(int) < 2000
    >>> sums = [
    ...     ml.cross_moments(spec, trial[rows], schema, site=name, leave_out=True)
    ...     for rows, name in ((first, "A"), (~first, "B"))
    ... ]
    >>> ml.fit(spec, sums[0] + sums[1]).n_subjects == sums[0].n_subjects + sums[1].n_subjects
    True
    """
    spec = spec if isinstance(spec, ModelSpec) else ModelSpec(spec)
    if isinstance(minimum_count, bool) or not isinstance(minimum_count, int) or minimum_count < 1:
        raise SpecError(f"minimum_count is a number of patients, at least 1; got {minimum_count!r}.")
    if not isinstance(site, str) or not site.strip():
        raise SpecError(f"site is a name; got {site!r}.")
    if schema is not None and not isinstance(schema, Schema):
        raise SpecError(
            f"schema is an ml.Schema; got {schema!r}. Read a saved one with ml.Schema.load(path)."
        )
    with opened(data) as source:
        return _summed(spec, source or _table(data), schema, site, minimum_count, leave_out)


def _table(data: Any) -> Source:
    return TableInMemory(data.frame if isinstance(data, LongData) else data)


def _summed(
    spec: ModelSpec, source: Source, schema: Schema | None, site: str, minimum_count: int, leave_out: bool
) -> SharedMoments:
    wanted = columns_of(spec, source.names)
    if schema is None:
        schema = read_schema(spec, source, ())
    if lacking := [name for name in wanted if name not in schema.columns]:
        raise FormulaError(
            f"The schema lacks {listing(lacking)}, which the model reads; make it with this spec."
        )
    # What other models read besides would only make groups smaller.
    schema = replace(schema, columns={name: schema.columns[name] for name in wanted})
    columns = list(dict.fromkeys([spec.subject, *outcome_columns(spec, source.names), *wanted]))
    read = reading(spec, schema)
    # The schema is given, and so all there is to find is whether the rows of each subject stand together.
    source.scan(partial(_arranged, spec.subject), columns, spec.subject)
    counters = source.subjects(partial(_counter, spec, schema, minimum_count), columns, spec.subject)
    found = merged(counters, minimum_count)
    if not found:
        raise DataError(
            f"No patient has an observed {read.names[-1]!r}. Check the filter that made the table."
        )
    gone = telling(read, found, minimum_count)
    if len(gone) < len(found):
        shared = _sums(spec, schema, source, columns, gone)
        # The sums themselves tell of which patterns there are too few patients.
        short = crowded(read, found.keys() - gone.keys(), shared.moments, minimum_count)
        gone |= short
    if not leave_out:
        refuse(gone, found, minimum_count)
    if len(gone) == len(found):
        n = sum(members.n for members in found.values())
        raise DataError(
            f"No patient is left: of all {n}, sums would tell of fewer than {minimum_count}. List fewer levels, "
            "or leave covariates out."
        )
    if short:
        shared = _sums(spec, schema, source, columns, gone)
    left_out = sum(found[group].n for group in gone)
    told = Site(site, shared.n_subjects, shared.n_obs, minimum_count, left_out)
    return SharedMoments(schema, read.names, reads_of(read), (told,), source.synthetic, shared)


def _sums(
    spec: ModelSpec, schema: Schema, source: Source, columns: list[str], gone: Mapping[Group, str]
) -> Tally:
    parts = source.subjects(partial(_summer, spec, schema, set(gone)), columns, spec.subject)
    return without_rows(sum_of(parts))


def _arranged(subject: str, chunk: Chunk) -> Scan:
    return Scan(len(chunk), 0, {}, subject=kind_of_subject(chunk, subject))


def _counter(spec: ModelSpec, schema: Schema, minimum_count: int) -> Callable[[Chunk], dict[Group, Members]]:
    read = reading(spec, schema)
    return lambda chunk: counted(read.rows(chunk), minimum_count)


def _summer(spec: ModelSpec, schema: Schema, left_out: set[Group]) -> Callable[[Chunk], Tally]:
    read = reading(spec, schema)
    return lambda chunk: tally_of(without(read.rows(chunk), left_out))
