"""The posteriors of the contrasts, drawn."""

from __future__ import annotations

import pandas as pd

from msclong.plots.half_eye import half_eye
from msclong.plots.style import capitalised
from msclong.printing import numbers
from msclong.reporting.analysis import Analysis
from msclong.reporting.comparisons import Comparison, Refusal
from msclong.reporting.contrast_draws import contrast_draws, row_names
from msclong.reporting.plate import plate
from msclong.reporting.record import Figure
from msclong.reporting.tables import shared_decimals
from msclong.reporting.wording import inside, spoken
from msclong.results.fit import Fit

MOST = 12
"""With more contrasts than this those between arms are drawn, and with more of these those at the last visit."""


def half_eyes(
    analysis: Analysis, name: str, fit: Fit, found: Comparison | Refusal, number: int
) -> tuple[Figure, ...]:
    """Density, estimate and intervals of each contrast; nothing where there are no contrasts.

    Draws give the densities; estimates and intervals are the contrasts table's, which may know them exactly.
    """
    if isinstance(found, Refusal):
        return ()
    rows, only = drawn_rows(analysis, found)
    names, values = row_names(analysis, found.groups, found.labels), contrast_draws(analysis, fit)
    draws = {names[i]: values[:, i] for i in rows}
    half = fit.contrasts(at=analysis.at, level=0.5)[["lower", "upper"]].add_suffix("_50")
    table = pd.concat([found.tables[name][["estimate", "lower", "upper"]], half], axis="columns").iloc[rows]
    data = table.reset_index(drop=True)
    data.insert(0, "label", list(draws))
    outcome = inside(analysis.averaged(inside(analysis.names.outcome)))
    title = f"{capitalised(analysis.effect)} {'of' if analysis.null else 'in'} {outcome}"
    if analysis.spec.outcome_type == "change":
        title = analysis.spec.outcome_label
    dashed = "" if analysis.spec.margin is None else f"; dashed, the relevant {analysis.effect}"
    caption = (
        f"Posterior densities of the contrasts, {spoken(name)} fit{only}: estimate, 50% (thick) and 95% equal-tailed "
        f"interval; line, no {analysis.effect if not analysis.null else 'difference'}{dashed}."
    )
    decimals = shared_decimals(found.tables)
    told = [
        f"{label}: {numbers.fixed(estimate, decimals)} ({numbers.interval(lower, upper, decimals)})"
        for label, estimate, lower, upper in data[["label", "estimate", "lower", "upper"]].to_numpy()
    ]
    alt = f"Half-eye plot of {len(told)} posteriors, estimate and 95% interval. {'; '.join(told)}."
    drawing = half_eye(draws, data, decimals, title, analysis.null, analysis.spec.margin)
    return (plate(f"posteriors-{number}", caption, alt, drawing, data),)


def drawn_rows(analysis: Analysis, found: Comparison) -> tuple[list[int], str]:
    """Which contrasts are drawn, and how the caption says so."""
    every = list(range(len(found.labels)))
    between = [i for i in every if found.between[i]]
    if len(every) <= MOST:
        return every, ""
    if 0 < len(between) <= MOST:
        return between, ", between arms"
    last = analysis.names.label(analysis.times[-1])
    rows = [*found.rows(last, False), *found.rows(last, True)]
    return rows, f", at {analysis.names.visit(analysis.times[-1])}"


def last_rows(analysis: Analysis, found: Comparison) -> pd.Index:
    """The contrasts at the last visit, those between arms first."""
    last = analysis.names.label(analysis.times[-1])
    return pd.Index([*found.rows(last, True), *found.rows(last, False)])
