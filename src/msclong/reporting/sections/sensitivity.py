"""What the answer would be if missing outcomes were not missing at random."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from msclong.errors import MsclongError
from msclong.plots.tipping_point import tipping_curve
from msclong.printing import numbers
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.comparisons import Comparison, Refusal
from msclong.reporting.missing_outcomes import (
    Case,
    assumed,
    at_random,
    case_of,
    complete,
    key_of,
    stand_in,
    tipping_points,
    tips,
    told,
    under_assumptions,
)
from msclong.reporting.plate import plate
from msclong.reporting.record import (
    Axes,
    Block,
    Bullets,
    Cell,
    Column,
    FoldOut,
    Paragraph,
    Row,
    Section,
    Table,
)
from msclong.reporting.references import REFERENCES
from msclong.reporting.sections.alternative_analyses import alternatives
from msclong.reporting.tables import interval_cell, number_cell
from msclong.sensitivity.tipping import TippingPoint

TITLE = "Sensitivity to missing outcomes"

AS_MODELLED, IF_DROPPED, OTHERWISE = (
    "Missing at random",
    "Not missing at random: after dropout",
    "Otherwise analysed",
)

CITED = ("carpenter", "cro", "wolbers")


def sensitivity(given: Analysis, found: Comparison | Refusal) -> Section | None:
    """The contrasts at the last visit under other assumptions about missing outcomes.

    A sentence where there is no need, or no way; None without contrasts by planned visit.
    """
    if isinstance(found, Refusal) or given.continuous_time:
        return None
    try:
        case = case_of(given, found)
        if case.planned.observed.all():
            return Section("sensitivity", TITLE, (Paragraph(complete(given, case.planned)),))
        tables = list(under_assumptions(case))
        tipping = list(tipping_points(case))
    except MsclongError as refusal:
        text = f"What the answer would be if outcomes were not missing at random was not computed. {refusal}"
        return Section("no-sensitivity", TITLE, (Paragraph(text),))
    every = [(AS_MODELLED, name, table) for name, table in at_random(case)]
    every += [(IF_DROPPED, name, table) for name, table in tables]
    every += [(OTHERWISE, name, case.chosen(table)) for name, table in alternatives(given, case.fit)]
    decimals = numbers.decimals_for(np.concatenate([table["se"].to_numpy() for _, _, table in every]))
    cited = (*CITED, "yan") if tipping else CITED
    blocks: list[Block] = [
        Paragraph(assumed(case)),
        *(Paragraph(text) for text in (stand_in(case),) if text),
        Paragraph(told(case, tables, decimals)),
        *(Paragraph(tips(case, one, i, True)) for i, one in enumerate(tipping)),
        _table(case, every, decimals),
        *(block for i, one in enumerate(tipping) for block in _figure(case, one, i, decimals)),
        Paragraph(f"{METHOD} {TIPPING}" if tipping else METHOD, "note"),
        FoldOut("References", (Bullets(tuple(REFERENCES[key] for key in cited)),)),
    ]
    return Section("sensitivity", TITLE, tuple(blocks))


METHOD = (
    "After dropout means after the last visit at which a participant was seen; visits missed before are taken as "
    "missing at random throughout. Outcomes are imputed by their conditional means given what was observed (Carpenter, "
    "Roger and Kenward 2013) and analysed by the model\u2019s own mean and covariance; standard errors are from the "
    "jackknife over participants, and describe repeated trials (Wolbers et al. 2022). Rubin\u2019s rules would give "
    "reference-based imputation wider intervals, which hold the information lost to dropout constant (Cro, Carpenter "
    "and Kenward 2019). Degrees of freedom are those of the model\u2019s own tests."
)

TIPPING = (
    "Tipping points are after Yan, Lee and Li (2009); the interval that reaches zero is the jackknife\u2019s."
)


def _table(case: Case, every: list[tuple[str, str, pd.DataFrame]], decimals: int) -> Table:
    spans = case.groups if len(case.rows) > 1 else ("",)
    columns = [Column("Analysis")]
    for span in spans:
        columns += [
            Column("Estimate", span, "number"),
            Column(f"{LEVEL:.0%} CI", span, "interval"),
            Column("p", span, "number"),
        ]
    rows = []
    for heading, name, table in every:
        cells = [Cell(name)]
        for _, figures in table.iterrows():
            cells += [
                number_cell(figures["estimate"], lambda value: numbers.fixed(value, decimals)),
                interval_cell(figures["lower"], figures["upper"], decimals),
                number_cell(figures["p_value"], numbers.p_value),
            ]
        rows.append(Row(tuple(cells), heading))
    last = case.given.names.visit(case.given.times[-1])
    what = f"{case.given.effect.capitalize()}s at {last}" if len(case.rows) > 1 else (
        f"{case.given.effect.capitalize()} {case.groups[0]} at {last}" if case.between else f"Change at {last}"
    )  # fmt: skip
    return Table(
        "sensitivity",
        f"{what} under several assumptions about missing outcomes",
        tuple(columns),
        tuple(rows),
        (
            "CI: confidence interval. p-values are two-sided and not adjusted.",
            f"Under \u201c{IF_DROPPED}\u201d standard errors are by the jackknife; in other rows, if nothing else is "
            "said, the fit\u2019s own.",
        ),
        axes=Axes("analysis", "assumption", "arm"),
    )


def _figure(case: Case, tipping: TippingPoint, i: int, decimals: int) -> Iterator[Block]:
    given, names = case.given, case.given.names
    unit = f" ({given.spec.unit})" if given.spec.unit else ""
    who = f" in {names.arm(case.planned.arms[i + 1])}" if case.between else ""
    axis = f"Shift of outcomes after dropout{who}{unit}"
    last = names.visit(given.times[-1])
    what = f"{given.effect.capitalize()} {case.groups[i]}" if case.between else "Change"
    data = tipping.table.reset_index()
    drawing = tipping_curve(data, tipping.changes, tipping.null, f"{what}, {last}{unit}", axis)
    caption = (
        f"{what} at {last} with its {LEVEL:.0%} jackknife interval, over shifts added to every outcome after "
        f"dropout{who}. At zero outcomes are missing at random; a dashed line is where that interval reaches zero."
    )
    figures = list(
        zip(
            *(data[name].tolist() for name in ("delta", "estimate", "lower", "upper", "p_value")), strict=True
        )
    )
    alt = "The estimate goes from " + " to ".join(
        f"{numbers.significant(estimate)} (interval {numbers.significant(lower)} to {numbers.significant(upper)}) at a "
        f"shift of {numbers.stated(round(delta, 10))}"
        for delta, estimate, lower, upper, _ in (figures[0], figures[-1])
    )
    tips_at = " and ".join(numbers.significant(shift, 2) for shift in tipping.sides)
    tip = f"; the interval reaches zero at {tips_at}." if tips_at else "."
    yield plate(key_of(case, i), caption, alt + tip, drawing, data)
    rows = [
        Row(
            (
                Cell(numbers.stated(round(delta, 10)), delta),
                number_cell(estimate, lambda value: numbers.fixed(value, decimals)),
                interval_cell(lower, upper, decimals),
                number_cell(p, numbers.p_value),
            )
        )
        for delta, estimate, lower, upper, p in figures
    ]
    columns = (
        Column(f"Shift{unit}"), Column("Estimate", kind="number"), Column(f"{LEVEL:.0%} CI", kind="interval"),
        Column("p", kind="number"),
    )  # fmt: skip
    title = f"{what} at {last} by shift of outcomes after dropout{who}"
    note = "Standard errors are by the jackknife, without a shift as well."
    table = Table(f"{key_of(case, i)}-shifts", title, columns, tuple(rows), (note,), axes=Axes(row="shift"))
    yield FoldOut(title, (table,))
