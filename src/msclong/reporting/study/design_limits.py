"""What the design can and cannot show: a trial without control has changes, not effects."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from msclong.errors import MsclongError
from msclong.plots.selection import effect_over_population_means
from msclong.plots.style import capitalised
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL, Analysis, round_times
from msclong.reporting.inline import plain, said
from msclong.reporting.plate import plate
from msclong.reporting.record import (
    Axes,
    Block,
    Bullets,
    Cell,
    Column,
    Paragraph,
    Row,
    Section,
    Subheading,
    Table,
)
from msclong.reporting.study.results import OutcomeResult, StudyResult
from msclong.reporting.tables import interval_cell, number_cell
from msclong.reporting.wording import inside
from msclong.single_arm.events import EventLimits, event_limits
from msclong.single_arm.regression_to_the_mean import RegressionToTheMean, regression_to_the_mean

STEPS = 61
"""Population means at which the curve is drawn."""

SHOWN = 8
"""Population means in the table, at most: round ones."""

SPREAD = 2.5
"""The curve runs over so many SDs of the patients on either side of their mean before treatment."""

CAN = (
    "A single arm shows how these patients changed, and how surely. It cannot show how they would have changed without "
    "the treatment. Other reasons for a change, none of which these figures can tell from an effect:"
)
REASONS = (
    "Natural course: a disease that comes and goes may improve by itself in the months after a bad spell.",
    "Regression to the mean: patients who are enrolled because they are ill are measured at a high point of their own "
    "fluctuation, and the next measurement is nearer to the mean, treated or not.",
    "Expectation: patients who know that they received a new treatment report feeling better, in scores that they rate "
    "themselves most of all.",
    "Other treatment: whatever else was started, stopped or changed in these months.",
    "Assessment that was not blinded: whoever rates the outcome knows that the patient was treated, and which visit it "
    "is.",
)
WITH_ARMS = (
    "Contrasts against baseline within an arm have other reasons beside treatment: natural course, regression to "
    "the mean, expectation, other treatment. These act in every arm alike when patients were allocated at random, "
    "so that differences between arms are free of them. Whether allocation was at random and concealed, and whether "
    "patients and assessors were kept unaware of it, the data do not tell: that belongs to the trial\u2019s "
    "protocol."
)


def design_limits(found: StudyResult) -> Section:
    """The reasons for a change, regression to the mean of the primary outcome, and exact limits of events."""
    if found.arms:
        blocks: list[Block] = [Paragraph(WITH_ARMS)]
    else:
        blocks = [Paragraph(CAN), Bullets(REASONS), *_regression(found)]
    return Section("design", "What this design can and cannot show", (*blocks, *_events(found)))


def _regression(found: StudyResult) -> list[Block]:
    candidates = [*found.of_role("primary"), *found.of_role("secondary", "exploratory")]
    planned = (one for one in candidates if one.own is not None and not one.own.continuous_time)
    one = next((one for one in planned if one.own is not None and one.own.visit is not None), None)
    if one is None or one.own is None:
        return []
    heading = Subheading(f"How much of the change could be regression to the mean: {inside(one.label)}")
    analysis = one.own
    last = analysis.times[-1] if not one.last else _level(analysis, one.last[-1][1])
    try:
        result = _of(one, analysis, last)
    except MsclongError as error:
        return [heading, Paragraph(f"This cannot be told here. {error}")]
    return [heading, *_blocks(one, analysis, last, result)]


def _level(analysis: Analysis, label: str) -> Hashable:
    return next((time for time in analysis.times if analysis.names.label(time) == label), analysis.times[-1])


def _of(one: OutcomeResult, analysis: Analysis, last: Hashable) -> RegressionToTheMean:
    """Mee and Chua's analysis of baseline and the last tested visit, as measured."""
    data = analysis.data
    wide = data.frame.pivot(index=data.subject, columns=analysis.visit, values=data.outcome)
    pairs = wide[[analysis.design.baseline, last]].dropna().astype(float)
    pre, post = pairs.iloc[:, 0].to_numpy(), pairs.iloc[:, 1].to_numpy()
    start, spread = float(pre.mean()), float(pre.std(ddof=1))
    low, high = start - SPREAD * spread, start + SPREAD * spread
    if (pairs.to_numpy() >= 0).all():
        low = max(low, 0.0)
    better = one.endpoint.better
    means = [*np.linspace(low, high, STEPS), *round_times(low, high, SHOWN)]
    return regression_to_the_mean(pre, post, population_means=means, better=better)


def _blocks(
    one: OutcomeResult, analysis: Analysis, last: Hashable, result: RegressionToTheMean
) -> list[Block]:
    table = result.table.reset_index()
    (intervals,) = result.no_effect.values()
    start, decimals = result.summary.pre_mean, numbers.decimals_for(table["se"])
    visit, label, unit = analysis.names.visit(last), inside(one.label), analysis.names.unit

    def text(value: float) -> str:
        return numbers.fixed(value, decimals)

    values = analysis.data.frame[analysis.data.outcome].dropna()
    floor = 0.0 if (values >= 0).all() else -np.inf  # what is never negative has no negative mean
    absent = [
        _range(-np.inf if low < floor else low, high, decimals) for low, high in intervals if high > floor
    ]
    where = (
        f"It can no longer be told from zero if that mean is {' or '.join(absent)}{unit} (shaded)"
        if absent
        else "It can be told from zero whatever that mean is"
    )
    words = (
        f"These patients\u2019 mean before treatment was {say.fixed(start, decimals, 'mean')}{unit}. If the "
        "mean of the population that they were selected from, untreated, is nearer to health, some of the change until "
        f"{visit} is regression to the mean. [[figure:regression]] shows the effect that is left, for each population "
        f"mean that one may assume (Mee and Chua 1991). {where}. These data do not say which mean is the true one; "
        "measurements before enrolment, or a registry of untreated patients, would."
    )
    caption = (
        f"Change in {label} from {analysis.names.visit(analysis.design.baseline)} to {visit} beyond regression to "
        f"the mean, with {LEVEL:.0%} confidence interval, by the assumed mean of untreated patients. Shaded: no "
        "effect can be told from zero. At the dashed line no regression to the mean is assumed."
    )
    alt = (
        f"Line of the effect on {label} over population means from {text(table['population_mean'].iloc[0])} to "
        f"{text(table['population_mean'].iloc[-1])}. {plain(where)}."
    )
    axis = f"Assumed population mean of {inside(one.title)}"
    drawn = effect_over_population_means(
        table, start, intervals, axis, "Effect beyond regression to the mean"
    )
    figure = plate("regression", caption, alt, drawn, table)
    low, high = table["population_mean"].iloc[[0, -1]]
    chosen = table[table["population_mean"].isin(round_times(low, high, SHOWN))]
    columns = (
        Column("Population mean"),
        Column("Regression to the mean", kind="number", stat="regression.to.mean"),
        Column("Effect beyond it", kind="number", stat="estimate"),
        Column(f"{LEVEL:.0%} CI", kind="interval"),
        Column("p", kind="number"),
    )
    rows = tuple(
        Row(
            (
                number_cell(row["population_mean"], numbers.stated),
                number_cell(row["regression_to_mean"], text),
                number_cell(row["estimate"], text),
                interval_cell(row["lower"], row["upper"], decimals),
                number_cell(row["p_value"], numbers.p_value),
            )
        )
        for _, row in chosen.iterrows()
    )
    notes = (
        f"{say.count(result.summary.n)} patients with both visits, as measured; correlation of the two visits "
        f"{say.fixed(float(result.summary.r or 0), 2, 'correlation')}; {say.count(result.summary.n - 2, 'df')} df. "
        "p: two-sided, of no effect, not adjusted. The method supposes that selection went by this outcome, and that "
        "untreated means stay where they are. What is called effect here still holds natural course, expectation and "
        "other treatment.",
    )
    title = f"Change in {label} until {visit} that regression to the mean and an effect would share"
    return [Paragraph(words), figure, Table("regression", title, columns, rows, notes, variable=one.label)]


def _range(low: float, high: float, decimals: int) -> str:
    def text(value: float) -> str:
        return say.fixed(value, decimals, "population.mean.limit")

    if np.isinf(low):
        return "any" if np.isinf(high) else f"below {text(high)}"
    return f"above {text(low)}" if np.isinf(high) else f"between {text(low)} and {text(high)}"


def _events(found: StudyResult) -> list[Block]:
    """Exact limits for each event of the plan, by arm where there are arms."""
    if not found.study.plan.events:
        return []
    limits, failed = _limits(found)
    rows = [_event_row(what, arm, limit) for (what, arm), limit in limits.items()]
    blocks: list[Block] = [Subheading("Events")]
    if rows:
        columns = (
            Column("Event"), Column("Patients with it", kind="number", stat="n"),
            Column("Patients", kind="number", stat="N"), Column("%", kind="number", scale=100),
            Column(f"{LEVEL:.0%} CI, %", kind="interval", scale=100),
            Column("One-sided upper limit, %", kind="number", stat="conf.high.one.sided", scale=100),
        )  # fmt: skip
        notes = (f"Exact limits (Clopper and Pearson 1934); the one-sided limit at {LEVEL:.0%}.",)
        blocks.append(Paragraph(" ".join(event_sentences(found))))
        blocks.append(
            Table(
                "events",
                "Patients with events, and exact limits of their rate",
                columns,
                tuple(rows),
                notes,
                axes=Axes(group="arm"),
            )
        )
    return [*blocks, *(Paragraph(f"Not counted: {text}") for text in failed)]


def event_sentences(found: StudyResult) -> list[str]:
    """How many patients had each event that could be counted, with exact limits."""
    return [
        f"{f'{arm}: ' if arm else ''}{limit.sentence(what, said)}"
        for (what, arm), limit in _limits(found)[0].items()
    ]


def _limits(found: StudyResult) -> tuple[dict[tuple[str, str], EventLimits], list[str]]:
    """Exact limits by event and arm, and what could not be counted, with the reason."""
    limits: dict[tuple[str, str], EventLimits] = {}
    failed: list[str] = []
    for what, column in found.study.plan.events.items():
        try:
            limits |= {(what, arm): event_limits(*pair) for arm, pair in _counted(found, column).items()}
        except (MsclongError, ValueError) as error:
            failed.append(f"{what}: {error}")
    return limits, failed


def _event_row(what: str, arm: str, limit: EventLimits) -> Row:
    def share(value: float) -> str:
        return numbers.fixed(100 * value, 1)

    interval = Cell(f"{share(limit.lower)} to {share(limit.upper)}", (limit.lower, limit.upper))
    cells = (
        Cell(capitalised(what)), Cell(numbers.count(limit.events), limit.events), Cell(numbers.count(limit.n), limit.n),
        Cell(share(limit.proportion), limit.proportion), interval,
        Cell(share(limit.upper_one_sided), limit.upper_one_sided),
    )  # fmt: skip
    return Row(cells, arm)


def _counted(found: StudyResult, column: str) -> dict[str, tuple[int, int]]:
    """Patients with the event and patients whose record says whether they had it, by arm ('' without arms)."""
    table = found.study.table
    first = next((one.first for one in found.outcomes if one.first is not None), None)
    if table is None or first is None or first.subject not in table.columns:
        raise ValueError("the outcomes are not in one table with the patients\u2019 column.")
    if column not in table.columns:
        raise ValueError(f"the table has no column {column}.")
    values = pd.to_numeric(table[column].astype(object), errors="coerce")
    known = values[values.notna()]
    if len(known) < table[column].notna().sum() or not known.isin((0, 1)).all():
        raise ValueError(f"the column {column} holds other values than 0 and 1.")
    had = known.groupby(table.loc[known.index, first.subject], observed=True).max()
    if first.arm is None or first.arm not in table.columns:
        return {"": (int(had.sum()), len(had))}
    arm = table.drop_duplicates(first.subject).set_index(first.subject)[first.arm].reindex(had.index)
    return {
        first.names.arm(level): (int(had[arm == level].sum()), int((arm == level).sum()))
        for level in first.arms
    }
