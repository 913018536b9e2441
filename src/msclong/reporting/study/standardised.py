"""All outcomes on one axis: changes in standard deviations between patients at baseline, positive where improved."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.plots.forest import forest, forest_rows
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL
from msclong.reporting.plate import plate
from msclong.reporting.record import (
    Block,
    Bullets,
    Cell,
    Column,
    Figure,
    FoldOut,
    Paragraph,
    Row,
    Section,
    Table,
)
from msclong.reporting.study.results import OutcomeResult, RowKey, StudyResult, of_outcome, row_at, row_keys
from msclong.reporting.study.tables import INTERVALS, NONE
from msclong.reporting.tables import interval_cell, number_cell
from msclong.reporting.wording import listed, spoken

MOST_ROWS = 30
"""With more tested contrasts than this each outcome has its last tested visit drawn."""

MOST_OUTCOMES = 60
"""Outcomes on the forest plot; all are in the table."""


def standardised(found: StudyResult) -> Section:
    """A forest plot of all engines, why some outcomes have no place on it, and the figures as a table."""
    title = "All outcomes on one axis"
    every = {engine: found.study.standardised(engine) for engine in found.bayesian}
    tables = {
        (engine, one.name): part.set_axis(row_keys(part, one.analyses[engine]))
        for engine, table in every.items()
        for one in found.fitted
        if len(part := of_outcome(table, one.name)) and engine in one.tables
    }
    outcomes = [one for one in [*found.of_role("primary"), *found.of_role("secondary"), *found.of_role("exploratory")]
                if any((engine, one.name) in tables for engine in found.bayesian)]  # fmt: skip
    reasons = _reasons(found, every)
    if not outcomes:
        return Section("forest", title, (Paragraph("No outcome has a standardised change."), *reasons))
    rows = {one.name: one.tested for one in outcomes}
    shorter = sum(map(len, rows.values())) > MOST_ROWS
    drawn = {one.name: one.last if shorter else one.tested for one in outcomes[:MOST_OUTCOMES]}
    blocks: list[Block] = [
        _figure(found, outcomes[:MOST_OUTCOMES], tables, drawn, shorter, len(outcomes)),
        *reasons,
        FoldOut("All figures", (_table(found, outcomes, tables, rows),)),
    ]
    return Section("forest", title, tuple(blocks))


def _reasons(found: StudyResult, every: dict[str, pd.DataFrame]) -> list[Block]:
    """Outcomes that an engine has no standardised change of, and why."""
    told: dict[str, list[str]] = {}
    for engine, table in every.items():
        for name, reason in table.attrs["without"].items():
            # The rest of an error message advises the analyst.
            told.setdefault(f"{_label(found, name)}: {reason.split('. ')[0].rstrip('.')}", []).append(
                spoken(engine)
            )
    if not told:
        return []
    items = tuple(f"{text} ({listed(engines)})." for text, engines in told.items())
    return [Paragraph("Not on this axis, and why:"), Bullets(items)]


def _label(found: StudyResult, name: str) -> str:
    return next(one.label for one in found.outcomes if one.name == name)


def _figure(
    found: StudyResult,
    outcomes: list[OutcomeResult],
    tables: dict[tuple[str, str], pd.DataFrame],
    drawn: dict[str, list[RowKey]],
    shorter: bool,
    of: int,
) -> Figure:
    engines: dict[str, list[dict[str, float]]] = {engine: [] for engine in found.bayesian}
    groups, labels = [], []
    for one in outcomes:
        for key in drawn[one.name]:
            groups.append(one.endpoint.role.capitalize())
            mark = "" if one.endpoint.sign is not None else " *"
            labels.append(f"{_short(one.label)}{mark}, {one.row_name(key)}")
            for engine, lines in engines.items():
                table = tables.get((engine, one.name))
                row = None if table is None else row_at(table, key)
                lines.append(
                    {c: np.nan if row is None else float(row[c]) for c in ("estimate", "lower", "upper")}
                )
    shown = {
        engine: table
        for engine, lines in engines.items()
        if (table := pd.DataFrame(lines)).notna().any(axis=None)
    }
    data = forest_rows(shown, groups, labels)
    whole = "Difference between arms" if found.arms else "Change from baseline"
    drawing = forest(data, "SDs between patients at baseline", sides=("worse", "better"), decimals=2)
    caption = (
        f"{whole} in standard deviations between patients at baseline, with {LEVEL:.0%} intervals, not adjusted; "
        "positive is a benefit."
    )
    if shorter:
        caption += " The last tested visit of each outcome."
    if of > len(outcomes):
        caption += f" The first {say.count(len(outcomes))} of {say.count(of, 'N')} outcomes."
    if any(one.endpoint.sign is None for one in outcomes):
        caption += " *: no direction of benefit is declared, and higher values lie to the right."
    if any(one.approximated for one in outcomes):
        caption += " Engines that fitted an approximation standardise by its own SD."
    lead, table = next(iter(shown.items()))
    above = int((table["lower"] > 0).sum())
    alt = (
        f"Forest plot of {len(groups)} standardised changes. By the {spoken(lead)} engine the intervals of {above} "
        "lie on the side of benefit. All figures are in the table below."
    )
    return plate("forest", caption, alt, drawing, data)


def _short(label: str, most: int = 54) -> str:
    """The label up to the last word that fits."""
    if len(label) <= most:
        return label
    return f"{label[:most].rsplit(' ', 1)[0].rstrip(',;')}\N{HORIZONTAL ELLIPSIS}"


def _table(
    found: StudyResult,
    outcomes: list[OutcomeResult],
    tables: dict[tuple[str, str], pd.DataFrame],
    rows: dict[str, list[RowKey]],
) -> Table:
    columns = [Column("")]
    for engine, posterior in found.bayesian.items():
        columns += [
            Column("SDs", engine, "number", "estimate"),
            Column(f"{LEVEL:.0%} {'CrI' if posterior else 'CI'}", engine, "interval"),
        ]
    lines = []
    for one in outcomes:
        for key in rows[one.name]:
            cells = [Cell(one.row_name(key))]
            for engine in found.bayesian:
                table = tables.get((engine, one.name))
                row = None if table is None else row_at(table, key)
                if row is None:
                    cells += [NONE, NONE]
                    continue
                cells.append(number_cell(row["estimate"], lambda value: numbers.fixed(value, 2)))
                cells.append(interval_cell(row["lower"], row["upper"], 2))
            lines.append(
                Row(tuple(cells), one.label, (("outcome", one.label), ("arm", key[0]), ("visit", key[1])))
            )
    caption = "Standardised changes, positive where improved"
    return Table("standardised", caption, tuple(columns), tuple(lines), (INTERVALS,))
