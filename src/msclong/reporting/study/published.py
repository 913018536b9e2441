"""What a paper's printed figures allow: its comparisons, audited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from msclong.errors import SpecError, listing
from msclong.printing import numbers
from msclong.published.audit import audit
from msclong.published.paired_audit import NAMES, PairedAudit
from msclong.published.printed import p_value
from msclong.published.verdict import LENIENT
from msclong.reporting import say
from msclong.reporting.inline import said
from msclong.reporting.record import Block, Cell, Column, FoldOut, Paragraph, Row, Section, Table
from msclong.reporting.study.tables import NONE
from msclong.reporting.wording import listed

Published = pd.DataFrame | PairedAudit | Iterable[PairedAudit | Mapping[str, Any]]

TESTS = {test.replace("-", "_"): name for test, name in NAMES.items()}
"""Columns of verdicts on single tests."""

WHOLE_NUMBERS = "whole_numbers"

NEEDED = (
    "outcome", "visit", "n", "printed_p", "r_needed", "smallest_exact_p", "verdict", "reason",
    *(column for test in (*TESTS, WHOLE_NUMBERS) for column in (test, f"{test}_reason")),
)  # fmt: skip

STAMP = "As published"
"""Also where the study's own data are synthetic: these figures are not."""

MOST_TOLD = 3
"""Sentences on impossible figures in the summary; of more only the count."""

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
        Column("Outcome", kind="prose"), Column("Visit"), Column("n", kind="number"),
        Column("Printed p", stat="p.value.printed"), Column("r needed"), Column("Verdict"),
        Column("By exact tests", stat="verdict.exact"),
        Column("Least exact p", kind="number", stat="p.value.exact.least"), Column("Reason", kind="prose"),
    )  # fmt: skip
    rows: list[Row] = []
    every: list[Row] = []
    for _, row in table.iterrows():
        n = NONE if pd.isna(row["n"]) else Cell(numbers.count(row["n"]), int(row["n"]))
        least = row["smallest_exact_p"]
        shown = "<0.0001" if least < 1e-4 else numbers.significant(least)
        smallest = NONE if pd.isna(least) else Cell(shown, float(least))
        outcome, visit = labels.get(str(row["outcome"]), str(row["outcome"])), str(row["visit"])
        reason = _signs(BY_TEST.split(str(row["reason"]))[0])
        rows.append(
            Row((Cell(outcome), Cell(visit), n, Cell(str(row["printed_p"])),
                 Cell(_signs(str(row["r_needed"])) or numbers.DASH, row["r_needed"]),
                 Cell(str(row["verdict"]), str(row["verdict"])), Cell(_exact(row), _exact(row)), smallest,
                 Cell(reason, reason)), of=(("outcome", outcome), ("visit", visit)))
        )  # fmt: skip
        every += _every_reason(row, outcome, visit)
    caption = f"Printed comparisons and what they need to be true: {_counts(table)}"
    note = (
        "Verdict: the most lenient of the tests that the paper may have used. By exact tests: that of the signed-rank "
        "or the sign test, whose least two-sided p is that of all changes going one way. Reason: one of the verdict; "
        "those of every test are in [[table:published-reasons]]."
    )
    single = (Column("Test"), Column("Verdict"), Column("Reason", kind="prose"))
    reasons = Table(
        "published-reasons", "Verdict and reason of every test", single, tuple(every), stamp=STAMP
    )
    blocks: list[Block] = [
        Paragraph(WORDS),
        *(Paragraph(text) for text in _impossible(table, labels)),
        Table("published", caption, columns, tuple(rows), (note,), stamp=STAMP),
        FoldOut("Every reason, test by test", (reasons,)),
    ]
    return Section("published", "What the printed figures allow", tuple(blocks))


def in_brief(table: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """The audit in the study's summary: counts, and the comparisons that no exact rank test gives."""
    impossible = _impossible(table, labels)
    head = "Published figures, audited ([[section:published]]):"
    if len(impossible) > MOST_TOLD:
        return f"{head} {_counts(table)}."
    return " ".join([f"{head} {_verdicts(table)}.", *impossible])


def _verdicts(table: pd.DataFrame) -> str:
    counts = table["verdict"].value_counts()
    return listed([f"{say.count(int(counts[word]))} {word}" for word in LENIENT if word in counts])


def _counts(table: pd.DataFrame) -> str:
    text = _verdicts(table)
    exact = sum(_exact(row) == "impossible" for _, row in table.iterrows())
    return f"{text}; {say.count(exact)} impossible by any exact rank test" if exact else text


def _impossible(table: pd.DataFrame, labels: Mapping[str, str]) -> list[str]:
    """A sentence for each n and printed p that no exact rank test gives, with the comparisons that print it."""
    found: dict[str, list[str]] = {}
    for _, row in table.iterrows():
        if _exact(row) != "impossible":
            continue
        n, least = int(row["n"]), float(row["smallest_exact_p"])
        told = f"({_p_and_n(row)}): no exact signed-rank or sign test of {say.count(n)} changes can give "
        small = p_value(str(row["printed_p"])).high < least
        told += (
            f"a p below {said(f'{least:.3g}', least, 'p.value.exact.least')}"
            if small
            else "such a p with the printed means and SDs"
        )
        where = labels.get(str(row["outcome"]), str(row["outcome"]))
        found.setdefault(told, []).append(f"{where} at {row['visit']}" if row["visit"] else where)
    return [f"Impossible by any exact rank test: {listed(where)} {told}." for told, where in found.items()]


def _p_and_n(row: pd.Series) -> str:
    """'n = 5, p < 0.001', as far as printed."""
    n = "" if pd.isna(row["n"]) else f"n = {say.count(row['n'])}"
    p = str(p_value(str(row["printed_p"]))) if row["printed_p"] else ""
    return ", ".join(part.replace(" ", say.NBSP) for part in (n, p) if part)


def _every_reason(row: pd.Series, outcome: str, visit: str) -> list[Row]:
    comparison = ", ".join(filter(None, (outcome, visit, _p_and_n(row))))
    told = {name: (str(row[test]), _signs(str(row[f"{test}_reason"]))) for test, name in TESTS.items()}
    if len(set(told.values())) == 1:
        told = {"every test": next(iter(told.values()))}
    if row[WHOLE_NUMBERS]:
        told["whole numbers (GRIM, GRIMMER)"] = row[WHOLE_NUMBERS], row[f"{WHOLE_NUMBERS}_reason"]
    return [
        Row(
            (Cell(name[:1].upper() + name[1:]), Cell(word, word), Cell(reason, reason)),
            comparison,
            (("outcome", outcome), ("visit", visit), ("test", name)),
        )
        for name, (word, reason) in told.items()
    ]


def _exact(row: pd.Series) -> str:
    """The more lenient verdict of the exact tests."""
    return min((str(row[name]) for name in ("signed_rank", "sign")), key=LENIENT.index)


def _signs(text: str) -> str:
    return re.sub(r"(?<![\w.])-(?=[\d.])", numbers.MINUS, text)
