"""A reading prepared from a spec and a schema."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd
from patsy import DesignInfo, PatsyError, dmatrix

from msclong.data.streams.schema import Schema
from msclong.design.covariance_design import CovarianceDesign, build_covariance
from msclong.design.expansion import expansion
from msclong.design.expressions import columns_in
from msclong.design.row_wise import ENVIRONMENT
from msclong.design.streamed.columns import coded_columns, covariance_columns
from msclong.design.streamed.reading import Reading, columns_of_reader
from msclong.design.streamed.small_groups import SOLVED
from msclong.design.streamed.specimen import PLAUSIBLE, specimen
from msclong.errors import DataError, FormulaError, MsclongError, listing
from msclong.spec.model_spec import ModelSpec

KEYED = 50
"""A column of numbers with at most so many distinct values stands with them in the table of cells."""

CODES = frozenset(range(10))
"""Numbers that are codes where few are used, and no patient's own."""

SMALL = 50_000
"""Combinations of levels to which columns of numbers are added, each of which would else be averaged."""


def narrowed(spec: ModelSpec, schema: Schema, listed: Collection[str] | None = None) -> Schema:
    """The schema with the values of those numbers alone that stand in the table of cells.

    These are visits, arms, numbers that the formula makes a factor of, and others with few values: those that the
    covariance reads, and where `listed` is given those in it and codes of two or three values, else as many as leave
    the table small.
    """
    group = None if spec.parsed.structure is None else spec.parsed.structure.group
    factors = {schema.visit, schema.arm, group, *coded_columns(spec, list(schema.columns))}
    read = covariance_columns(spec, list(schema.columns))
    others = _fewest(schema, factors | set(read)) if listed is None else [*listed, *_codes(schema)]
    few = {*read, *others}
    columns = dict(schema.columns)
    for name, column in columns.items():
        if column.kind not in ("whole", "number"):
            continue
        if name in factors and column.levels is None:
            raise FormulaError(
                f"{name!r} has too many distinct numbers to be a factor; leave C() out, or group its values beforehand."
            )
        many = column.levels is not None and len(column.levels) > KEYED
        if name not in factors and (many or name not in few):
            columns[name] = replace(column, levels=None)
    return replace(schema, columns=columns)


def _codes(schema: Schema) -> list[str]:
    """Columns of numbers that are codes: yes and no, three grades. As numbers they would tell of few patients."""
    return [
        name
        for name, column in schema.columns.items()
        if column.kind == "whole"
        and column.levels
        and len(column.levels) <= SOLVED
        and set(column.levels) <= CODES
    ]


def _fewest(schema: Schema, listed: set[str | None]) -> list[str]:
    """Columns of numbers, those with fewest values first, that leave at most SMALL combinations of levels."""
    sizes = {name: len(column.levels) for name, column in schema.columns.items() if column.levels is not None}
    numbers = {
        name
        for name, column in schema.columns.items()
        if column.kind in ("whole", "number") and name not in listed
    }
    cells = float(np.prod([float(size) for name, size in sizes.items() if name not in numbers]))
    found = []
    for name in sorted(numbers & set(sizes), key=lambda name: sizes[name]):
        cells *= sizes[name]
        if cells > SMALL:
            break
        found.append(name)
    return found


def reading(spec: ModelSpec, schema: Schema, longest: int | None = None) -> Reading:
    """Prepare to read parts of a table.

    longest : observations of the subject that has most, once that is known: then the covariance is checked against it.
    """
    failed: MsclongError | None = None
    for number in PLAUSIBLE:
        most = 60 if longest is None else longest
        if longest is None and schema.visit is not None:
            most = len(schema.visits)
        table = specimen(schema, spec, most, number)
        try:
            return _reading(spec, schema, table)
        except (DataError, FormulaError) as error:
            failed = failed or error
    assert failed is not None
    raise failed


def _reading(spec: ModelSpec, schema: Schema, table: pd.DataFrame) -> Reading:
    info = _design_info(spec.parsed.fixed, table)
    covariance = build_covariance(spec.parsed, table, schema.visits, spec.weights)
    # Times that serve the order of visits alone are no part of the model.
    aside = {schema.time} - {schema.visit} - _read_by(info, covariance, table)
    read = [name for name in schema.columns if name not in aside]
    keys = tuple(name for name in read if schema.columns[name].levels is not None)
    averaged = tuple(name for name in read if schema.columns[name].levels is None)
    parts = expansion(info, keys, table.columns)
    if parts.levels_of_rows:
        raise FormulaError(
            f"{listing(parts.levels_of_rows)} makes a factor of a measured covariate inside the formula, and these "
            "data are read in parts. Make it a column of the table."
        )
    return Reading(spec, schema, table, info, covariance, keys, averaged, parts)


def _read_by(info: DesignInfo, covariance: CovarianceDesign, table: pd.DataFrame) -> set[str]:
    found = {column for reader in covariance.readers for column in columns_of_reader(reader)}
    for factor in info.factor_infos:
        found |= set(columns_in(factor.name(), table.columns))
    return found


def _design_info(formula: str, table: pd.DataFrame) -> DesignInfo:
    try:
        with np.errstate(all="ignore"):
            matrix = dmatrix(formula, table, eval_env=ENVIRONMENT, NA_action="raise")
    except PatsyError as error:
        told = str(error).partition("\n")[0]
        raise FormulaError(f"patsy cannot build the fixed part {formula!r}: {told}.") from None
    # Patsy evaluates the formula's calls and lets through whatever these raise.
    except Exception as error:
        told = str(error).partition("\n")[0]
        raise FormulaError(f"The fixed part {formula!r} cannot be evaluated: {told}.") from None
    if not np.isfinite(np.asarray(matrix)).all():
        raise DataError(
            f"The fixed part {formula!r} is infinite or undefined at levels of its variables (or, of "
            "measured covariates, at plausible values); correct the data or the transform."
        )
    return matrix.design_info
