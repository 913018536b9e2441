"""What is needed to obtain a study's figures again; and, of synthetic data, what they were made from."""

from __future__ import annotations

from datetime import datetime

from msclong.errors import SpecError
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.data_hash import data_hash
from msclong.reporting.record import (
    Block,
    Bullets,
    Cell,
    Code,
    Column,
    Definitions,
    FoldOut,
    Paragraph,
    Row,
    Section,
    Subheading,
    Table,
)
from msclong.reporting.sections.reproducibility import UNROUNDED, report_code, versions
from msclong.reporting.study.results import StudyResult
from msclong.reporting.study.tables import NONE
from msclong.reporting.wording import listed

ASSUMPTIONS = "assumptions"
"""Attribute of a synthetic table: a sentence for each thing that was assumed to make it."""


CALL = "call"
"""Attribute of a table of `msclong.datasets`: the code that makes it."""


def synthetic(found: StudyResult) -> Section | None:
    """What the data were made from; None where they are real."""
    if not found.study.synthetic:
        return None
    attributes = {} if found.study.table is None else found.study.table.attrs
    blocks: list[Block] = [Paragraph(found.study.synthetic)]
    if assumptions := attributes.get(ASSUMPTIONS):
        blocks += [Paragraph("To make them, these things were assumed that were not published:")]
        blocks.append(Bullets(tuple(map(str, assumptions))))
    if source := attributes.get("source"):
        blocks.append(Paragraph(f"Source: {source}", "note"))
    return Section("synthetic", "Assumptions of the synthetic data", tuple(blocks))


def reproducibility(found: StudyResult, created: datetime, printed: bool = False) -> Section:
    """Versions, engines, seeds, the plan as text, code to rerun; by outcome the data's hash and the seconds.

    printed : whether the report has an audit of published figures.
    """
    study = found.study
    seconds = study.seconds()
    items = [
        ("Created", created.strftime("%Y-%m-%d %H:%M %Z")),
        ("Software", ", ".join(f"{name} {number}" for name, number in versions().items())),
        ("Engines", "; ".join(map(repr, study.engines.values()))),
        ("Random seed", _seeds(found)),
    ]
    if (seed := _attribute(found, "seed")) is not None:
        items.append(
            ("Random seed of the synthetic data" if study.synthetic else "Random seed of the data", str(seed))
        )
    if len(seconds):
        items.append(("Time", f"{say.fixed(float(seconds['seconds'].sum()), 1, 'seconds')} s over all fits"))
    blocks: list[Block] = [Definitions(tuple(items))]
    if found.fitted:
        blocks.append(FoldOut("Data and time by outcome", (_by_outcome(found),)))
    blocks += [Subheading("Analysis plan"), *_plan(found)]
    blocks += [Paragraph(UNROUNDED), Subheading("Code"), Code(_code(found, printed), "python")]
    return Section("reproducibility", "Reproducibility", tuple(blocks))


def _seeds(found: StudyResult) -> str:
    seeds = {
        engine: dict.fromkeys(
            str(seed)
            for one in found.fitted
            if engine in one.analyses
            and (seed := one.analyses[engine].first.outcome.diagnostics.get("seed")) is not None
        )
        for engine in found.bayesian
    }
    stated = [f"{listed(list(some))} ({engine})" for engine, some in seeds.items() if some]
    return listed(stated) or "none: nothing was drawn at random"


def _by_outcome(found: StudyResult) -> Table:
    seconds = found.study.seconds()["seconds"]
    columns = (Column("Outcome", kind="prose"), Column("Data, SHA-256"),
               *(Column("Seconds", engine, "number") for engine in found.bayesian))  # fmt: skip
    rows = []
    for one in found.fitted:
        assert one.first is not None
        times = [
            Cell(numbers.fixed(value, 2), float(value))
            if (value := seconds.get((one.name, engine))) is not None
            else NONE
            for engine in found.bayesian
        ]
        rows.append(Row((Cell(one.label), Cell(data_hash(one.first.design)), *times)))
    note = (
        "The hash covers the outcome\u2019s observed rows and its model\u2019s columns, as CSV with sorted columns and "
        "lines."
    )
    return Table("hashes", "Hash of the data, and time of each fit", columns, tuple(rows), (note,))


def _plan(found: StudyResult) -> list[Block]:
    """The plan as TOML; as JSON where TOML has no form for it; else the code holds it."""
    plan = found.study.plan
    for write, language in ((plan.to_toml, "toml"), (plan.to_json, "json")):
        try:
            return [Code(write(), language)]
        except SpecError:
            continue
    return [Paragraph("This plan holds values that have no form as text.")]


def _code(found: StudyResult, printed: bool) -> str:
    study = found.study
    engines = ", ".join(f"ml.{engine!r}" for engine in study.engines.values())
    call = _attribute(found, CALL)
    lines = ["import msclong as ml", *["from msclong.published import audit"] * printed, ""]
    lines.append(f"data = {call}" if call else "data = ...  # your table")
    lines.append('plan = ml.AnalysisPlan.from_toml("plan.toml")  # the text above')
    lines.append(f"found = ml.Study(data, plan).fit([{engines}])")
    if printed:
        lines.append("printed = audit(...)  # what the paper printed, a record for each comparison")
    lines.append(report_code(f"found{', published=printed' if printed else ''}"))
    return "\n".join(lines)


def _attribute(found: StudyResult, name: str) -> object:
    return None if found.study.table is None else found.study.table.attrs.get(name)
