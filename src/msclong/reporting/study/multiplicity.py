"""Which adjustment each p-value of the study has had."""

from __future__ import annotations

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.contrasts.multiplicity import WORDS
from msclong.printing import numbers
from msclong.reporting.analysis import LEVEL
from msclong.reporting.inline import said
from msclong.reporting.record import Axes, Block, Cell, Column, Paragraph, Row, Section, Table
from msclong.reporting.study.plan_note import plan_note
from msclong.reporting.study.results import OutcomeResult, StudyResult
from msclong.reporting.study.tables import NONE
from msclong.reporting.wording import spoken
from msclong.study.endpoint import CONFIRMATORY

SERIAL = (
    " Secondary outcomes are tested only when every primary hypothesis is rejected, so that both families share one "
    "error rate."
)
APART = " Primary and secondary outcomes each have an error rate of their own."


def multiplicity(found: StudyResult) -> Section:
    """The families in words; a row for each outcome with its hypotheses, adjustment and smallest p-values."""
    title = "Multiplicity"
    if found.frequentist is None:
        text = "No engine gave p-values. Posterior probabilities refer to one row at a time, and are not adjusted."
        return Section("multiplicity", title, (*plan_note(found), Paragraph(text)))
    columns = (
        Column("Outcome", kind="prose"),
        Column("Hypotheses", kind="number", stat="n"),
        Column("Adjustment", kind="prose", stat="method"),
        Column("Smallest p", kind="number", stat="p.value.least"),
        Column("Smallest p, adj.", kind="number", stat="adj.p.value.least"),
    )
    outcomes = [*found.of_role("primary"), *found.of_role("secondary"), *found.of_role("exploratory")]
    without = [one for one in found.outcomes if not one.rows and one.endpoint.role in CONFIRMATORY]
    rows = tuple(_row(found.frequentist, one) for one in (*outcomes, *without))
    notes = (
        "An outcome without a fit keeps its place in its family, with a p-value of 1.",
        "Posterior probabilities are not adjusted.",
    )[0 if without else 1 : 2 if found.posterior else 1]
    blocks: list[Block] = [*plan_note(found), Paragraph(_words(found))]
    caption = f"Hypotheses and adjustment of p-values by outcome, {spoken(found.frequentist)} engine"
    blocks.append(Table("multiplicity", caption, columns, rows, notes, axes=Axes(group="role")))
    return Section("multiplicity", title, tuple(blocks))


def _words(found: StudyResult) -> str:
    plan = found.study.plan.multiplicity
    families = [role for role in found.roles if role in CONFIRMATORY]
    if not families:
        return "All outcomes are exploratory: no p-value is adjusted."
    alpha = said(f"{1 - LEVEL:.0%}", 1 - LEVEL, "alpha")
    text = f"Confirmatory p-values are adjusted to a family-wise error rate of {alpha}: within an outcome "
    text += f"by {WORDS[plan.within]} over its tested contrasts, "
    if isinstance(plan.across, GraphicalProcedure):
        return (
            text + "and over outcomes by the graph that was declared. Exploratory outcomes are not adjusted."
        )
    text += f"and over the outcomes of a role by {WORDS[plan.across]}."
    if len(families) == 2:
        text += SERIAL if plan.gatekeeping == "serial" else APART
    return text + (" Exploratory outcomes are not adjusted." if "exploratory" in found.roles else "")


def _row(engine: str, one: OutcomeResult) -> Row:
    table = one.tables.get(engine)
    if table is None:
        return Row(
            (Cell(one.label), Cell("0", 0), Cell("no fit: p-value 1"), NONE, NONE),
            one.endpoint.role.capitalize(),
        )
    tested = table[table["tested"]]
    smallest = [float(tested[c].min()) if c in tested else float("nan") for c in ("p_value", "p_adjusted")]
    words = "; ".join(dict.fromkeys(tested["adjustment"])) if "adjustment" in tested else "none"
    cells = (Cell(one.label), Cell(str(len(tested)), len(tested)), Cell(words),
             *(Cell(numbers.p_value(p), p) for p in smallest))  # fmt: skip
    return Row(cells, one.endpoint.role.capitalize())
