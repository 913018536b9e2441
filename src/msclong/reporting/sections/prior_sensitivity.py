"""How much the answers owe to each prior: power scaling, in a sentence and a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.engines.bayesian.criticism.prior_sensitivity import PRIOR_BLOCKS, SENSITIVE, prior_sensitivity
from msclong.errors import MsclongError
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import Analysis
from msclong.reporting.comparisons import Comparison, Refusal
from msclong.reporting.contrast_draws import row_names
from msclong.reporting.record import Block, Cell, Column, FoldOut, Paragraph, Row, Table
from msclong.reporting.tables import number_cell
from msclong.reporting.wording import listed, spoken
from msclong.results.fit import Fit

NAMES = {
    "coefficients": "Coefficients",
    "sds": "SDs",
    "correlations": "Correlations",
    "family": "Distribution",
    "likelihood": "Likelihood",
}
"""Headings of the blocks of `prior_sensitivity`."""

MOST_UNITS = 5_000
"""Independent units up to which the likelihood is computed again at every draw."""

NAMED = 6
"""Sensitive quantities that the text names."""


def sensitivity_to_priors(
    analysis: Analysis, name: str, fit: Fit, contrasts: Comparison | Refusal, number: int
) -> list[Block]:
    """Power-scaling sensitivity of contrasts and covariance parameters."""
    if int(fit.design.unit.max()) >= MOST_UNITS:
        text = f"It is not computed for more than {MOST_UNITS:,} participants, where it takes long."
        return [Paragraph(text)]
    try:
        found = prior_sensitivity(fit)
    except MsclongError as refusal:
        return [Paragraph(f"The sensitivity to the priors is not available for this fit. {refusal}")]
    blocks = [block for block in PRIOR_BLOCKS if found[block].notna().any()]
    if not blocks:
        return [Paragraph("These priors have no density that could be raised to a power.")]
    names = _names(analysis, found, contrasts)
    table = _table(found, names, [*blocks, "likelihood"], name, number)
    most = found[blocks].max(axis=1).to_numpy()
    above = [one for one, value in zip(names, most, strict=True) if value >= SENSITIVE]
    largest = say.significant(float(np.nanmax(most)), 2, "sensitivity")
    text = (
        "Each prior in turn is made a little stronger and a little weaker. A sensitivity says how fast a "
        "posterior moves "
        f"with it; from {SENSITIVE:g} on it counts (Kallioinen et al. 2024). "
    )
    if above:
        others = f" and {len(above) - NAMED} more" if len(above) > NAMED else ""
        text += (
            f"It does for {listed(above[:NAMED])}{others}; the largest is {largest} ([[table:{table.key}]]). Of "
            "a prior "
            "that was meant to inform this is expected; any other is a reason to look at the priors again."
        )
    else:
        text += f"None does here: the largest is {largest} ([[table:{table.key}]])."
    return [Paragraph(text), FoldOut(table.caption, (table,))]


def _names(analysis: Analysis, found: pd.DataFrame, contrasts: Comparison | Refusal) -> list[str]:
    """Rows as readers know them: the report's contrasts by its own names."""
    names = [str(row) for _, row in found.index]
    asked = int((found.index.get_level_values("kind") == "contrast").sum())
    if not isinstance(contrasts, Refusal) and asked == len(contrasts.labels):
        names[:asked] = row_names(analysis, contrasts.groups, contrasts.labels)
    return names


def _table(found: pd.DataFrame, names: list[str], blocks: list[str], engine: str, number: int) -> Table:
    columns = [
        Column("Quantity", kind="prose"),
        *(
            Column(
                NAMES[block], "" if block == "likelihood" else "Prior of", "number", f"sensitivity.{block}"
            )
            for block in blocks
        ),
        Column("Verdict", kind="prose"),
    ]
    rows = []
    for name, kind, (_, values) in zip(
        names, found.index.get_level_values("kind"), found.iterrows(), strict=True
    ):
        cells = [number_cell(values[block], lambda value: numbers.fixed(value, 3)) for block in blocks]
        verdict = numbers.DASH if values["verdict"] == "-" else str(values["verdict"])
        group = "Contrasts, on the scale of the linear predictor" if kind == "contrast" else "Covariance"
        rows.append(Row((Cell(name), *cells, Cell(verdict)), group))
    caption = f"Sensitivity of the {spoken(engine)} fit to powers of its priors and of the likelihood"
    note = f"{numbers.DASH}: no prior matters by {SENSITIVE:g} or more."
    return Table(f"prior-sensitivity-{number}", caption, tuple(columns), tuple(rows), (note,))
