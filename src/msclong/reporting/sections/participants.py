"""Who was observed when: counts by visit and arm, and the patterns of missing visits."""

from __future__ import annotations

import warnings

import numpy as np

from msclong.data.long_data import LongData
from msclong.data.missingness import missing_patterns, visit_counts
from msclong.errors import DataError, MsclongWarning
from msclong.plots.style import capitalised
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import Analysis
from msclong.reporting.record import Axes, Block, Cell, Column, FoldOut, Paragraph, Row, Section, Table
from msclong.reporting.sections.missing import missing_figure
from msclong.reporting.wording import counted

MOST_PATTERNS = 10
"""Rarer patterns than these are counted together."""

KINDS = {
    "complete": "complete",
    "monotone": "dropout (monotone)",
    "intermittent": "intermittent",
    "unobserved": "no outcome observed",
}


def participants(analysis: Analysis) -> Section:
    """Counts and patterns where visits are planned; else how many observations participants have, and when."""
    blocks: tuple[Block, ...]
    if analysis.data.visit is None:
        blocks = _without_visits(analysis)
    else:
        data = _with_arm(analysis)
        blocks = (
            _overview(data),
            _counts(analysis, data),
            *missing_figure(analysis, data),
            *(FoldOut(table.caption, (table,)) for table in _patterns(analysis, data)),
        )
    return Section("participants", "Participants and missing visits", blocks)


def _with_arm(analysis: Analysis) -> LongData:
    """The data with the arm that the design found, where the spec named none."""
    data = analysis.data
    if data.arm is not None or analysis.arm is None:
        return data
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MsclongWarning)  # they were issued when the data were first read
            return LongData(
                data.frame, subject=data.subject, outcome=data.outcome, visit=data.visit, time=data.time,
                arm=analysis.arm, visit_order=data.visits,
            )  # fmt: skip
    except DataError:  # rows without an outcome may lack the arm; then counts are over all arms
        return data


def _overview(data: LongData) -> Paragraph:
    patterns = missing_patterns(data)
    by_kind = patterns.groupby("kind")["subjects"].sum()
    total = int(patterns["subjects"].sum())
    counts = visit_counts(data)
    last = counts[counts[data.visit] == data.visits[-1]]
    missing, of = int(last["missing"].sum()), int(last["subjects"].sum())
    complete = int(by_kind.get("complete", 0))
    text = (
        f"Of {say.counted(total, 'participant', stat='N')}, {say.count(complete, 'n.complete')} "
        f"({say.percent(complete, total, 'p.complete')}) were observed at all "
        f"{say.count(len(data.visits), 'n.visits')} visits. At the last visit the outcome of "
        f"{say.count(missing, 'n.missing')} ({say.percent(missing, of, 'p.missing')}) was missing."
    )
    if intermittent := int(by_kind.get("intermittent", 0)):
        who = say.counted(intermittent, "participant", stat="n.intermittent")
        text += f" {who} missed a visit and came back later."
    return Paragraph(text)


def _counts(analysis: Analysis, data: LongData) -> Table:
    counts = visit_counts(data)
    arms = [None] if data.arm is None else list(data.arms)
    columns = [Column(capitalised(str(data.visit)))]
    cells = [[Cell(analysis.names.label(visit))] for visit in data.visits]
    for arm in arms:
        part = counts if arm is None else counts[counts[data.arm] == arm]
        enrolled = int(part["subjects"].iloc[0])
        n = f"n = {say.count(enrolled, 'N')}"
        span = n if arm is None else f"{analysis.names.arm(arm)} ({n})"
        of = (("arm", "" if arm is None else analysis.names.arm(arm)),)
        columns += [
            Column("Observed", span, "number", "n", of),
            Column("Missing", span, "number", "n.missing", of),
            Column("%", span, "number", "p.missing", of, scale=100),
        ]
        figures = zip(
            part["observed"].tolist(), part["missing"].tolist(), part["percent_missing"].tolist(), strict=True
        )
        for row, (observed, missing, percent) in zip(cells, figures, strict=True):
            row += [
                Cell(f"{observed:,}", observed),
                Cell(f"{missing:,}", missing),
                Cell(numbers.fixed(percent, 1), percent / 100),
            ]
    return Table(
        "visits",
        "Outcomes observed and missing by visit" + ("" if len(arms) == 1 else " and arm"),
        tuple(columns),
        tuple(Row(tuple(row)) for row in cells),
        ("A visit without a row counts as missing. %: missing, of the participants of the arm in the data.",),
        axes=Axes(row="visit"),
    )


def _patterns(analysis: Analysis, data: LongData) -> tuple[Table, ...]:
    patterns = missing_patterns(data)
    if len(patterns) == 1:
        return ()
    span = capitalised(str(data.visit))
    labels = [analysis.names.label(visit) for visit in data.visits]
    columns = [Column(visit, span, "mark", "observed", (("visit", visit),)) for visit in labels]
    columns = [Column("Pattern"), *columns, Column("n", kind="number"), Column("%", kind="number", scale=100)]
    rows = []
    for pattern, kind, n, percent in patterns.head(MOST_PATTERNS)[
        ["pattern", "kind", "subjects", "percent"]
    ].to_numpy():
        marks = [
            Cell("\N{BLACK CIRCLE}" if mark == "O" else "\N{MIDDLE DOT}", mark == "O") for mark in pattern
        ]
        of = (("pattern", f"{KINDS[kind]} {''.join(mark.text for mark in marks)}"),)
        rows.append(Row((Cell(KINDS[kind]), *marks, *_share(n, percent)), of=of))
    rest = patterns.iloc[MOST_PATTERNS:]
    if len(rest):
        blanks = [Cell("") for _ in data.visits]
        name = Cell(counted(len(rest), "other pattern"))
        rows.append(Row((name, *blanks, *_share(int(rest["subjects"].sum()), float(rest["percent"].sum())))))
    caption = "Patterns of observed and missing visits, the most frequent first"
    return (
        Table(
            "patterns",
            caption,
            tuple(columns),
            tuple(rows),
            ("\N{BLACK CIRCLE} observed, \N{MIDDLE DOT} missing.",),
        ),
    )


def _share(n: int, percent: float) -> tuple[Cell, Cell]:
    return Cell(f"{n:,}", int(n)), Cell(numbers.fixed(percent, 1), float(percent) / 100)


def _without_visits(analysis: Analysis) -> tuple[Block, ...]:
    frame, subject = analysis.design.fixed.frame, analysis.subject
    sizes = frame.groupby(subject, observed=True).size().to_numpy()
    low, middle, high = (int(np.quantile(sizes, q)) for q in (0, 0.5, 1))
    least = say.count(low, "min")
    spread = f"{least} each"
    if low < high:
        spread = f"{least} to {say.count(high, 'max')} each, median {say.count(middle, 'median')}"
    text = (
        f"{say.counted(analysis.first.n_subjects, 'participant')} contributed "
        f"{say.counted(len(frame), 'observed outcome', stat='n.obs')} ({spread}). {_uncounted(analysis)}"
    )
    unobserved = len(analysis.data.frame) - len(frame)
    if unobserved:
        text += f" {say.counted(unobserved, 'row')} without an outcome {'was' if unobserved == 1 else 'were'} left out."
    return (Paragraph(text), *_seen(analysis))


def _uncounted(analysis: Analysis) -> str:
    """Why no visit counts as missing."""
    name = "name the column with ModelSpec(..., visit=...) where visits were planned."
    if analysis.counts is None:
        return f"The model names no planned visits, so that missing visits cannot be counted; {name}"
    return (
        f"The visits are the values of {analysis.visit} in the data. The model does not say which of them were planned "
        f"for whom, so that none is counted as missing; {name}"
    )


def _seen(analysis: Analysis) -> tuple[Table, ...]:
    """Participants observed at each visit, by arm; nothing where times are irregular."""
    if analysis.counts is None:
        return ()
    rows = analysis.counts[["visit", "arm", "observed"]].itertuples(index=False)
    seen = {(str(visit), str(arm)): int(n) for visit, arm, n in rows}
    labels = [analysis.names.label(visit) for visit in analysis.times]
    arms = [analysis.names.arm(arm) for arm in analysis.arms] or [""]
    columns = [Column(capitalised(str(analysis.visit)))]
    columns += [Column("Observed", arm, "number", "n", (("arm", arm),)) for arm in arms]
    counts = {visit: [seen.get((visit, arm), 0) for arm in arms] for visit in labels}
    cells = tuple(Row((Cell(visit), *(Cell(f"{n:,}", n) for n in row))) for visit, row in counts.items())
    caption = "Participants observed by visit" + ("" if len(arms) == 1 else " and arm")
    return (Table("visits", caption, tuple(columns), cells, axes=Axes(row="visit")),)
