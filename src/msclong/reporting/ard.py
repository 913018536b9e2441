"""The analysis results data (ARD) of a report: one row for each statistic that it prints, as R's {cards} has them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from msclong.errors import SpecError
from msclong.reporting.inline import Said, pieces, plain
from msclong.reporting.record import (
    Block,
    Bullets,
    Cell,
    Column,
    Definitions,
    Document,
    Figure,
    FoldOut,
    Levels,
    Paragraph,
    Row,
    Subheading,
    Table,
)
from msclong.reporting.stat_names import stat_of
from msclong.reporting.writers import files

FIRST = ("engine", "arm")
"""What groups the statistics before anything else does."""

NUMERIC = ("stat", "scale")

ENDS = ("lower", "upper")

BETWEEN = re.compile(r"\s(?:to|of)\s")
"""What stands between the numbers of a cell that holds several."""

SENTENCE = re.compile(r"(?<=[^\W\d_][.!?]) |(?<=[)\d%\ue002][.!?]) (?=[A-Z])")
"""Where sentences part: after a word, or before a capital after what is no word (a figure ends in U+E002)."""


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """A row of the ARD; the columns in their order."""

    group1: str | None = None
    group1_level: str | None = None
    group2: str | None = None
    group2_level: str | None = None
    variable: str | None = None
    variable_level: str | None = None
    context: str = ""
    stat_name: str = ""
    stat_label: str = ""
    stat: float | None = None
    stat_text: str | None = None
    formatted: str = ""
    scale: float = 1
    warning: str | None = None
    error: str | None = None
    section: str = ""
    table: str | None = None

    @property
    def where(self) -> dict[str, str | None]:
        """What it is of, by dimension; that of the level is known within a context alone."""
        return {
            "outcome": self.variable,
            f"level of {self.context}": self.variable_level,
            self.group1 or "": self.group1_level,
            self.group2 or "": self.group2_level,
        }


def ard(document: Document) -> pd.DataFrame:
    """Every statistic of the report, once.

    Returns
    -------
    DataFrame with the columns of {cards}, and four more
        group1, group1_level, group2, group2_level : engine, arm, or what else the statistic is of.
        variable, variable_level : the outcome, and the visit (or the coefficient, the parameter ...).
        context : the table that it belongs to, or 'text'.
        stat_name, stat_label : name as in broom and {cards} ('estimate', 'conf.low', 'p.value', 'n'), and as printed.
        stat : float at full precision; missing where the result is a text, which is in `stat_text`.
        formatted : as printed.
        warning, error : what must be known of the fit; why an outcome has no results.
        stat_text : result that is no number; a column of its own, as a Parquet column holds one type.
        scale : `formatted` shows `stat` times this: 100 for shares in per cent.
        section, table : keys of the sections that print it, and of the tables, set apart by spaces; of a figure in a
            sentence that is no table's, the table under which it stands.

    Texts are missing where there is none, never empty. A figure in a sentence that is a table's, to the last bit and as
    printed, is the same statistic, unless tables have it of several outcomes, engines, arms or visits. Counts in
    sentences stand for themselves: that two are equal does not make them one.
    """
    printed: dict[Statistic, Statistic] = {}
    told: list[Statistic] = []
    references = document.references
    for section in document.sections:
        outcome = section.outcome or document.outcome
        for block, table in _blocks(section.blocks):
            if table is not None:
                for one in _of_table(table, outcome, references, section.key):
                    alike = replace(one, stat_label="", section="", table=None)
                    printed[alike] = _also(printed[alike], one) if alike in printed else one
            for text in _texts(block):
                told += _of_text(text, outcome, section.key, None if table is None else table.key)
    subtitle = document.sections[0].key if document.sections else ""
    told += _of_text(document.subtitle, document.outcome, subtitle)
    places: dict[tuple[str, float | None, str], list[Statistic]] = {}
    for alike, one in printed.items():
        if one.stat is not None and not one.stat.is_integer():
            places.setdefault(_identity(one), []).append(alike)
    own: dict[Statistic, None] = {}
    for one in told:
        if (place := _one_of(places.get(_identity(one), []), one.variable)) is None:
            own[one] = None
        else:
            printed[place] = _also(printed[place], replace(one, table=None))
    rows = _with_warnings([*printed.values(), *own, *_notes(document)], document)
    frame = pd.DataFrame([astuple(one) for one in rows], columns=list(Statistic.__dataclass_fields__))
    types = {str(name): "float64" if name in NUMERIC else "string" for name in frame}
    return frame.replace("", None).astype(types)  # a CSV cannot tell an empty text from none


def write(table: pd.DataFrame, path: str | Path) -> Path:
    """The ARD as a file: Parquet, CSV or JSON (a list of records), by the suffix; folders are made.

    Every double is written in full; older pandas read those of a CSV so with `float_precision="round_trip"`. JSON has
    null for numbers that are not finite; `formatted` says which. Raises SpecError for another suffix.
    """
    target = Path(path)
    if (writer := WRITERS.get(target.suffix.lower())) is None:
        raise SpecError(
            f"An ARD is written as {', '.join(WRITERS)}; {target.name!r} ends in neither. Name the file ard.parquet, "
            "for example."
        )
    return files.write(target, writer(table))


def _json(table: pd.DataFrame) -> str:
    # Not DataFrame.to_json, which keeps 15 digits.
    records = [
        {
            name: None if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)) else value
            for name, value in record.items()
        }
        for record in table.to_dict("records")
    ]
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    return f"[\n{lines}\n]\n"


WRITERS: dict[str, Callable[[pd.DataFrame], str | bytes]] = {
    ".parquet": lambda table: table.to_parquet(index=False),
    ".csv": lambda table: table.to_csv(index=False),
    ".json": _json,
}


def _blocks(blocks: tuple[Block, ...]) -> Iterator[tuple[Block, Table | None]]:
    for block in blocks:
        yield block, block if isinstance(block, Table) else None
        if isinstance(block, FoldOut):
            yield from _blocks(block.blocks)


def _texts(block: Block) -> tuple[str, ...]:
    """The texts of a block that may carry figures, but for those of blocks inside it."""
    match block:
        case Paragraph() | Subheading():
            return (block.text,)
        case Bullets():
            return block.items
        case Definitions():
            return tuple(text for item in block.items for text in item)
        case FoldOut():
            return (block.summary,)
        case Figure():
            return (block.caption,)
        case Table():
            headings = dict.fromkeys(text for column in block.columns for text in (column.span, column.label))
            groups = dict.fromkeys(row.group for row in block.rows)
            return (block.caption, *headings, *groups, *block.notes)
    return ()


def _of_table(table: Table, outcome: str, references: Mapping[str, str], section: str) -> Iterator[Statistic]:
    axis = table.axes.row or plain(table.columns[0].label).lower() or "row"
    for row in table.rows:
        for column, cell in zip(table.columns[1:], row.cells[1:], strict=True):
            named = _named(table, column, row, axis)
            place = replace(
                _placed(named, axis, table.variable or outcome),
                context=table.context or table.key,
                section=section,
                table=table.key,
            )
            shown = replace(cell, text=plain(cell.text, references))
            yield from _of_cell(shown, column, row, place)


def _named(table: Table, column: Column, row: Row, axis: str) -> dict[str, str]:
    """What a cell is of, by dimension."""
    of_column: Levels = column.of or ((table.axes.span or "engine", column.span),)
    of_row: Levels = row.of or ((table.axes.group or "group", row.group), (axis, row.cells[0].text))
    return {name: plain(level) for name, level in (*of_column, *of_row) if level}


def _placed(named: dict[str, str], axis: str, outcome: str) -> Statistic:
    """A row of the ARD with what it is of. More than two groups are two, the second of them composed."""
    outcome = named.pop("outcome", outcome)
    level = named.pop("visit", None)
    if level is None and axis not in FIRST:
        level = named.pop(axis, None)
    order = [*(name for name in FIRST if name in named), *(name for name in named if name not in FIRST)]
    first, others = order[:1], order[1:]
    return Statistic(
        group1=first[0] if first else None,
        group1_level=named[first[0]] if first else None,
        group2=", ".join(others) or None,
        group2_level=", ".join(named[name] for name in others) or None,
        variable=outcome or None,
        variable_level=level,
    )


def _of_cell(cell: Cell, column: Column, row: Row, place: Statistic) -> Iterator[Statistic]:
    """A statistic for each value of the cell; a text is one if it holds a figure."""
    if cell.value is None and not any(map(str.isdigit, cell.text)):
        return
    names = row.stat or stat_of(column)
    own = names if isinstance(names, tuple) else (names,)
    heading = plain(row.cells[0].text if row.stat else column.label)
    values = cell.value if isinstance(cell.value, tuple) else (cell.value,)
    parts = BETWEEN.split(cell.text)
    texts = parts if len(parts) == len(values) else [cell.text] * len(values)
    for i, (value, text) in enumerate(zip(values, texts, strict=True)):
        number = isinstance(value, (int, float, np.number, np.bool_))
        if number and math.isnan(value):  # is not printed as a number
            continue
        name = own[i] if len(own) == len(values) else f"{own[0]}.{i + 1}"
        limit = len(values) == 2 and name.endswith((".low", ".high"))
        yield replace(
            place,
            stat_name=name,
            stat_label=f"{heading}, {ENDS[i]}" if limit else heading,
            stat=float(value) if number else None,
            stat_text=None if number and not isinstance(value, (bool, np.bool_)) else text,
            formatted=text,
            scale=column.scale,
            error=text if name == "error" else None,
        )


def _of_text(text: str, outcome: str, section: str, table: str | None = None) -> Iterator[Statistic]:
    """The figures of a text; the label is the sentence in which each stands."""
    if not any(isinstance(piece, Said) for piece in pieces(text)):
        return
    for sentence in SENTENCE.split(text):
        for piece in pieces(sentence):
            if isinstance(piece, Said):
                yield Statistic(
                    variable=outcome or None,
                    context="text",
                    stat_name=piece.stat,
                    stat_label=" ".join(_reads(sentence).split()),
                    stat=piece.value,
                    formatted=piece.text,
                    scale=100 if piece.text.rstrip().endswith("%") else 1,
                    section=section,
                    table=table,
                )


def _reads(text: str) -> str:
    """The text without its cross-references."""
    return "".join(
        piece if isinstance(piece, str) else piece.text if isinstance(piece, Said) else ""
        for piece in pieces(text)
    )


def _identity(one: Statistic) -> tuple[str, float | None, str]:
    """By which a figure in a sentence is that of a table."""
    return one.stat_name, one.stat, re.sub(r"[\s%]", "", one.formatted)


def _one_of(places: list[Statistic], outcome: str | None) -> Statistic | None:
    """The first of the tables' statistics that a sentence's figure may be; None where they are not of one thing."""
    of_outcome = [place for place in places if outcome is None or place.variable == outcome]
    for one, other in combinations(of_outcome, 2):
        mine, others = one.where, other.where
        if any(others.get(name, level) not in (level, None) for name, level in mine.items() if level):
            return None
    return next(iter(of_outcome), None)


def _also(one: Statistic, other: Statistic) -> Statistic:
    """`one`, printed in the other's place too."""
    sections = dict.fromkeys([*one.section.split(), *other.section.split()])
    tables = dict.fromkeys([*(one.table or "").split(), *(other.table or "").split()])
    return replace(one, section=" ".join(sections), table=" ".join(tables) or None)


def _notes(document: Document) -> Iterator[Statistic]:
    for outcome, engine, text in document.notes:
        yield Statistic(
            group1="engine",
            group1_level=engine,
            variable=outcome,
            context="notes",
            stat_name="note",
            stat_label="Note",
            stat_text=text,
            formatted=text,
        )


def _with_warnings(rows: list[Statistic], document: Document) -> list[Statistic]:
    """What was warned of a fit, on every row of its outcome and engine."""
    told: dict[tuple[str | None, str | None], list[str]] = {}
    for warned in document.warnings:
        told.setdefault((warned.outcome, warned.engine), []).append(warned.text)
    found = []
    for one in rows:
        texts = told.get((one.variable, one.group1_level)) if one.group1 == "engine" else None
        found.append(replace(one, warning=" ".join(dict.fromkeys(texts))) if texts else one)
    return found
