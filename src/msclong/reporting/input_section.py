"""What a command line read: the last section of its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from msclong.data.files import remarks
from msclong.printing import numbers
from msclong.reporting.numbering import numbered
from msclong.reporting.record import Bullets, Cell, Code, Column, Paragraph, Row, Section, Table
from msclong.reporting.report import Report


def with_input(report: Report, table: pd.DataFrame, command: str, arms: Sequence[str] = ()) -> Report:
    """The report with a section on the columns as they were read from their file, and the command that wrote it.

    arms : of the models that were fitted, as `arms_of` tells them.
    """
    told = [
        *(f"Arms, and their subjects with an outcome: {found}." for found in arms),
        *remarks(table),
    ]
    stamp = next((found.stamp for found in report.tables if found.stamp), "")
    section = Section(
        "input",
        "Data as they were read",
        (
            Paragraph(
                "Files in which columns have no type are read by rule: a column of numbers is numeric, all else is "
                "text, whose levels stand in the order of the alphabet unless another is stated."
            ),
            replace(columns_read(table), stamp=stamp),
            *([Bullets(tuple(told))] if told else []),
            Paragraph("This report was written by:", role="note"),
            Code(command, "sh"),
        ),
    )
    return replace(report, sections=numbered([*report.sections, section]))


def columns_read(table: pd.DataFrame) -> Table:
    """Each column: its type as read, its values (range, or first levels), and how many are missing."""
    columns = (
        Column("Column"),
        Column("Read as"),
        Column("Values", kind="prose"),
        Column("Missing", kind="number"),
    )
    rows = []
    for name, column in table.items():
        missing = int(column.isna().sum())
        values = Cell(_values(column))
        cells = (Cell(str(name)), Cell(_kind(column)), values, Cell(numbers.count(missing), missing))
        rows.append(Row(cells))
    caption = f"The {table.shape[1]} columns of {table.attrs.get('source', 'the file')}, {len(table):,} rows."
    return Table("input", caption, columns, tuple(rows))


def _kind(column: pd.Series) -> str:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "ordered levels" if dtype.ordered else "levels"
    if pd.api.types.is_bool_dtype(dtype):
        return "yes or no"
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    return "date" if pd.api.types.is_datetime64_any_dtype(dtype) else "text"


def _values(column: pd.Series) -> str:
    kind, given = _kind(column), column.dropna()
    if given.empty:
        return ""
    if kind == "number":
        return f"{numbers.stated(float(given.min()))} to {numbers.stated(float(given.max()))}"
    if kind == "date":
        return f"{given.min():%Y-%m-%d} to {given.max():%Y-%m-%d}"
    levels = column.cat.categories if kind.endswith("levels") else pd.unique(given)
    shown = ", ".join(map(str, levels[:4]))
    return shown if len(levels) <= 4 else f"{shown}, … ({len(levels)} in all)"
