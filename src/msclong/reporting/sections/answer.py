"""The answer first: the estimates at the last visit, in sentences with figures."""

from __future__ import annotations

import pandas as pd

from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.at_random import meaning
from msclong.reporting.cautions import cautions
from msclong.reporting.comparisons import Comparison, Refusal, baseline
from msclong.reporting.held import held
from msclong.reporting.inline import said
from msclong.reporting.record import Paragraph, Section
from msclong.reporting.tables import shared_decimals
from msclong.reporting.wording import inside, listed, spoken


def answer(analysis: Analysis, found: Comparison | Refusal) -> Section:
    """What to beware of, then the change at the last visit by arm and between arms: the first engine in full."""
    warned = [Paragraph(text, "caution") for text in cautions(analysis)]
    if isinstance(found, Refusal):
        blocks = [
            *warned,
            Paragraph(f"No contrast by visit could be formed for this model. {found.reason}", "answer"),
            Paragraph("The estimated coefficients are in [[table:coefficients-1]]."),
        ]
        return Section("answer", "Summary", tuple(blocks))
    last = analysis.names.label(analysis.times[-1])
    within, between = found.select(found.rows(last, False)), found.select(found.rows(last, True))
    decimals = shared_decimals(found.tables)
    names = list(analysis.fits)
    blocks = [*warned]
    if within.labels:
        blocks.append(Paragraph(_within(analysis, within, names[0], decimals, not between.labels), "answer"))
    if between.labels:
        blocks.append(Paragraph(_between(analysis, between, names[0], decimals), "answer"))
    for name in names[1:]:
        blocks.append(
            Paragraph(_again(analysis, between if between.labels else within, name, decimals), "answer")
        )
    blocks.append(Paragraph(_reading(analysis), "note"))
    return Section("answer", "Summary", tuple(blocks))


def _within(analysis: Analysis, rows: Comparison, engine: str, decimals: int, evidence: bool) -> str:
    names = analysis.names
    last = names.visit(analysis.times[-1])
    if analysis.spec.outcome_type == "change":
        quantity = f"the estimated mean {inside(names.outcome)}"
    elif analysis.null:
        quantity = (
            f"the estimated {analysis.effect} of {analysis.averaged(inside(names.outcome))} to that at "
            f"{names.visit(baseline(analysis))}"
        )
    elif analysis.of_probability:
        quantity = (
            f"the estimated difference in {analysis.averaged(inside(names.outcome))} from that at "
            f"{names.visit(baseline(analysis))}"
        )
    else:
        quantity = (
            f"the estimated mean change in {inside(names.outcome)} from {names.visit(baseline(analysis))}"
        )
    table = rows.tables[engine]
    figures = [_figures(analysis, row, engine, decimals, evidence) for _, row in table.iterrows()]
    parts = [
        f"{text} in the {group} arm" if group else text
        for text, group in zip(figures, rows.groups, strict=True)
    ]
    return f"At {last}, {quantity} was {listed(parts)}."


def _between(analysis: Analysis, rows: Comparison, engine: str, decimals: int) -> str:
    table = rows.tables[engine]
    # Without changes within arms, this sentence is the first.
    alone = analysis.spec.baseline_as == "covariate"
    when = analysis.names.visit(analysis.times[-1]) if alone else f"that {analysis.occasion}"
    of = f" in {analysis.averaged(inside(analysis.names.outcome))}" if analysis.of_probability else ""
    figures = [_figures(analysis, row, engine, decimals, True) for _, row in table.iterrows()]
    if len(figures) == 1:
        group = rows.groups[0]
        return f"The estimated {analysis.effect}{of} between the arms at {when}, {group}, was {figures[0]}."
    parts = [f"{text} for {group}" for text, group in zip(figures, rows.groups, strict=True)]
    return f"The estimated {analysis.effect}s{of} between arms at {when} were {listed(parts)}."


def _again(analysis: Analysis, rows: Comparison, engine: str, decimals: int) -> str:
    """The same rows by another engine."""
    table = rows.tables[engine]
    figures = [_figures(analysis, row, engine, decimals, True) for _, row in table.iterrows()]
    if len(figures) == 1:
        return f"The {spoken(engine)} fit of the same model gives {figures[0]}."
    parts = [f"{text} for {group}" for text, group in zip(figures, rows.groups, strict=True)]
    return f"The {spoken(engine)} fit of the same model gives {listed(parts)}."


def _figures(analysis: Analysis, row: pd.Series, engine: str, decimals: int, evidence: bool) -> str:
    """'-2.28 points (95% confidence interval -4.30 to -0.26; p = 0.027)'."""
    kind = "credible" if analysis.bayesian(engine) else "confidence"
    inner = f"{LEVEL:.0%} {kind} interval {say.interval(row['lower'], row['upper'], decimals)}"
    if evidence and "p_value" in row:
        inner += f"; p{say.NBSP}{say.p_value(row['p_value'])}"
        if "p_adjusted" in row:
            inner += f"; adjusted p{say.NBSP}{say.p_value(row['p_adjusted'], 'adj.p.value')}"
    elif evidence:
        below = row["estimate"] < analysis.null
        lower = row["prob_below_1" if analysis.null else "prob_negative"]
        mass = lower if below else 1 - lower
        side = f"{'below' if below else 'above'} {analysis.null_word}"
        told = said(numbers.probability(mass), mass, f"prob.{side.replace(' ', '.')}")
        inner += f"; posterior probability that it lies {side}: {told}"
    unit = "" if analysis.null or analysis.of_probability else analysis.names.unit.replace(" ", say.NBSP)
    return f"{say.fixed(row['estimate'], decimals)}{unit} ({inner})"


def _reading(analysis: Analysis) -> str:
    if all(analysis.bayesian(name) for name in analysis.fits):
        last = "Intervals and probabilities refer to one row at a time."
    else:
        last = (
            f"Intervals and p-values are not adjusted for the number of {analysis.occasion}s and comparisons"
        )
        last += "." if analysis.adjust is None else ", but where adjusted p-values are named."
    grid = held(analysis)
    effects = f"{analysis.effect}s{grid and f', {grid}'}"
    return (
        f"All {analysis.occasion}s are in [[table:contrasts]] and [[figure:forest]]. Estimates are marginal "
        f"(least-squares) {analysis.averages} of the model and their {effects}. They rest on the assumption "
        f"that missing outcomes are missing {meaning(analysis.engines)}. {last}"
    )
