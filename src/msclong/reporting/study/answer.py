"""The study's answer first: the primary outcome's changes, how many outcomes improved, and what that does not show."""

from __future__ import annotations

import pandas as pd

from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL
from msclong.reporting.at_random import at_random
from msclong.reporting.inline import said
from msclong.reporting.record import Block, Bullets, Paragraph, Section
from msclong.reporting.stat_names import OF_COLUMNS
from msclong.reporting.study.design_limits import event_sentences
from msclong.reporting.study.plan_note import plan_note
from msclong.reporting.study.results import OutcomeResult, RowKey, StudyResult, row_at
from msclong.reporting.wording import inside, listed, spoken

ALPHA = 1 - LEVEL

TWO_SIDED = (None, "two-sided")

MOST_ROWS = 8
"""A primary outcome with more tested contrasts than this has only its last visit told."""

MOST_PRIMARY = 3

UNCONTROLLED = (
    "This trial had no control group. What follows are changes after treatment; how much of them is an effect of "
    "treatment it cannot say ([[section:design]])."
)
CONTROLLED = (
    "Differences between arms are effects of treatment as far as allocation was at random, patients and assessors did "
    "not know it, and missing outcomes are missing {at_random} ([[section:design]])."
)


def answer(found: StudyResult, printed: str | None = None) -> Section:
    """A caution for the design and for failures, the primary outcomes row by row, then counts by role.

    printed : what an audit of published figures found, in a sentence or two.
    """
    controlled = CONTROLLED.format(at_random=at_random(found.engines))
    blocks: list[Block] = [Paragraph(controlled if found.arms else UNCONTROLLED, "caution")]
    blocks += [*plan_note(found, "caution"), *_failed(found)]
    primary = found.of_role("primary")
    for one in primary[:MOST_PRIMARY]:
        blocks += _outcome(found, one)
    if len(primary) > MOST_PRIMARY:
        blocks.append(
            Paragraph(
                f"{say.count(len(primary) - MOST_PRIMARY)} more primary outcomes are in [[section:primary]]."
            )
        )
    if not primary:
        blocks.append(Paragraph("No primary outcome was declared, or none could be fitted.", "answer"))
    blocks.append(Paragraph(" ".join(_counted(found, role) for role in found.roles)))
    if events := event_sentences(found):
        blocks.append(Paragraph(" ".join(events)))
    if printed:
        blocks.append(Paragraph(printed))
    return Section("answer", "Summary", tuple(blocks))


def _failed(found: StudyResult) -> list[Block]:
    failed = [one.label for one in found.outcomes if one.reasons]
    if not failed:
        return []
    named = listed(failed if len(failed) <= 6 else [*failed[:6], f"{say.count(len(failed) - 6)} more"])
    text = f"{say.counted(len(failed), 'outcome')} of {say.count(len(found.outcomes), 'N')} could not be analysed"
    return [Paragraph(f"{text} by every engine: {named}. The reasons are in [[section:checks]].", "caution")]


def _outcome(found: StudyResult, one: OutcomeResult) -> list[Block]:
    """'The primary outcome, X: ...', a line for each tested contrast."""
    rows = one.tested if len(one.tested) <= MOST_ROWS else one.last
    engine = next(iter(one.tables))
    analysis = one.analyses[engine]
    average = f"{analysis.averages if analysis.null else 'mean'}{' of' if analysis.null else ''} {inside(one.label)}"
    if any(group for group, _ in rows):
        text = f"Primary outcome: {analysis.effect} between arms in {average}"
    elif analysis.spec.outcome_type == "change":
        text = f"Primary outcome: {average}"
    else:
        what = f"{analysis.effect} of" if analysis.null else "change in"
        text = f"Primary outcome: {what} {average} from {analysis.names.visit(analysis.design.baseline)}"
    if len(rows) < len(one.tested):
        text += f", at the last of {say.counted(len(one.tested), 'tested contrast')}"
    lines = tuple(_line(found, one, row) for row in rows)
    read = ""
    if one.endpoint.sign is not None and any(found.bayesian[name] for name in one.tables):
        beyond = "" if one.endpoint.spec.margin is None else ", or of one beyond the margin"
        read = f"P: posterior probability of a change in the direction of benefit{beyond}. "
    return [
        Paragraph(f"{text}.", "answer"),
        Bullets(lines),
        Paragraph(f"{read}In full: [[table:{key_of(one)}]].", "note"),
    ]


def key_of(one: OutcomeResult) -> str:
    """Of the table of a primary outcome's contrasts, for cross-references."""
    return f"contrasts-{slug(one.name)}"


def slug(name: str) -> str:
    """An outcome's name as part of an identifier; names that differ stay apart."""
    return "".join(c if c.isascii() and c.isalnum() else f"-{ord(c):x}-" if c != "_" else "_" for c in name)


def _line(found: StudyResult, one: OutcomeResult, key: RowKey) -> str:
    """'month 6: -2.17 points (95% confidence interval ...; 23.0 df; adjusted p <0.001); posterior probability ...'."""
    parts = []
    for engine, table in one.tables.items():
        row = row_at(table, key)
        if row is None:
            continue
        decimals = numbers.decimals_for(table["se"])
        limits = say.interval(row["lower"], row["upper"], decimals)
        unit = "" if one.analyses[engine].null else one.analyses[engine].names.unit.replace(" ", say.NBSP)
        figure = f"{say.fixed(row['estimate'], decimals)}{unit}"
        if not found.bayesian[engine]:
            adjusted = "p_adjusted" in row and not pd.isna(row["p_adjusted"])
            name, p = ("adjusted p", "p_adjusted") if adjusted else ("p", "p_value")
            parts.append(
                f"{figure} ({LEVEL:.0%} CI {limits}; {say.fixed(row['df'], 1, 'df')}{say.NBSP}df; "
                f"{name}{say.NBSP}{say.p_value(row[p], OF_COLUMNS[p])})"
            )
            continue
        told = []
        if "prob_improved" in row and not pd.isna(row["prob_improved"]):
            told.append(
                f"P(improved){say.NBSP}{say.probability(row['prob_improved'], OF_COLUMNS['prob_improved'])}"
            )
        margin = one.endpoint.spec.margin
        if margin is not None and not pd.isna(row["prob_beyond_margin"]):
            beyond = say.probability(row["prob_beyond_margin"], OF_COLUMNS["prob_beyond_margin"])
            told.append(f"P(beyond {say.stated(margin, 'margin')}){say.NBSP}{beyond}")
        if parts:
            parts.append(f"{spoken(engine)}: {', '.join(told) or f'{figure} ({LEVEL:.0%} CrI {limits})'}")
        else:
            parts.append(f"{figure} ({'; '.join([f'{LEVEL:.0%} CrI {limits}', *told])})")
    return f"{one.row_name(key)}: {'; '.join(parts)}."


def _counted(found: StudyResult, role: str) -> str:
    """How many outcomes of a role improved and how many worsened, and by which rule."""
    every = [one for one in found.outcomes if one.endpoint.role == role]
    known = [one for one in every if one.tables and one.endpoint.sign is not None]
    parts = [f"{_moved(found, known, role)}, by {_rule(found, role)}"] if known else []
    if undirected := sum(one.endpoint.sign is None and bool(one.tables) for one in every):
        parts.append(f"{say.counted(undirected, f'{role} outcome')} without a declared direction of benefit")
    if without := sum(not one.tables for one in every):
        parts.append(f"{say.counted(without, f'{role} outcome')} without results")
    return f"{'; '.join(parts)}."


def _moved(found: StudyResult, known: list[OutcomeResult], role: str) -> str:
    """'The primary outcome improved', '3 of 7 secondary outcomes improved and 1 worsened'."""
    better, worse = (sum(shown(found, one, benefit) for one in known) for benefit in (True, False))
    if len(known) > 1:
        also = f" and {say.count(worse, 'n.worsened')} worsened" if worse else ""
        return f"{say.count(better, 'n.improved')} of {say.count(len(known), 'N')} {role} outcomes improved{also}"
    verbs = ["improved"] * better + ["worsened"] * worse
    return f"The {role} outcome {' and '.join(verbs) or 'neither improved nor worsened'}"


def _rule(found: StudyResult, role: str) -> str:
    if found.frequentist is None:
        limit = 1 - ALPHA / 2
        return f"a posterior probability above {said(f'{limit:g}', limit, 'prob.limit')} at any tested visit"
    kind = "unadjusted p" if role == "exploratory" else "adjusted p"
    text = f"{kind} below {said(f'{ALPHA:.2g}', ALPHA, 'alpha')} at any tested visit"
    if all(one.endpoint.test in TWO_SIDED for one in found.of_role(role)):
        return text
    return f"{text}, a worsening against which no test was made by the unadjusted interval"


def shown(found: StudyResult, one: OutcomeResult, benefit: bool) -> bool:
    """Whether any tested contrast shows a benefit, or a worsening: by the first engine with p-values, else the first.

    A test that is not two-sided has no p-value of a worsening; there the interval must lie on that side of no change.
    """
    engine = next((name for name in one.tables if not found.bayesian[name]), next(iter(one.tables), None))
    if engine is None or one.endpoint.sign is None:
        return False
    rows = one.tables[engine]
    rows = rows[rows["tested"]]
    if found.bayesian[engine]:
        p = 1 - rows["prob_improved"] if benefit else rows["prob_improved"]
        return bool((p < ALPHA / 2).any())
    sign, null = (one.endpoint.sign if benefit else -one.endpoint.sign), one.analyses[engine].null
    if not benefit and one.endpoint.test not in TWO_SIDED:
        return bool(((rows["lower"] > null) if sign > 0 else (rows["upper"] < null)).any())
    p = rows["p_value"] if one.endpoint.role == "exploratory" else rows["p_adjusted"]
    return bool(((p < ALPHA) & ((rows["estimate"] - null) * sign > 0)).any())
