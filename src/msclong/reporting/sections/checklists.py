"""Reporting checklists, ticked from the record itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msclong.reporting.checklists import barg, consort, trend
from msclong.reporting.checklists.item import Item
from msclong.reporting.checklists.ticked import counts, ticked
from msclong.reporting.inline import said
from msclong.reporting.record import Block, Document, FoldOut, Paragraph, Section, Table
from msclong.reporting.wording import listed

HOW = (
    "An item is ticked where the parts of this report that answer it are there: the report was searched for them, and "
    "nobody ticked it by hand. Whether they answer it well is for the reader to judge."
)
CONSORT_NOTE = (
    "CONSORT is for trials with random allocation; whether allocation was at random, this record "
    "does not tell."
)
"""On a report that compares arms."""


def with_checklists(sections: list[Section], created: datetime, arms: bool, posterior: bool) -> list[Section]:
    """The sections with the checklists that they answer, before the last one.

    arms : whether arms are compared: CONSORT, else TREND. posterior : whether there is a Bayesian fit: BARG.
    """
    document = Document("", "", tuple(sections), created)
    return [*sections[:-1], checklists(document, arms, posterior), *sections[-1:]]


def checklists(document: Document, arms: bool, posterior: bool) -> Section:
    """The checklists that fit, over a document with all its other sections."""
    lists: list[tuple[str, str, Sequence[Item], tuple[str, ...]]] = [
        ("consort", "CONSORT 2010", consort.CONSORT, (CONSORT_NOTE, consort.SOURCE))
        if arms
        else ("trend", "TREND", trend.TREND, (trend.SOURCE,))
    ]
    if posterior:
        name = "Bayesian analysis reporting guidelines (BARG)"
        lists.append(("barg", name, barg.BARG, (barg.SOURCE,)))
    blocks: list[Block] = [Paragraph(HOW)]
    folded: list[Block] = []
    for key, name, items, notes in lists:
        table = ticked(key, f"{name}, items in our words", items, document, notes)
        blocks.append(Paragraph(_summary(name, table)))
        folded.append(FoldOut(f"{name}: item by item", (table,)))
    return Section("checklists", "Reporting checklists", (*blocks, *folded))


def _summary(name: str, table: Table) -> str:
    yes, no, elsewhere = counts(table)
    text = (
        f"{name} ([[table:{table.key}]]): of {said(str(yes + no), yes + no, 'n')} items that a report of an "
        "analysis can "
        f"answer, this one answers {said(str(yes), yes, 'n')}"
    )
    missing = [row.cells[0].text for row in table.rows if row.cells[2].value is False]
    text += f", but not {listed(missing)}" if no else ""
    return f"{text}. {said(str(elsewhere), elsewhere, 'n')} more are not used here or belong elsewhere."
