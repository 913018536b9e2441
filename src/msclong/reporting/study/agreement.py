"""Where the engines disagree, over all outcomes: distance in standard errors, width of intervals, and conclusions."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.inline import said
from msclong.reporting.record import Block, Cell, Column, Paragraph, Row, Section, Table
from msclong.reporting.sections.agreement import DIFFERENCE, EXPECTED, WIDTHS
from msclong.reporting.study.results import OutcomeResult, RowKey, StudyResult, row_at
from msclong.reporting.study.tables import NONE
from msclong.reporting.wording import listed, spoken

LARGE = 0.5
"""Standard errors: a difference beyond this is pointed out."""


@dataclass(frozen=True)
class Compared:
    """Two engines on one outcome.

    apart : largest difference in SEs of the first, at `where`. width : ratios of the intervals' widths, least and
    largest. conflicts : rows in which one interval holds no change and the other does not.
    """

    one: OutcomeResult
    rows: int
    apart: float | None
    where: RowKey
    width: tuple[float, float] | None
    conflicts: tuple[RowKey, ...]


def agreement(found: StudyResult) -> Section | None:
    """Each further engine against the first; None for one engine."""
    engines = list(found.bayesian)
    if len(engines) < 2:
        return None
    blocks: list[Block] = []
    for number, engine in enumerate(engines[1:], start=1):
        compared = [c for one in found.outcomes if (c := _compared(one, engines[0], engine)) is not None]
        if compared:
            blocks += [
                Paragraph(_words(compared, engines[0], engine)),
                _table(compared, engines[0], engine, number),
            ]
    if len(set(found.bayesian.values())) == 2:
        blocks.append(Paragraph(EXPECTED, "note"))
    if not blocks:
        blocks = [Paragraph("No outcome was fitted by two engines.")]
    return Section("agreement", "Where the engines differ", tuple(blocks))


def _compared(one: OutcomeResult, first: str, other: str) -> Compared | None:
    if first not in one.tables or other not in one.tables:
        return None
    found = [(key, row_at(one.tables[first], key), row_at(one.tables[other], key)) for key in one.rows]
    pairs = [(key, a, b) for key, a, b in found if a is not None and b is not None]
    if not pairs:
        return None
    nulls = one.analyses[first].null, one.analyses[other].null
    conflicts = tuple(key for key, a, b in pairs if _excludes(a, nulls[0]) != _excludes(b, nulls[1]))
    if one.analyses[first].spec != one.analyses[other].spec:
        return Compared(one, len(pairs), None, pairs[0][0], None, conflicts)
    apart = {key: abs(b["estimate"] - a["estimate"]) / a["se"] for key, a, b in pairs}
    where = max(apart, key=apart.__getitem__)
    widths = [(b["upper"] - b["lower"]) / (a["upper"] - a["lower"]) for _, a, b in pairs]
    return Compared(one, len(pairs), float(apart[where]), where, (min(widths), max(widths)), conflicts)


def _excludes(row: pd.Series, null: float) -> bool:
    return bool(row["lower"] > null or row["upper"] < null)


def _words(compared: list[Compared], first: str, other: str) -> str:
    """What a reader of two columns wants to know: whether they say the same."""
    total = sum(c.rows for c in compared)
    conflicts = [c for c in compared if c.conflicts]
    text = (
        f"Both engines estimated {say.counted(total, 'contrast')}, of {say.counted(len(compared), 'outcome')}. The "
        f"{spoken(first)} and the {spoken(other)} interval of a contrast both hold no change or both exclude it"
    )
    if conflicts:
        rows = sum(len(c.conflicts) for c in conflicts)
        text += f", except of {say.counted(rows, 'contrast')} of {listed([c.one.label for c in conflicts])}"
    same = [c for c in compared if c.apart is not None]
    if same:
        worst = max(same, key=lambda c: c.apart or 0)
        text += (
            f". Where both fitted one model, estimates differ by at most "
            f"{say.significant(worst.apart or 0, 2, DIFFERENCE)} of a "
            f"standard error ({worst.one.label}, {worst.one.row_name(worst.where)})"
        )
        far = [c.one.label for c in same if (c.apart or 0) > LARGE]
        if far:
            text += f"; by more than {said(f'{LARGE:g}', LARGE, 'limit')} of one in {listed(far)}"
    return f"{text}."


def _table(compared: list[Compared], first: str, other: str, number: int) -> Table:
    columns = (
        Column("Outcome", kind="prose"),
        Column("Contrasts", kind="number", stat="n"),
        Column("Largest difference, SEs", kind="number", stat=DIFFERENCE),
        Column("at", stat="difference.largest.at"),
        Column("Width of intervals", kind="interval", stat=WIDTHS),
        Column("Intervals disagree at", kind="prose"),
    )
    rows = []
    for c in compared:
        cells = [Cell(c.one.label), Cell(str(c.rows), c.rows)]
        if c.apart is None or c.width is None:
            cells += [NONE, Cell("other models"), NONE]
        else:
            ends = list(dict.fromkeys(numbers.fixed(end, 2) for end in c.width))
            width = " to ".join(ends)
            cells += [
                Cell(numbers.significant(c.apart, 2), c.apart),
                Cell(c.one.row_name(c.where)),
                Cell(width, c.width),
            ]
        conflicts = listed([c.one.row_name(key) for key in c.conflicts]) or numbers.DASH
        rows.append(Row((*cells, Cell(conflicts))))
    notes = (
        f"Largest difference of estimates in standard errors of the {spoken(first)} fit; width of {spoken(other)} "
        f"intervals relative to {spoken(first)} ones. Disagree: one holds no change, the other does not. Other "
        "models: an engine fitted the declared approximation, and estimates have other units or effects.",
    )
    return Table(
        f"agreement-{number}",
        f"{other} against {spoken(first)} fits",
        columns,
        tuple(rows),
        notes,
        context="agreement",
    )
