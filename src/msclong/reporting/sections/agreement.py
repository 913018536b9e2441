"""Where the engines differ, and by how much."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import Analysis
from msclong.reporting.comparisons import Comparison, Refusal
from msclong.reporting.inline import said
from msclong.reporting.record import Block, Paragraph, Section
from msclong.reporting.wording import spoken

EXPECTED = (
    "A Bayesian and a frequentist fit of one model are not expected to be equal: priors pull on the estimates, the "
    "posterior averages over the covariance parameters where REML takes their best value, and draws have Monte Carlo "
    "error."
)

DIFFERENCE = "difference.largest"
"""The ARD's name of the largest difference of two engines' estimates, in standard errors."""

WIDTHS = ("width.least", "width.largest")
"""Of the least and the largest ratio of two engines' widths of intervals."""


def agreement(analysis: Analysis, found: Comparison | Refusal) -> Section | None:
    """Each further engine against the first, over the contrasts (else the coefficients); None for one engine."""
    names = list(analysis.fits)
    if len(names) == 1:
        return None
    if isinstance(found, Refusal):
        tables = {name: fit.coefficients() for name, fit in analysis.fits.items()}
        rows, what = [str(name) for name in tables[names[0]].index], "coefficients"
    else:
        tables, what = dict(found.tables), "contrasts of [[table:contrasts]]"
        pairs = zip(found.groups, found.labels, strict=True)
        rows = [
            f"{group}, {analysis.names.visit(label)}" if group else analysis.names.visit(label)
            for group, label in pairs
        ]
    blocks: list[Block] = [
        Paragraph(_compared(names[0], name, tables[names[0]], tables[name], rows, what)) for name in names[1:]
    ]
    if any(analysis.bayesian(name) for name in names) and not all(analysis.bayesian(name) for name in names):
        blocks.append(Paragraph(EXPECTED, "note"))
    return Section("agreement", "Where the engines differ", tuple(blocks))


def _compared(
    first: str, other: str, reference: pd.DataFrame, table: pd.DataFrame, rows: list[str], what: str
) -> str:
    distance = ((table["estimate"] - reference["estimate"]) / reference["se"]).to_numpy()
    largest = int(np.abs(distance).argmax())
    width = ((table["upper"] - table["lower"]) / (reference["upper"] - reference["lower"])).to_numpy()
    text = (
        f"Over the {say.count(len(rows))} {what}, estimates of the {spoken(other)} fit differ from those of the "
        f"{spoken(first)} fit by {_at_most(abs(distance[largest]), DIFFERENCE)} of a standard error ({rows[largest]}). "
        f"Its intervals are {_width(float(width.min()), float(width.max()))}."
    )
    if "mcse" in table:
        error = float((table["mcse"] / reference["se"]).max())
        text += f" The Monte Carlo error of its estimates is {_at_most(error, 'mcse.largest')} of a standard error."
    return text


def _at_most(value: float, stat: str) -> str:
    if value < 0.001:
        return said("less than 0.001", value, stat)
    return f"at most {say.significant(value, 2, stat)}"


def _width(low: float, high: float) -> str:
    texts = numbers.fixed(low, 2), numbers.fixed(high, 2)
    if texts == ("1.00", "1.00"):
        return "equally wide"
    first = said(texts[0], low, WIDTHS[0])
    return (
        f"{first if texts[0] == texts[1] else f'{first} to {said(texts[1], high, WIDTHS[1])}'} times as wide"
    )
