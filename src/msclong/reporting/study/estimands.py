"""The estimand of each outcome, in the five attributes of ICH E9(R1): what all share, then what differs."""

from __future__ import annotations

from msclong.reporting import say
from msclong.reporting.record import (
    Block,
    Cell,
    Column,
    Definitions,
    FoldOut,
    Paragraph,
    Row,
    Section,
    Subheading,
    Table,
)
from msclong.reporting.study.plan_note import plan_note
from msclong.reporting.study.results import StudyResult
from msclong.reporting.wording import sentence

MOST_OUTCOMES = 20
"""With more outcomes than this the attributes in which they differ are folded away."""


def estimands(found: StudyResult) -> Section:
    """Attributes with one text for all outcomes once; the others in a table with a row for each outcome."""
    stated = {name: dict(pairs) for name, pairs in found.study.estimands().items()}
    attributes = list(dict.fromkeys(attribute for pairs in stated.values() for attribute in pairs))
    texts = {
        name: list(dict.fromkeys(pairs.get(name, "") for pairs in stated.values())) for name in attributes
    }
    alike = [name for name in attributes if len(texts[name]) == 1]
    apart = [name for name in attributes if len(texts[name]) > 1]
    blocks: list[Block] = [
        Paragraph("The questions that the analyses answer, in the attributes of ICH E9(R1)."),
        *plan_note(found),
    ]
    if alike:
        blocks.append(Definitions(tuple((name, sentence(texts[name][0])) for name in alike)))
    if apart:
        columns = (Column("Outcome", kind="prose"), *(Column(name, kind="prose") for name in apart))
        rows = tuple(
            Row(
                (
                    Cell(one.label),
                    *(Cell(sentence(text) if (text := stated[one.name].get(name)) else "") for name in apart),
                )
            )
            for one in found.outcomes
        )
        table = Table("estimands", "Attributes in which the outcomes\u2019 estimands differ", columns, rows)
        if len(rows) > MOST_OUTCOMES:
            blocks.append(
                FoldOut(f"The attributes in which the {say.count(len(rows))} outcomes differ", (table,))
            )
        else:
            blocks += [Subheading("By outcome"), table]
    return Section("estimands", "The questions (estimands)", tuple(blocks))
