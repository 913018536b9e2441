"""Patients who improve by a declared minimal important difference: by the model, and as observed."""

from __future__ import annotations

import pandas as pd

from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL
from msclong.reporting.record import Block, Bullets, Cell, Column, Paragraph, Row, Section, Table
from msclong.reporting.study.results import OutcomeResult, RowKey, StudyResult, of_outcome, row_at, row_keys
from msclong.reporting.study.tables import INTERVALS, NONE
from msclong.reporting.wording import listed, spoken

OBSERVED = "Observed"

NOT_AN_EFFECT = (
    "A response is a change of a patient, not an effect in a patient: without a control nobody can tell who would have "
    "responded anyway."
)


APPROXIMATED = (
    "no probability, because the fit is the approximation, whose changes are not the outcome\u2019s"
)


def responders(found: StudyResult) -> Section | None:
    """The model's probability of a response beside the observed share; None where no outcome declares a mid."""
    declared = [one for one in found.outcomes if one.endpoint.mid is not None]
    if not declared:
        return None
    every = {engine: found.study.responders(engine) for engine in found.bayesian}
    tables = {
        (engine, one.name): part.set_axis(row_keys(part, one.analyses[engine]))
        for engine, table in every.items()
        for one in declared
        if engine in one.analyses and len(part := of_outcome(table, one.name))
    }
    rows: list[Row] = []
    for one in declared:
        own = {engine: tables[engine, one.name] for engine in found.bayesian if (engine, one.name) in tables}
        for key in dict.fromkeys(key for table in own.values() for key in table.index):
            group = f"{one.title} \N{EN DASH} {_response(one)}"
            of = (("outcome", one.label), ("arm", key[0]), ("visit", key[1]))
            rows.append(Row((Cell(one.row_name(key)), *_cells(found, own, key)), group, of))
    columns = [Column("")]
    for engine, posterior in found.bayesian.items():
        columns += [
            Column("%", engine, "number", scale=100),
            Column(f"{LEVEL:.0%} {'CrI' if posterior else 'CI'}", engine, "interval", scale=100),
        ]
    by = (("method", OBSERVED),)
    columns += [Column("Patients", OBSERVED, "interval", ("n", "N"), by),
                Column("%", OBSERVED, "number", of=by, scale=100),
                Column(f"Exact {LEVEL:.0%} CI", OBSERVED, "interval", of=by, scale=100)]  # fmt: skip
    notes = [
        "By engine: the probability that a new patient responds, under the model\u2019s distribution of changes, "
        "with its interval. Observed: responders among patients with both visits, with Clopper and Pearson\u2019s "
        "limits.",
        *_corrected(declared, tables),
        INTERVALS,
    ]
    blocks: list[Block] = []
    if rows:
        blocks.append(
            Table(
                "responders",
                "Responders by the plan\u2019s minimal important difference",
                tuple(columns),
                tuple(rows),
                tuple(notes),
            )
        )
    if not found.arms:
        blocks.append(Paragraph(NOT_AN_EFFECT, "note"))
    told: dict[str, list[str]] = {}
    for engine, table in every.items():
        for name, reason in table.attrs["without"].items():
            label = next(one.label for one in declared if one.name == name)
            told.setdefault(f"{label}: {reason.split('. ')[0].rstrip('.')}", []).append(spoken(engine))
        for one in declared:
            if engine in one.approximated and (engine, one.name) not in tables:
                told.setdefault(f"{one.label}: {APPROXIMATED}", []).append(spoken(engine))
    if told:
        blocks.append(Bullets(tuple(f"{text} ({listed(engines)})." for text, engines in told.items())))
    return Section("responders", "Responders", tuple(blocks))


def _corrected(declared: list[OutcomeResult], tables: dict[tuple[str, str], pd.DataFrame]) -> list[str]:
    """Which engines' figures are of another change than the one named, and what it is."""
    notes = []
    for one in declared:
        engines = [engine for engine, name in tables if name == one.name and continuity(one, engine)]
        if not engines:
            continue
        mid, half = float(one.endpoint.mid or 0), continuity(one, engines[0])
        relation, shifted = ("\u2265", mid - half) if mid > 0 else ("\u2264", mid + half)
        notes.append(
            f"{one.label} is scored in steps of {say.stated(2 * half, 'resolution')}, and its model is continuous: the "
            f"{listed([spoken(name) for name in engines])} probability is P(change {relation} "
            f"{say.stated(shifted, 'mid.corrected')}), with half a step as correction for continuity; observed changes "
            f"are held against {say.stated(mid, 'mid')}."
        )
    return notes


def continuity(one: OutcomeResult, engine: str) -> float:
    """Half the step by which `StudyFit.responders` corrects this engine's probabilities; 0: not at all."""
    step = one.endpoint.resolution
    normal = engine in one.analyses and one.analyses[engine].spec.family == "gaussian"
    return step / 2 if step and normal and one.endpoint.mid is not None else 0.0


def _response(one: OutcomeResult) -> str:
    """'a fall of 2 points or more', 'a rise to 1.5 times baseline or more'."""
    mid = float(one.endpoint.mid or 0)
    if one.own is not None and one.own.null:
        way, end = ("rise", "more") if mid > 1 else ("fall", "less")
        return f"a {way} to {say.stated(mid, 'mid')} times baseline or {end}"
    unit = f" {one.endpoint.spec.unit}" if one.endpoint.spec.unit else ""
    return f"a {'rise' if mid > 0 else 'fall'} of {say.stated(abs(mid), 'mid')}{unit} or more"


def _cells(found: StudyResult, tables: dict[str, pd.DataFrame], key: RowKey) -> list[Cell]:
    cells: list[Cell] = []
    seen: pd.Series | None = None
    for engine in found.bayesian:
        row = row_at(tables[engine], key) if engine in tables else None
        if row is None:
            cells += [NONE, NONE]
            continue
        seen = row if seen is None else seen
        cells += [_percent(row["estimate"]), _interval(row["lower"], row["upper"])]
    if seen is None:
        return [*cells, NONE, NONE, NONE]
    count = Cell(f"{int(seen['responders'])} of {int(seen['n'])}", (int(seen["responders"]), int(seen["n"])))
    return [
        *cells,
        count,
        _percent(seen["observed"]),
        _interval(seen["observed_lower"], seen["observed_upper"]),
    ]


def _percent(share: float) -> Cell:
    return Cell(numbers.fixed(100 * share, 0), float(share))


def _interval(low: float, high: float) -> Cell:
    return Cell(numbers.interval(100 * low, 100 * high, 0), (float(low), float(high)))
