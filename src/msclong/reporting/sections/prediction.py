"""Posterior predictive checks: does the model produce data like those observed?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.diagnostics.predictive_checks import predictive_bands as compared
from msclong.errors import MsclongError
from msclong.plots.predictive import predictive_bands
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import Analysis
from msclong.reporting.plate import plate
from msclong.reporting.record import Block, Cell, Column, FoldOut, Paragraph, Row, Table
from msclong.reporting.tables import interval_cell, number_cell
from msclong.reporting.wording import inside, listed, spoken
from msclong.results.fit import Fit

SETS = 400
"""Data sets that are drawn."""

MOST_ROWS = 20_000
"""Above so many outcomes fewer data sets are drawn, so that they take no more memory."""

EXTREME = 0.025
"""Predictive p-values beyond this, at either end, are counted."""

DRAWN = ("mean", "sd", "zeros")
"""Statistics that the figure has; the table has all."""

WORDS = {"mean": "Mean", "sd": "SD", "min": "Smallest", "max": "Largest", "zeros": "Share of zeros"}


def prediction(analysis: Analysis, name: str, fit: Fit, number: int) -> list[Block]:
    """A figure of bands over the visits, and a table with predictive p-values."""
    sets = max(50, min(SETS, SETS * MOST_ROWS // fit.n_obs))
    statistics = _statistics(analysis)
    try:
        found = compared(fit, statistics, _by(analysis), sets, _seed(fit))
    except (MsclongError, np.linalg.LinAlgError) as refusal:
        return [Paragraph(f"Predicted and observed outcomes are not compared. {refusal}")]
    p = found["predictive_p"].dropna()
    beyond = int(((p < EXTREME) | (p > 1 - EXTREME)).sum())
    names = [WORDS[statistic].lower().replace("sd", "SD") for statistic in statistics]
    groups = [analysis.arm and "arm", _by_visit(analysis) and analysis.occasion]
    each = f"each {listed([str(name) for name in groups if name])}" if any(groups) else "all rows"
    text = (
        f"The model drew {say.count(sets)} data sets like the one observed, each with parameters from the posterior "
        f"and with the same visits missing. Of {say.count(len(p))} statistics ({listed(names)} of {each}) "
        f"{say.count(beyond)} lie{'s' if beyond == 1 else ''} beyond the central 95% of what the model predicts "
        f"([[table:predictive-{number}]]). Predictive p-values near 0 or 1 mean that the model does not reproduce a "
        "feature of the data; they are no tests."
    )
    table = _table(analysis, found, statistics, name, number)
    blocks: list[Block] = [Paragraph(text)]
    if _by_visit(analysis):
        data = _bands(analysis, found)
        outcome = analysis.spec.outcome_label
        caption = (
            "Observed statistics (dots; hollow where outside) over 50% and 95% bands of the same in data sets "
            "drawn from "
            f"the posterior predictive distribution, {spoken(name)} fit."
        )
        alt = f"Bands of predicted {inside(outcome)} by visit; {beyond} of {len(p)} observed statistics lie outside."
        drawing = predictive_bands(data, analysis.positions, outcome, analysis.names.time_axis)
        blocks.append(plate(f"predictive-{number}", caption, alt, drawing, data))
    return [*blocks, FoldOut(table.caption, (table,))]


def _statistics(analysis: Analysis) -> tuple[str, ...]:
    """What is compared: of yes or no the share alone; of counts and hurdles the zeros too."""
    if analysis.of_probability and not analysis.spec.trials:
        return ("mean",)
    zeros = bool((analysis.design.outcome == 0).any()) and (
        analysis.design.zero is not None or analysis.spec.family in ("poisson", "negative_binomial")
    )
    return (
        "mean",
        "sd",
        *(("zeros",) if zeros else ("min", "max") if analysis.spec.family in ("gaussian", "student") else ()),
    )


def _by_visit(analysis: Analysis) -> bool:
    return analysis.visit is not None and not analysis.continuous_time


def _by(analysis: Analysis) -> list[str]:
    """Groups of rows: arm and visit, as far as there are any."""
    visit = analysis.visit if _by_visit(analysis) else None
    return [name for name in (analysis.arm, visit) if name is not None]


def _seed(fit: Fit) -> int:
    seed = fit.outcome.diagnostics.get("seed")
    return seed if isinstance(seed, int) else 0


def _named(analysis: Analysis, index: pd.Index) -> tuple[list[str], list[str]]:
    """Arm and visit of each group as readers know them; '' where there are none."""
    frame = index.to_frame(index=False)
    arms = (
        frame[analysis.arm].map(analysis.names.arm) if analysis.arm in frame else pd.Series([""] * len(frame))
    )
    visits = (
        frame[analysis.visit].map(analysis.names.label)
        if _by_visit(analysis)
        else pd.Series(["all" if analysis.arm is None else ""] * len(frame))
    )
    return arms.astype(object).tolist(), visits.astype(object).tolist()


def _bands(analysis: Analysis, found: pd.DataFrame) -> pd.DataFrame:
    data = []
    for statistic in found.index.get_level_values("statistic").unique().intersection(list(DRAWN), sort=False):
        part = found.xs(statistic, level="statistic")
        arms, visits = _named(analysis, part.index)
        data.append(part.reset_index(drop=True).assign(statistic=WORDS[statistic], arm=arms, visit=visits))
    return pd.concat(data, ignore_index=True)


def _table(
    analysis: Analysis, found: pd.DataFrame, statistics: tuple[str, ...], name: str, number: int
) -> Table:
    parts = {statistic: found.xs(statistic, level="statistic") for statistic in statistics}
    arms, visits = _named(analysis, parts[statistics[0]].index)
    columns = [Column(analysis.visit.capitalize() if _by_visit(analysis) and analysis.visit else "Rows")]
    rows: list[list[Cell]] = [[Cell(visit or arm)] for arm, visit in zip(arms, visits, strict=True)]
    for statistic, part in parts.items():
        span = WORDS[statistic]
        columns += [
            Column("Observed", span, "number", stat=f"{statistic}.observed"),
            Column("95% predicted", span, "interval", stat=(f"{statistic}.low", f"{statistic}.high")),
            Column("p", span, "number", stat=f"{statistic}.predictive.p"),
        ]
        decimals = numbers.decimals_for((part["upper"] - part["lower"]) / 4)
        for row, values in zip(rows, part.itertuples(), strict=True):
            row += [
                Cell(numbers.fixed(values.observed, decimals), values.observed),
                interval_cell(values.lower, values.upper, decimals),
                number_cell(values.predictive_p, numbers.probability),
            ]
    lines = tuple(
        Row(tuple(row), arm if _by_visit(analysis) else "") for row, arm in zip(rows, arms, strict=True)
    )
    note = "p: share of simulated data sets with a larger value, half of the equal ones counted."
    caption = f"Observed statistics and their posterior predictive distribution, {spoken(name)} fit"
    return Table(f"predictive-{number}", caption, tuple(columns), lines, (note,))
