"""Contrasts of a study's outcomes as record tables: engines side by side, and the paired t-tests beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL
from msclong.reporting.held import held
from msclong.reporting.record import Cell, Column, Row, Table
from msclong.reporting.stat_names import OF_COLUMNS
from msclong.reporting.study.results import OutcomeResult, RowKey, StudyResult, row_at
from msclong.reporting.tables import CONTRASTS, HEADINGS, Formatter, beyond_margin, interval_cell, number_cell
from msclong.reporting.wording import listed, spoken

NONE = Cell(numbers.DASH)
"""What an engine does not say."""

PAIRED = "Paired t-test"

INTERVALS = "CI: confidence interval; CrI: equal-tailed credible interval."


@dataclass(frozen=True)
class Layout:
    """Which columns a table of contrasts has.

    df : degrees of freedom. adjusted : adjusted p-values. margin : heading of the probability beyond the margin, empty
    where no outcome has one. paired : columns of the paired t-test.
    """

    df: bool
    adjusted: bool
    margin: str
    paired: tuple[str, ...]


def layout(results: Sequence[OutcomeResult], rows: Mapping[str, Sequence[RowKey]], in_full: bool) -> Layout:
    """Columns that have a value in any of the outcomes; `in_full` adds df and the paired t-test's estimate."""
    tables = [table for one in results for table in one.tables.values()]
    any_of = {
        name: any(name in table and table[name].notna().any() for table in tables)
        for name in ("p_adjusted", "prob_beyond_margin")
    }
    paired = ("n", "estimate", "p_value") if in_full else ("p_value",)
    margin = HEADINGS["prob_beyond_margin"] if any_of["prob_beyond_margin"] else ""
    if margin and len(results) == 1 and results[0].own is not None:
        margin = f"P({beyond_margin(results[0].own)})"
    tested = any(row_at(one.paired, key) is not None for one in results for key in rows[one.name])
    return Layout(in_full, any_of["p_adjusted"], margin, paired if tested else ())


def contrasts_table(
    found: StudyResult,
    rows: Mapping[str, Sequence[RowKey]],
    key: str,
    caption: str,
    in_full: bool,
    notes: Sequence[str] = (),
) -> Table:
    """Estimate, interval and evidence of each engine, and the paired t-test, of some rows of some outcomes.

    rows : by outcome. in_full : of one outcome, with all columns, and arms heading the rows; else outcomes do, with
    their effect.
    """
    chosen = [one for one in found.outcomes if one.name in rows]
    shown = layout(chosen, rows, in_full)
    first = chosen[0].first
    heading = str(first.visit).capitalize() if in_full and first is not None else ""
    alone = not in_full and len(chosen) > 1 and max(map(len, rows.values())) == 1
    lines = []
    for one in chosen:
        cells = _Cells(found, one, shown)
        for row in rows[one.name]:
            if in_full:
                name, group = row[1], row[0]
            elif alone:
                name, group = f"{_directed(one)}, {one.row_name(row)}", _capital(effects_in_words(one))
            else:
                name, group = one.row_name(row), heading_of(one)
            of = (("outcome", one.label), ("arm", row[0]), ("visit", row[1]))
            lines.append(Row((Cell(name), *cells.of(row)), group, of))
    found_notes = _notes(found, chosen, shown)
    if alone:  # outcomes with one effect stand together
        order = list(dict.fromkeys(line.group for line in lines))
        lines.sort(key=lambda line: order.index(line.group))
        found_notes.append(f"{ARROWS['lower']}: lower is better; {ARROWS['higher']}: higher is better.")
    columns = (Column(heading, kind="prose" if alone else "text"), *_columns(found, shown))
    return Table(key, caption, columns, tuple(lines), (*found_notes, *notes), context=CONTRASTS)


ARROWS = {"lower": "\N{DOWNWARDS ARROW}", "higher": "\N{UPWARDS ARROW}"}
"""Directions of benefit, after an outcome's name."""


def _directed(one: OutcomeResult) -> str:
    return f"{one.title} {ARROWS[one.endpoint.better]}" if one.endpoint.better else one.title


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def heading_of(one: OutcomeResult) -> str:
    """'Flow (mL) - ratio of geometric means; higher is better; margin 1.2'."""
    better = f"; {one.endpoint.better} is better" if one.endpoint.better else ""
    return f"{one.title} \N{EN DASH} {effects_in_words(one, better)}"


def effects_in_words(one: OutcomeResult, better: str = "") -> str:
    """What the estimates of each engine are, `better`, and the margin."""
    effects = {name: effect_of(one, name) for name in one.tables}
    approximations = {
        name: f"{family_name(one.analyses[name].spec.family)} approximation" for name in one.approximated
    }
    if len(set(effects.values())) == 1:
        text = next(iter(effects.values()))
        if approximations:
            text += f" ({'; '.join(f'{name}: {how}' for name, how in approximations.items())})"
    else:
        text = "; ".join(
            f"{name}: {effect}{f' ({approximations[name]})' if name in approximations else ''}"
            for name, effect in effects.items()
        )
    margin = one.endpoint.spec.margin
    return f"{text}{better}{'' if margin is None else f'; margin {say.stated(margin, "margin")}'}"


def effect_of(one: OutcomeResult, engine: str) -> str:
    """What an engine's contrasts are: 'ratio of geometric means', 'difference of means'."""
    analysis = one.analyses[engine]
    if analysis.spec.outcome_type == "change":
        return "difference of mean changes" if len(analysis.arms) > 1 else "mean change"
    graded = one.endpoint.spec.family.startswith("cumulative") and not analysis.null
    return f"{analysis.effect} of {'mean grades' if graded else analysis.averages}"


def family_name(family: str) -> str:
    """A family as a sentence names it."""
    return {"gaussian": "Gaussian", "student": "Student-t", "poisson": "Poisson"}.get(
        family, family.replace("_", " ")
    )


@dataclass(frozen=True, eq=False)
class _Cells:
    """The cells of an outcome's rows; its estimates share their decimals in each engine."""

    found: StudyResult
    one: OutcomeResult
    shown: Layout

    def of(self, key: RowKey) -> list[Cell]:
        cells: list[Cell] = []
        for engine, posterior in self.found.bayesian.items():
            cells += self._engine(engine, posterior, key)
        return cells + self._paired(key)

    def _engine(self, engine: str, posterior: bool, key: RowKey) -> list[Cell]:
        evidence = _evidence(self.shown, posterior)
        table = self.one.tables.get(engine)
        row = None if table is None else row_at(table, key)
        if table is None or row is None:
            return [NONE] * (2 + len(evidence))
        decimals = numbers.decimals_for(table["se"])
        return [
            number_cell(row["estimate"], lambda value: numbers.fixed(value, decimals)),
            interval_cell(row["lower"], row["upper"], decimals),
            *(_cell(row, column, text) for _, column, text in evidence),
        ]

    def _paired(self, key: RowKey) -> list[Cell]:
        row = row_at(self.one.paired, key)
        if row is None:
            return [NONE] * len(self.shown.paired)
        decimals = numbers.decimals_for(self.one.paired["se"])
        made = {
            "n": Cell(numbers.count(row["n"]), int(row["n"])),
            "estimate": number_cell(row["estimate"], lambda value: numbers.fixed(value, decimals)),
            "p_value": _cell(row, "p_value", numbers.p_value),
        }
        return [made[name] for name in self.shown.paired]


def _cell(row: pd.Series, column: str, text: Formatter) -> Cell:
    value = row.get(column, np.nan)
    return NONE if pd.isna(value) else number_cell(value, text)


def _evidence(shown: Layout, posterior: bool) -> list[tuple[str, str, Formatter]]:
    """(heading, column, formatter)"""
    if posterior:
        found: list[tuple[str, str, Formatter]] = [("P(improved)", "prob_improved", numbers.probability)]
        return found + [(shown.margin, "prob_beyond_margin", numbers.probability)] * bool(shown.margin)
    found = [("df", "df", lambda value: numbers.fixed(value, 1))] * shown.df
    found += [("p", "p_value", numbers.p_value)]
    return found + [(HEADINGS["p_adjusted"], "p_adjusted", numbers.p_value)] * shown.adjusted


def _columns(found: StudyResult, shown: Layout) -> list[Column]:
    columns = []
    for engine, posterior in found.bayesian.items():
        columns += [
            Column("Estimate", engine, "number"),
            Column(f"{LEVEL:.0%} {'CrI' if posterior else 'CI'}", engine, "interval"),
        ]
        columns += [
            Column(name, engine, "number", OF_COLUMNS[column])
            for name, column, _ in _evidence(shown, posterior)
        ]
    of = (("method", PAIRED),)
    headings = {
        "n": Column("n", PAIRED, "number", of=of),
        "estimate": Column("Mean change", PAIRED, "number", "estimate", of),
        "p_value": Column("p", PAIRED, "number", of=of),
    }
    return columns + [headings[name] for name in shown.paired]


def _held(chosen: Sequence[OutcomeResult]) -> list[str]:
    """What the models' means hold fixed; nothing where none has more than arms and visits."""
    grids = {one.label: "" if one.own is None else held(one.own) for one in chosen}
    notes = []
    for grid in dict.fromkeys(filter(None, grids.values())):
        own = [label for label, other in grids.items() if other == grid]
        whose = "" if len(own) == len(chosen) else f" of {listed(own)}"
        notes.append(f"The model\u2019s means{whose} are {grid}.")
    return notes


def _notes(found: StudyResult, chosen: Sequence[OutcomeResult], shown: Layout) -> list[str]:
    notes = [INTERVALS]
    tests = {one.endpoint.test or "two-sided" for one in chosen}
    if found.frequentist:
        if tests == {"two-sided"}:
            notes.append("p: two-sided, of no change, not adjusted.")
        else:
            own = [f"{one.label}: {one.endpoint.test or 'two-sided'}" for one in chosen]
            notes.append(f"p: of the declared test ({'; '.join(own)}), not adjusted.")
        if shown.adjusted:
            notes.append("p, adj.: adjusted for multiplicity as [[table:multiplicity]] says.")
    if found.posterior:
        text = "P(improved): posterior probability of a change in the direction of benefit"
        text += f"; {shown.margin}: of a benefit beyond the margin." if shown.margin else "."
        if undirected := [one.label for one in chosen if one.endpoint.sign is None]:
            text += f" Not of {listed(undirected)}, whose direction of benefit is not declared."
        notes.append(text)
    notes += _held(chosen)
    if shown.paired:
        notes.append(
            "Paired t-test: of patients who have both visits, not adjusted, on the scale of measurement; for "
            "comparison."
        )
    if failed := [
        f"{one.label} ({spoken(engine)})"
        for one in chosen
        for engine in found.bayesian
        if engine in one.reasons
    ]:
        notes.append(f"{numbers.DASH}: no figures of {listed(failed)}; [[section:checks]] says why.")
    return notes
