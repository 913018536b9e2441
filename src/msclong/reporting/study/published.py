"""What a paper's printed figures allow: its comparisons, audited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from msclong.errors import SpecError, listing
from msclong.published.audit import audit
from msclong.published.paired_audit import PairedAudit
from msclong.published.verdict import LENIENT
from msclong.reporting import numbers
from msclong.reporting.record import Block, Cell, Column, Definitions, FoldOut, Paragraph, Row, Section, Table
from msclong.reporting.study.tables import NONE
from msclong.reporting.wording import listed

Published = pd.DataFrame | PairedAudit | Iterable[PairedAudit | Mapping[str, Any]]

NEEDED = (
    "outcome", "visit", "n", "printed_p", "r_needed", "smallest_exact_p", "signed_rank", "sign", "verdict", "reason",
)  # fmt: skip

STAMP = "As published"
"""Also where the study's own data are synthetic: these figures are not."""

BY_TEST = re.compile("; (?=an exact|the normal|the smallest)")
"""Where a reason goes on from one test to the next."""

WORDS = (
    "Each printed p-value, held against the printed means, SDs and n. A paired t-test needs the correlation between "
    "the visits, which papers leave out: \u201cr needed\u201d is what it must have been for the printed p-value to "
    "be true. Attainable: an ordinary correlation will do. Tight: only a correlation, or a pattern of changes, that "
    "measurements of patients rarely have. Impossible: no measurements give it. The audit says what the figures "
    "allow, not who erred."
)


def audited(given: Published) -> pd.DataFrame:
    """The table of `published.audit`, whichever way it is given. Raises SpecError or DataError for what is none."""
    if isinstance(given, pd.DataFrame):
        if missing := [name for name in NEEDED if name not in given]:
            raise SpecError(
                f"published is the table of msclong.published.audit; this one has no {listing(missing)}."
            )
        return given
    return audit([given] if isinstance(given, PairedAudit) else given)


def published(table: pd.DataFrame, labels: Mapping[str, str]) -> Section:
    """Verdict and reason of each printed comparison. labels : of outcomes, by name."""
    columns = (
        Column("Outcome", kind="prose"), Column("Visit"), Column("n", kind="number"), Column("Printed p"),
        Column("r needed"), Column("Verdict"), Column("By exact tests"), Column("Least exact p", kind="number"),
        Column("Reason", kind="prose"),
    )  # fmt: skip
    rows, every = [], []
    for _, row in table.iterrows():
        n = NONE if pd.isna(row["n"]) else Cell(numbers.count(row["n"]), int(row["n"]))
        least = row["smallest_exact_p"]
        shown = "<0.0001" if least < 1e-4 else numbers.significant(least)
        smallest = NONE if pd.isna(least) else Cell(shown, float(least))
        outcome, visit = labels.get(str(row["outcome"]), str(row["outcome"])), str(row["visit"])
        reasons = [_signs(reason) for reason in BY_TEST.split(str(row["reason"]))]
        rows.append(
            Row((Cell(outcome), Cell(visit), n, Cell(str(row["printed_p"])),
                 Cell(_signs(str(row["r_needed"])) or numbers.DASH, row["r_needed"]), Cell(str(row["verdict"])),
                 Cell(_exact(row)), smallest, Cell(reasons[0])))
        )  # fmt: skip
        if len(reasons) > 1:
            every.append((", ".join(filter(None, (outcome, visit))), "; ".join(reasons) + "."))
    counts = table["verdict"].value_counts()
    told = [f"{counts[word]} {word}" for word in LENIENT if word in counts]
    caption = f"Printed comparisons and what they need to be true: {listed(told)}"
    note = (
        "Verdict: the most lenient of all tests. By exact tests: that of the signed-rank or the sign test, whose least "
        "two-sided p is that of all changes going one way. Reason: the first of those below."
    )
    blocks: list[Block] = [
        Paragraph(WORDS), Table("published", caption, columns, tuple(rows), (note,), stamp=STAMP),
    ]  # fmt: skip
    if every:
        blocks.append(FoldOut("Every reason, test by test", (Definitions(tuple(every)),)))
    return Section("published", "What the printed figures allow", tuple(blocks))


def _exact(row: pd.Series) -> str:
    """The more lenient verdict of the exact tests."""
    return min((str(row[name]) for name in ("signed_rank", "sign")), key=LENIENT.index)


def _signs(text: str) -> str:
    return re.sub(r"(?<![\w.])-(?=[\d.])", numbers.MINUS, text)
