"""CDISC Dataset-JSON: version 1.0 (nested by itemGroupData) and 1.1, as JSON or as NDJSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd

from msclong.errors import DataError, listing

SEQUENCE = "ITEMGROUPDATASEQ"
"""The record number that version 1.0 puts before the variables."""

DAY_ZERO = pd.Timestamp("1960-01-01")
"""SAS counts days and seconds from here."""

DATES = re.compile(r"(DATE|YYMMDD|MMDDYY|DDMMYY|E8601DA|B8601DA|IS8601DA)[A-Z]?\d*\.?\d*", re.IGNORECASE)
"""SAS formats that show a number of days as a date."""

DATETIMES = re.compile(r"(DATETIME|E8601DT|B8601DT|IS8601DT)\d*\.?\d*", re.IGNORECASE)
"""SAS formats that show a number of seconds as a date with time."""

COMPLETE = {"date": r"\d{4}-\d\d-\d\d", "datetime": r"\d{4}-\d\d-\d\dT\d\d"}
"""How a date begins that is no partial one: pandas would take 2024-05 for the first of May."""


def read_json(path: Path, encoding: str | None) -> pd.DataFrame:
    """A Dataset-JSON file with one data set."""
    content = _loads(_text(path, encoding), path, "")
    if isinstance(content, dict) and {"clinicalData", "referenceData"} & content.keys():
        return _version_1_0(content, path)
    if isinstance(content, dict) and "columns" in content:
        return _frame(content, content["columns"], content.get("rows"), path)
    raise DataError(
        f"{path.name} is JSON, but not Dataset-JSON: it has neither 'columns' and 'rows' (version 1.1) nor "
        "'clinicalData' (version 1.0). Read it yourself and pass the table to read_bds."
    )


def read_ndjson(path: Path, encoding: str | None) -> pd.DataFrame:
    """A Dataset-JSON 1.1 file with the metadata in its first line and one row in each line after it."""
    lines = [
        (number, line) for number, line in enumerate(_text(path, encoding).splitlines(), 1) if line.strip()
    ]
    head = _loads(lines[0][1], path, " in line 1") if lines else None
    if not isinstance(head, dict) or "columns" not in head:
        raise DataError(
            f"{path.name} is not Dataset-JSON: its first line is not the metadata with 'columns'."
        )
    rows = [_loads(line, path, f" in line {number}") for number, line in lines[1:]]
    return _frame(head, head["columns"], rows, path)


def _text(path: Path, encoding: str | None) -> str:
    try:
        return path.read_text(encoding=encoding or "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} is not {encoding or 'UTF-8'} text, which JSON must be. Check that it is what its "
            "ending says, or give encoding=."
        ) from error


def _loads(text: str, path: Path, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path.name} is not valid JSON{where}: {error.msg} at line {error.lineno}, column {error.colno}. "
            "It may be cut short; copy it again. A file of one JSON value per line has the ending .ndjson."
        ) from error


def _version_1_0(content: dict[str, Any], path: Path) -> pd.DataFrame:
    parts = [_mapping(content.get(part)) for part in ("clinicalData", "referenceData")]
    groups = [group for part in parts for group in _mapping(part.get("itemGroupData")).values()]
    if len(groups) != 1:
        raise DataError(f"{path.name} holds {len(groups)} data sets under itemGroupData, not one.")
    group = _mapping(groups[0])
    if not {"items", "itemData"} <= group.keys():
        raise DataError(f"{path.name} is not Dataset-JSON 1.0: its data set lacks 'items' or 'itemData'.")
    return _frame(group, group["items"], group["itemData"], path, type_of="type")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _frame(
    head: dict[str, Any], columns: Any, rows: Any, path: Path, type_of: str = "dataType"
) -> pd.DataFrame:
    if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
        raise DataError(
            f"{path.name} is not Dataset-JSON: its columns are not a list of objects with a 'name'."
        )
    if not isinstance(rows, list):
        raise DataError(f"{path.name} has no list of rows: the data set has metadata only. Write it again.")
    columns = [{**column, "dataType": column.get(type_of)} for column in columns]
    names = [column.get("name") for column in columns]
    if None in names:
        raise DataError(f"{path.name} is not Dataset-JSON: column {names.index(None) + 1} has no 'name'.")
    uneven = [i for i, row in enumerate(rows, 1) if not isinstance(row, list) or len(row) != len(names)]
    if uneven:
        raise DataError(
            f"{path.name} has {len(names)} columns, but row{'s' if len(uneven) > 1 else ''} {listing(uneven)} "
            "not as many values. Write the file again."
        )
    stated = head.get("records")
    if stated is not None and stated != len(rows):
        raise DataError(
            f"{path.name} states {stated} records and has {len(rows)}. It is cut short; copy it again."
        )
    frame = pd.DataFrame(rows, columns=names)
    for column in columns:
        frame[column["name"]] = _converted(frame[column["name"]], column)
    frame = frame.drop(columns=SEQUENCE, errors="ignore")
    frame.attrs.update(
        name=head.get("name"),
        label=head.get("label"),
        labels={column["name"]: column["label"] for column in columns if column.get("label")},
        formats={
            column["name"]: column["displayFormat"] for column in columns if column.get("displayFormat")
        },
    )
    return frame


def _converted(values: pd.Series, column: dict[str, Any]) -> pd.Series:
    """Values as the metadata mean them: numeric dates as dates, decimals as numbers. Character dates stay text."""
    kind, target = column.get("dataType"), column.get("targetDataType")
    display = column.get("displayFormat") or ""
    try:
        if kind in ("date", "datetime") and target == "integer":
            given = values.mask(values == "")
            partial = given[given.notna() & ~given.astype(str).str.match(COMPLETE[kind])]
            if len(partial):
                raise ValueError(f"{partial.iloc[0]!r} is not complete")
            return pd.to_datetime(given, format="ISO8601")
        if kind == "decimal" or target == "decimal":
            return pd.to_numeric(values.mask(values == ""))
    except ValueError as error:
        raise DataError(
            f"The variable {column['name']!r} is declared {kind}, but: {str(error).splitlines()[0]}."
        ) from error
    if kind in ("integer", "float", "double"):
        seconds = 86400 if DATES.fullmatch(display) else 1 if DATETIMES.fullmatch(display) else None
        numbers = pd.to_numeric(values, errors="coerce")
        if numbers.notna().equals(values.notna()):
            return numbers if seconds is None else DAY_ZERO + pd.to_timedelta(seconds * numbers, unit="s")
    return values
