"""Result tables of one or several engines as record tables: the one place where estimates are rounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from msclong.printing import numbers
from msclong.printing.journal import HEADINGS as JOURNAL_HEADINGS
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.comparisons import Comparison
from msclong.reporting.record import Axes, Cell, Column, Kind, Row, Table
from msclong.reporting.stat_names import OF_COLUMNS

Formatter = Callable[[float], str]

ANY = Axes()

BY_VISIT = Axes("visit", "arm", "engine")
"""Of tables with a row for each visit, under its arm, and columns under their engine."""

CONTRASTS = "contrasts"
"""The ARD's context of contrasts, whichever table prints them."""

HEADINGS = {
    name: JOURNAL_HEADINGS[name]
    for name in (
        "estimate", "se", "lower", "upper", "df", "statistic", "p_value", "p_adjusted", "lower_adjusted",
        "upper_adjusted", "prob_negative", "prob_below_1", "prob_beyond_margin", "ess_bulk", "rhat", "mcse",
    )
}  # fmt: skip
"""Columns of results that a report's full tables have, with their headings in any table."""

SIMULTANEOUS = ("adj.conf.low", "adj.conf.high")


def number_cell(value: float, text: Formatter) -> Cell:
    return Cell(text(float(value)), float(value))


def interval_cell(lower: float, upper: float, decimals: int) -> Cell:
    return Cell(numbers.interval(lower, upper, decimals), (float(lower), float(upper)))


def shared_decimals(tables: Mapping[str, pd.DataFrame]) -> int:
    """Decimals of estimates and limits in tables that stand side by side."""
    return numbers.decimals_for(np.concatenate([table["se"].to_numpy() for table in tables.values()]))


def interval_name(analysis: Analysis, engine: str) -> str:
    return f"{LEVEL:.0%} {'CrI' if analysis.bayesian(engine) else 'CI'}"


def interval_note(analysis: Analysis) -> str:
    """What CI and CrI stand for, as far as they occur."""
    kinds = {analysis.bayesian(name) for name in analysis.fits}
    texts = (["CI: confidence interval"] if False in kinds else []) + (
        ["CrI: equal-tailed credible interval"] if True in kinds else []
    )
    return "; ".join(texts) + "."


def effects_table(
    analysis: Analysis, comparison: Comparison, key: str, caption: str, label: str, notes: Sequence[str]
) -> Table:
    """Estimate, interval and evidence (p-value, or posterior probabilities) of each engine side by side."""
    tables = comparison.tables
    decimals = shared_decimals(tables)
    columns = [Column(label)]
    cells: list[list[Cell]] = [[Cell(name)] for name in comparison.labels]
    for name, table in tables.items():
        evidence = _evidence(analysis, table)
        simultaneous = "lower_adjusted" in table
        columns += [
            Column("Estimate", name, "number"),
            Column(interval_name(analysis, name), name, "interval"),
        ]
        columns += [Column(heading, name, "number", OF_COLUMNS[column]) for heading, column, _ in evidence]
        if simultaneous:
            columns.append(Column(f"Simultaneous {LEVEL:.0%} CI", name, "interval", SIMULTANEOUS))
        for row, (_, figures) in zip(cells, table.iterrows(), strict=True):
            row.append(number_cell(figures["estimate"], lambda value: numbers.fixed(value, decimals)))
            row.append(interval_cell(figures["lower"], figures["upper"], decimals))
            row += [number_cell(figures[column], text) for _, column, text in evidence]
            if simultaneous:
                row.append(interval_cell(figures["lower_adjusted"], figures["upper_adjusted"], decimals))
    rows = tuple(Row(tuple(row), group) for row, group in zip(cells, comparison.groups, strict=True))
    return Table(
        key,
        caption,
        tuple(columns),
        rows,
        (interval_note(analysis), *notes),
        axes=BY_VISIT,
        context=CONTRASTS,
    )


def means_table(analysis: Analysis, comparison: Comparison, key: str, caption: str, label: str) -> Table:
    """Mean, standard error and interval of each engine side by side."""
    tables = comparison.tables
    heading = "Probability" if analysis.of_probability else "Mean"
    decimals = shared_decimals(tables)
    columns = [Column(label)]
    cells: list[list[Cell]] = [[Cell(name)] for name in comparison.labels]
    for name, table in tables.items():
        error = "SD" if analysis.bayesian(name) else "SE"
        columns += [
            Column(heading, name, "number", "estimate"),
            Column(error, name, "number", "std.error"),
        ]
        columns += [Column(interval_name(analysis, name), name, "interval")]
        for row, (_, figures) in zip(cells, table.iterrows(), strict=True):
            row += [
                number_cell(figures[c], lambda value: numbers.fixed(value, decimals))
                for c in ("estimate", "se")
            ]
            row.append(interval_cell(figures["lower"], figures["upper"], decimals))
    rows = tuple(Row(tuple(row), group) for row, group in zip(cells, comparison.groups, strict=True))
    return Table(key, caption, tuple(columns), rows, (interval_note(analysis),), axes=BY_VISIT)


def full_table(
    table: pd.DataFrame, labels: Sequence[str], groups: Sequence[str], key: str, caption: str, label: str,
    same_unit: bool = True, notes: Sequence[str] = (), headings: Mapping[str, str] | None = None,
    engine: str = "", axes: Axes = ANY, context: str = "",
) -> Table:  # fmt: skip
    """Every column of one engine's table.

    same_unit : whether the rows share a unit and hence their decimals; coefficients do not, and get their own.
    headings : of columns that are named otherwise than in HEADINGS. engine, axes, context : for the ARD.
    """
    names = HEADINGS | dict(headings or {})
    common = numbers.decimals_for(table["se"])
    shown = [name for name in table.columns if name in names and not table[name].isna().all()]
    of = (("engine", engine),)
    columns = [
        Column(label),
        *(Column(names[name], kind="number", stat=OF_COLUMNS[name], of=of) for name in shown),
    ]
    rows = []
    for name, group, (_, figures) in zip(labels, groups, table.iterrows(), strict=True):
        decimals = common if same_unit else numbers.decimals_for([figures["se"]])
        cells = [number_cell(figures[column], _formatter(column, decimals)) for column in shown]
        rows.append(Row((Cell(name), *cells), group))
    return Table(key, caption, tuple(columns), tuple(rows), tuple(notes), axes=axes, context=context)


def _formatter(column: str, decimals: int) -> Formatter:
    fixed = {"df": 1, "statistic": 2, "rhat": 3}
    if column.startswith("p_"):
        return numbers.p_value
    if column.startswith("prob_"):
        return numbers.probability
    if column == "ess_bulk":
        return numbers.count
    if column == "mcse":
        return lambda value: numbers.significant(value, 2)
    places = fixed.get(column, decimals)
    return lambda value: numbers.fixed(value, places)


def _evidence(analysis: Analysis, table: pd.DataFrame) -> list[tuple[str, str, Formatter]]:
    """(heading, column, formatter) of what speaks for a difference."""
    found: list[tuple[str, str, Formatter]]
    if "p_value" in table:
        found = [("p", "p_value", numbers.p_value)]
        found += [("p, adjusted", "p_adjusted", numbers.p_value)] if "p_adjusted" in table else []
        found += (
            [(f"p({beyond_margin(analysis)})", "p_margin", numbers.p_value)] if "p_margin" in table else []
        )
        return found
    negative = "prob_below_1" if "prob_below_1" in table else "prob_negative"
    found = [(HEADINGS[negative], negative, numbers.probability)]
    if analysis.spec.margin is not None and not table["prob_beyond_margin"].isna().all():
        found.append((f"P({beyond_margin(analysis)})", "prob_beyond_margin", numbers.probability))
    return found


def beyond_margin(analysis: Analysis) -> str:
    """'< −3': beyond the margin on the side of benefit."""
    margin = float(analysis.spec.margin or 0)
    return f"{'<' if margin < analysis.null else '>'} {numbers.stated(margin)}"


def frame_table(frame: pd.DataFrame, key: str, caption: str, notes: Sequence[str] = ()) -> Table:
    """Any small table as it stands: text as text, numbers to three significant digits; the index names the rows."""
    named = frame.index.name or ""
    columns = [Column(str(named).capitalize())]
    for name in frame.columns:
        kind: Kind = "number" if pd.api.types.is_numeric_dtype(frame[name]) else "text"
        columns.append(Column(str(name).replace("_", " ").capitalize(), kind=kind))
    rows = []
    for index, values in frame.iterrows():
        cells = [Cell(str(index))]
        for value in values:
            is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            cells.append(number_cell(float(value), numbers.significant) if is_number else Cell(str(value)))
        rows.append(Row(tuple(cells)))
    return Table(key, caption, tuple(columns), tuple(rows), tuple(notes))
