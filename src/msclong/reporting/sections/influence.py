"""What single participants do to the answer: Cook's distances, and the main contrast without the most influential."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.diagnostics.deletions import Deletions, deletions
from msclong.diagnostics.influence import influence
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import MsclongError
from msclong.linear_hypothesis import label
from msclong.plots.influence import influence_stems
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import Analysis
from msclong.reporting.comparisons import Comparison, Refusal
from msclong.reporting.inline import said
from msclong.reporting.plate import plate
from msclong.reporting.record import Block, Cell, Column, Figure, Paragraph, Row, Subheading, Table
from msclong.reporting.tables import number_cell, shared_decimals
from msclong.results.fit import Fit

SHOWN = 8
"""Participants in the table: those with the largest distances."""

MOST_ROWS = 50_000
"""Above so many outcomes nobody is left out: with them no single participant matters, and each refit takes long."""


def influence_blocks(analysis: Analysis, found: Comparison | Refusal) -> list[Block]:
    """Figure of Cook's distances of all, table of the largest with the main contrast without each of them.

    Of outcomes that are not Gaussian, of least squares, and above MOST_ROWS, a sentence says why there is none.
    """
    heading = Subheading("Influence of single participants")
    fit = next((f for f in analysis.fits.values() if isinstance(f.engine, Frequentist)), analysis.first)
    if fit.n_obs > MOST_ROWS:
        text = f"With {say.counted(fit.n_obs, 'outcome')} nobody was left out: that is done with up to {MOST_ROWS:,}."
        return [heading, Paragraph(text)]
    try:
        left_out = deletions(fit)
    except MsclongError as refusal:
        return [heading, Paragraph(f"Nobody was left out. {refusal}")]
    case = _case(analysis, left_out)
    blocks: list[Block] = [heading, Paragraph(_how(left_out, case))]
    blocks += [_table(analysis, fit, found, left_out, case), _figure(analysis, left_out, case)]
    return blocks


def _case(analysis: Analysis, left_out: Deletions) -> str:
    """What is left out: 'participant', or the larger unit that holds several."""
    return (
        "participant" if len(left_out.table) == analysis.first.n_subjects else str(left_out.table.index.name)
    )


def _how(left_out: Deletions, case: str) -> str:
    distance = left_out.table["cook_d"]
    text = (
        f"Cook\u2019s distance measures how far all fixed effects together move when a {case} is left out, in units of "
        f"their own uncertainty. Its largest value is {say.significant(float(distance.max()), 2, 'cook.d')} "
        f"({label(distance.idxmax())}); values near 1 would mean that one {case} moves the estimates to the edge of "
        "their joint 50% confidence region."
    )
    if (alone := int(distance.isna().sum())) > 0:
        text += (
            f" {say.counted(alone, case)} cannot be left out, for without them the others do not determine the fixed "
            "effects."
        )
    return text


def _table(
    analysis: Analysis, fit: Fit, found: Comparison | Refusal, left_out: Deletions, case: str
) -> Table:
    largest = left_out.table["cook_d"].dropna().nlargest(SHOWN).index
    refitted = isinstance(fit.engine, Frequentist)
    coefficients, notes, converged = left_out.coefficients.loc[largest], [], None
    if refitted:
        again = influence(fit, cases=largest)
        coefficients, converged = again.coefficients, again.table["converged"]
    what, whole, each = _main_contrast(analysis, fit, found, coefficients)
    decimals = 2 if isinstance(found, Refusal) else shared_decimals(found.tables)
    columns = [
        Column(case.capitalize()),
        Column("Outcomes", kind="number", stat="n"),
        Column("Cook\u2019s distance", kind="number", stat="cook.d"),
    ]
    if whole:
        columns += [
            Column("Estimate without", kind="number", stat="estimate"),
            Column("Shift, in SE", kind="number", stat="estimate.shift"),
        ]
    rows = []
    for i, name in enumerate(largest):
        seen = left_out.table.loc[name]
        cells = [
            Cell(label(name)),
            number_cell(seen["n_obs"], numbers.count),
            number_cell(seen["cook_d"], lambda value: numbers.significant(value, 2)),
        ]
        if whole:
            cells += [
                number_cell(each[i], lambda value: numbers.fixed(value, decimals)),
                number_cell((each[i] - whole[0]) / whole[1], lambda value: numbers.fixed(value, 2)),
            ]
        rows.append(Row(tuple(cells)))
    notes.append("Cook\u2019s distances are with the covariance held at its estimate.")
    if whole:
        notes.append(
            f"Estimate: {what}; from all data {said(numbers.fixed(whole[0], decimals), whole[0], 'estimate')} (SE "
            f"{said(numbers.fixed(whole[1], decimals), whole[1], 'std.error')})."
        )
        notes.append(
            "Without each, the model was fitted again, covariance included."
            if refitted
            else "Without each, the covariance is the one of all data, and there are no priors."
        )
    if converged is not None and not converged.all():
        notes.append(f"{numbers.DASH}: no fit without it.")
    caption = f"The {say.counted(len(rows), case)} with the largest influence on the fixed effects"
    return Table("influence", caption, tuple(columns), tuple(rows), tuple(notes))


def _main_contrast(
    analysis: Analysis, fit: Fit, found: Comparison | Refusal, coefficients: pd.DataFrame
) -> tuple[str, tuple[float, float] | None, np.ndarray]:
    """The contrast at the last visit (between arms, where there are arms) in words; from all data with its SE, and
    without each case. On the scale of the linear predictor where the outcome's is another."""
    if isinstance(found, Refusal):
        return "", None, np.empty(0)
    last = analysis.names.label(analysis.times[-1])
    row = [*found.rows(last, True), *found.rows(last, False)][0]
    hypothesis = fit.hypothesis(at=analysis.at)
    L = hypothesis.L[row]
    scale = "" if analysis.design.family.link == "identity" else f", {analysis.design.family.predictor_scale}"
    group = f"{found.groups[row]}, " if found.groups[row] else ""
    what = f"{analysis.effect if not scale else 'difference'} {group}{analysis.names.visit(analysis.times[-1])}{scale}"
    beta, vcov = fit.estimate.beta, fit.estimate.vcov
    return what, (float(L @ beta), float(np.sqrt(L @ vcov @ L))), coefficients.to_numpy() @ L


def _figure(analysis: Analysis, left_out: Deletions, case: str) -> Figure:
    design = analysis.design
    first = np.unique(design.unit, return_index=True)[1]
    arms = "" if analysis.arm is None or case != "participant" else (
        design.fixed.frame[analysis.arm].iloc[first].map(analysis.names.arm).astype(object).to_numpy()
    )  # fmt: skip
    data = pd.DataFrame(
        {
            "case": [label(name) for name in left_out.table.index],
            "arm": arms,
            "cook_d": left_out.table["cook_d"].to_numpy(),
        }
    )
    order = [analysis.names.arm(arm) for arm in analysis.arms] if isinstance(arms, np.ndarray) else [""]
    top = left_out.table["cook_d"].idxmax()
    caption = (
        f"Cook\u2019s distance of each {case}, the covariance held at its estimate; the largest are named."
    )
    alt = (
        f"Stems of {len(data)} Cook's distances. The largest is "
        f"{numbers.significant(float(data['cook_d'].max()), 2)}, of "
        f"{label(top)}; the median is {numbers.significant(float(data['cook_d'].median()), 2)}."
    )
    return plate("influence", caption, alt, influence_stems(data, f"{case.capitalize()}s", order), data)
