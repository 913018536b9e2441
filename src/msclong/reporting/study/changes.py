"""The outcomes' changes: primary ones in full, the others together."""

from __future__ import annotations

import pandas as pd

from msclong.plots.outcome_panels import outcome_panels
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL
from msclong.reporting.comparisons import Comparison, means
from msclong.reporting.plate import plate
from msclong.reporting.record import Block, FoldOut, Section, Subheading
from msclong.reporting.sections.effects import contrasts_caption, means_figure
from msclong.reporting.study.answer import key_of, slug
from msclong.reporting.study.results import OutcomeResult, StudyResult
from msclong.reporting.study.tables import contrasts_table
from msclong.reporting.wording import inside, spoken

MOST_PRIMARY_FIGURES = 6
MOST_PANELS = 30
MOST_ROWS = 120
"""A table of several outcomes with more rows than this shows the last tested visits, and folds the others away."""


def primary(found: StudyResult) -> Section | None:
    """Each primary outcome in full: all contrasts of all engines, the paired t-tests, and the means over time."""
    outcomes = found.of_role("primary")
    if not outcomes:
        return None
    blocks: list[Block] = []
    for i, one in enumerate(outcomes):
        if len(outcomes) > 1:
            blocks.append(Subheading(one.title))
        analysis = next(one.analyses[engine] for engine in one.tables)
        caption = contrasts_caption(analysis)
        blocks.append(contrasts_table(found, {one.name: one.rows}, key_of(one), caption, in_full=True))
        if i < MOST_PRIMARY_FIGURES and isinstance(table := means(analysis), Comparison):
            blocks.append(means_figure(analysis, table, f"means-{slug(one.name)}"))
    return Section("primary", "Primary outcome" + ("s" if len(outcomes) > 1 else ""), tuple(blocks))


def others(found: StudyResult) -> Section | None:
    """Secondary and exploratory outcomes, a table for each role; all outcomes' means as small panels."""
    blocks: list[Block] = []
    for role in ("secondary", "exploratory"):
        outcomes = found.of_role(role)
        if not outcomes:
            continue
        rows = {one.name: one.tested for one in outcomes}
        caption = f"{role.capitalize()} outcomes: change from baseline by both engines"
        caption = caption if len(found.bayesian) == 2 else caption.replace(" by both engines", "")
        if found.arms:
            caption = caption.replace("change from baseline", "differences between arms")
        note = ["Each outcome has its own model and its own effect, named above it."]
        if sum(map(len, rows.values())) > MOST_ROWS:
            last = {one.name: one.last for one in outcomes}
            blocks.append(contrasts_table(found, last, role, f"{caption}, last tested visit", False, note))
            whole = contrasts_table(found, rows, f"{role}-all", caption, False, note)
            blocks.append(
                FoldOut(f"All tested visits of the {say.count(len(outcomes))} {role} outcomes", (whole,))
            )
        else:
            blocks.append(contrasts_table(found, rows, role, caption, False, note))
    blocks += _panels(found)
    if not blocks:
        return None
    return Section("others", "Other outcomes" if found.of_role("primary") else "Outcomes", tuple(blocks))


def _panels(found: StudyResult) -> list[Block]:
    """Means of every outcome by visit, of its own model where an engine fitted it."""
    parts: list[pd.DataFrame] = []
    shown: list[OutcomeResult] = []
    for one in [*found.of_role("primary", "secondary"), *found.of_role("exploratory")]:
        table = None if one.own is None or one.own.continuous_time else means(one.own)
        if len(shown) == MOST_PANELS or not isinstance(table, Comparison):
            continue
        (figures,) = table.tables.values()
        part = pd.DataFrame({"outcome": one.name, "arm": table.groups, "visit": table.labels})
        parts.append(part.join(figures[["estimate", "lower", "upper"]].reset_index(drop=True)))
        shown.append(one)
    if not shown:
        return []
    data = pd.concat(parts, ignore_index=True)
    positions = {one.name: one.own.positions for one in shown if one.own is not None}
    logarithmic = [one.name for one in shown if _on_log_axis(one, data)]
    times = {one.own.names.time_axis for one in shown if one.own is not None}
    titles = {one.name: one.title for one in shown}
    drawn = outcome_panels(data, positions, titles, logarithmic, times.pop() if len(times) == 1 else "Visit")
    caption = (
        "Every outcome over time: the model\u2019s means (geometric means of lognormal, medians of logit-normal "
        f"outcomes) with {LEVEL:.0%} intervals, of the outcome\u2019s own family where an engine fitted it"
    )
    engines = {next(iter(one.own.fits)) for one in shown if one.own is not None}
    if len(engines) == 1:
        caption += f" ({spoken(engines.pop())})"
    caption += "." if not logarithmic else "; logarithmic axes for ratios."
    left = len([one for one in found.outcomes if one.rows]) - len(shown)
    if left > 0:
        caption += f" {say.count(left)} more outcomes are not drawn: the figure holds at most {say.count(MOST_PANELS)}."
    names = ", ".join(inside(one.label) for one in shown)
    alt = f"{len(shown)} small line plots of means by visit: {names}."
    return [plate("panels", caption, alt, drawn, data)]


def _on_log_axis(one: OutcomeResult, data: pd.DataFrame) -> bool:
    positive = bool((data.loc[data["outcome"] == one.name, "lower"] > 0).all())
    return positive and one.own is not None and one.own.effect == "ratio"
