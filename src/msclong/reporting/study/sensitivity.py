"""Each primary outcome if missing outcomes were not missing at random, in short."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from msclong.errors import MsclongError
from msclong.printing import numbers
from msclong.reporting import comparisons
from msclong.reporting.comparisons import Refusal
from msclong.reporting.missing_outcomes import (
    case_of,
    complete,
    stand_in,
    tipping_points,
    tips,
    told,
    under_assumptions,
)
from msclong.reporting.record import Block, Paragraph, Section, Subheading
from msclong.reporting.study.results import OutcomeResult, StudyResult

NOTE = (
    "The models take missing outcomes as missing at random, which no data can show. A report of the single outcome has "
    "all analyses, and their methods."
)


def sensitivity(found: StudyResult) -> Section | None:
    """What was missing of each primary outcome, and the answer under other assumptions; None without any to tell of."""
    told_of = [(one, texts) for one in found.of_role("primary") if (texts := _told(one))]
    if not told_of:
        return None
    blocks: list[Block] = []
    for one, texts in told_of:
        blocks += [Subheading(one.label), *(Paragraph(text) for text in texts)]
    return Section("sensitivity", "Sensitivity to missing outcomes", (*blocks, Paragraph(NOTE, "note")))


def _told(one: OutcomeResult) -> list[str]:
    """Sentences on one outcome; none where its model has no place for imputation."""
    analyses = [given for name, given in one.analyses.items() if name not in one.approximated]
    given = next((a for a in analyses if not any(map(a.bayesian, a.fits))), None) or next(
        iter(analyses), None
    )
    if given is None or given.continuous_time:
        return []
    table = comparisons.contrasts(replace(given, adjust=None, family=None))
    if isinstance(table, Refusal):
        return []
    try:
        case = case_of(given, table)
        if case.planned.observed.all():
            return [complete(given, case.planned)]
        tables = list(under_assumptions(case))
        points = [tips(case, point, i, False) for i, point in enumerate(tipping_points(case))]
    except MsclongError as refusal:
        return [
            f"What the answer would be if outcomes were not missing at random was not computed. {refusal}"
        ]
    decimals = numbers.decimals_for(pd.concat([table for _, table in tables])["se"])
    return [*filter(None, (stand_in(case), told(case, tables, decimals))), *points]
