"""The coefficients of the fixed part."""

from __future__ import annotations

from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.record import FoldOut, Paragraph, Section
from msclong.reporting.tables import full_table
from msclong.reporting.wording import spoken


def coefficients(analysis: Analysis) -> Section:
    """One table for each engine, folded away on screen."""
    folds = []
    for number, (name, fit) in enumerate(analysis.fits.items(), start=1):
        table = fit.coefficients(LEVEL)
        labels = [str(term) for term in table.index]
        caption = f"Fixed effects, {spoken(name)} fit ({LEVEL:.0%} intervals)"
        full = full_table(
            table,
            labels,
            [""] * len(labels),
            f"coefficients-{number}",
            caption,
            "Coefficient",
            same_unit=False,
        )
        folds.append(FoldOut(f"Fixed effects, {spoken(name)} fit", (full,)))
    text = (
        "Names are patsy's: X[T.a] is level a of factor X against its reference level, A:B an interaction. "
        "In the presence of interactions a single coefficient rarely answers a question; the contrasts do."
    )
    return Section("coefficients", "Coefficients", (Paragraph(text), *folds))
