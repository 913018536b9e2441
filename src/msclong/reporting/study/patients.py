"""Patients observed at each visit, of every outcome."""

from __future__ import annotations

import pandas as pd

from msclong.reporting import say
from msclong.reporting.record import Block, Cell, Column, Paragraph, Row, Section, Table
from msclong.reporting.study.results import OutcomeResult, StudyResult

NOT_PLANNED = Cell("\N{MIDDLE DOT}")


def patients(found: StudyResult) -> Section:
    """n by outcome and visit, and by arm where there are arms."""
    counts = {one.name: table for one in found.fitted if (table := _counts(one)) is not None}
    first = next((one.first for one in found.fitted), None)
    if first is None:
        return Section("patients", "Patients and visits", (Paragraph("No outcome could be fitted."),))
    visits = _in_order(list(dict.fromkeys(visit for table in counts.values() for visit in table["visit"])))
    heading = str(first.visit).capitalize() if first.visit else ""
    columns = (
        Column("Outcome", kind="prose"),
        Column("Patients", kind="number", stat="n"),
        *(Column(visit, heading, "number", "n", (("visit", visit),)) for visit in visits),
    )
    rows = [row for one in found.fitted for row in _rows(one, counts.get(one.name), visits)]
    notes = [f"{NOT_PLANNED.text}: not measured at that visit."]
    if any(one.name not in counts for one in found.fitted):
        notes.append("Outcomes without planned visits have their patients only.")
    subject = first.subject
    table = found.study.table
    blocks: list[Block] = []
    if table is not None and subject in table.columns:
        text = f"The table has {say.counted(int(table[subject].nunique()), 'patient')}. "
        text += "All observed values of an outcome enter its model; none is imputed or carried forward."
        blocks.append(Paragraph(text))
    blocks.append(
        Table(
            "patients",
            f"Patients observed, by outcome{' and visit' if visits else ''}",
            columns,
            tuple(rows),
            tuple(notes),
        )
    )
    return Section("patients", "Patients and visits", tuple(blocks))


def _counts(one: OutcomeResult) -> pd.DataFrame | None:
    return None if one.own is None else one.own.counts


def _rows(one: OutcomeResult, counts: pd.DataFrame | None, visits: list[str]) -> list[Row]:
    analysis = one.own
    assert analysis is not None
    if counts is None:
        n = analysis.first.n_subjects
        only = (Cell(one.label), Cell(f"{n:,}", n), *[NOT_PLANNED] * len(visits))
        return [Row(only, of=(("outcome", one.label),))]
    rows = []
    frame = analysis.design.fixed.frame
    for arm, part in counts.groupby("arm", sort=False):
        of_arm = frame if not arm else frame[frame[analysis.arm].map(analysis.names.arm) == arm]
        n = int(of_arm[analysis.subject].nunique())
        seen = dict(zip(part["visit"], part["observed"].tolist(), strict=True))
        cells = [Cell(f"{seen[visit]:,}", seen[visit]) if visit in seen else NOT_PLANNED for visit in visits]
        name, group = (str(arm), one.label) if arm else (one.label, "")
        of = (("outcome", one.label), ("arm", str(arm)))
        rows.append(Row((Cell(name), Cell(f"{n:,}", n), *cells), group, of))
    return rows


def _in_order(visits: list[str]) -> list[str]:
    """Visits that are numbers ascend; others stay in the order in which outcomes name them."""
    numbers = pd.to_numeric(pd.Series(visits, dtype=object), errors="coerce")
    return visits if numbers.isna().any() else [visits[i] for i in numbers.argsort()]
