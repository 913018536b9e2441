"""Which adjustment each p-value of the study has had."""

from __future__ import annotations

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.contrasts.multiplicity import WORDS
from msclong.printing import numbers
from msclong.reporting.analysis import LEVEL
from msclong.reporting.inline import said
from msclong.reporting.record import Axes, Block, Cell, Column, Paragraph, Row, Section, Table
from msclong.reporting.study.hypotheses import adjusted, sides
from msclong.reporting.study.plan_note import plan_note
from msclong.reporting.study.results import OutcomeResult, StudyResult
from msclong.reporting.study.tables import NONE
from msclong.reporting.wording import spoken
from msclong.study.endpoint import CONFIRMATORY

SERIAL = (
    " Secondary outcomes are tested only when every primary hypothesis is rejected, so that both families share one "
    "error rate."
)
TWO_SIDED_INTERVALS = (
    f" All intervals are two-sided, so that a one-sided p-value below {1 - LEVEL:.2g} may stand beside a {LEVEL:.0%} "
    "interval that includes what was tested against."
)
KEPT = "A confirmatory outcome without a p-value keeps its place in its family, with a p-value of 1."
APART = " Primary and secondary outcomes each have an error rate of their own."


def multiplicity(found: StudyResult) -> Section:
    """The families in words; a row for each outcome with its hypotheses, adjustment and smallest p-values."""
    title = "Multiplicity"
    if found.frequentist is None:
        text = "No engine gave p-values."
        if found.posterior is not None:
            text += " Posterior probabilities refer to one row at a time, and are not adjusted."
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
    kept = adjusted(found).kept
    rows = tuple(_row(found.frequentist, one, one in kept) for one in (*outcomes, *without))
    notes = [KEPT] if kept else []
    notes += ["Posterior probabilities are not adjusted."] if found.posterior else []
    blocks: list[Block] = [*plan_note(found), Paragraph(_words(found))]
    caption = f"Hypotheses and adjustment of p-values by outcome, {spoken(found.frequentist)} engine"
    blocks.append(Table("multiplicity", caption, columns, rows, tuple(notes), axes=Axes(group="role")))
    return Section("multiplicity", title, tuple(blocks))


def _words(found: StudyResult) -> str:
    if told := sides(found, "are"):
        return f"{_adjustment(found)} {told}{TWO_SIDED_INTERVALS}"
    return _adjustment(found)


def _adjustment(found: StudyResult) -> str:
    plan, done = found.study.plan.multiplicity, adjusted(found)
    if not any(role in CONFIRMATORY for role in found.roles):
        return "All outcomes are exploratory: no p-value is adjusted."
    if not done.tested:
        return "No confirmatory outcome could be tested: no p-value is adjusted."
    across = "the graph that was declared"
    if not isinstance(plan.across, GraphicalProcedure):
        across = WORDS[plan.across]
    alpha = said(f"{1 - LEVEL:.0%}", 1 - LEVEL, "alpha")
    rate = f"to a family-wise error rate of {alpha}"
    if ways := done.ways(f"{WORDS[plan.within]} over its tested contrasts", across):
        text = f"Confirmatory p-values are adjusted {rate}: {', and '.join(ways)}."
    elif done.gated:
        text = f"Confirmatory p-values are adjusted {rate}."
    elif len(done.tested) == 1:
        could = any(one.endpoint.role in CONFIRMATORY and one not in done.tested for one in found.outcomes)
        text = (
            "One confirmatory hypothesis could be tested" if could else "There is one confirmatory hypothesis"
        )
        text += ": its p-value needs no adjustment."
    else:
        text = "Each role has one hypothesis: no p-value is adjusted."
    if done.gated:
        text += SERIAL
    elif len({one.endpoint.role for one in done.tested}) > 1 and plan.gatekeeping == "none":
        text += APART
    return text + (" Exploratory outcomes are not adjusted." if "exploratory" in found.roles else "")


def _row(engine: str, one: OutcomeResult, kept: bool) -> Row:
    """kept : whether an outcome without p-values counts in the adjustment of others."""
    table = one.tables.get(engine)
    if table is None:
        return Row(
            (
                Cell(one.label),
                Cell("0", 0),
                Cell("no p-value: counted as 1" if kept else "no p-value"),
                NONE,
                NONE,
            ),
            one.endpoint.role.capitalize(),
        )
    tested = table[table["tested"]]
    smallest = [float(tested[c].min()) if c in tested else float("nan") for c in ("p_value", "p_adjusted")]
    words = "; ".join(dict.fromkeys(tested["adjustment"])) if "adjustment" in tested else "none"
    cells = (Cell(one.label), Cell(str(len(tested)), len(tested)), Cell(words),
             *(Cell(numbers.p_value(p), p) for p in smallest))  # fmt: skip
    return Row(cells, one.endpoint.role.capitalize())
