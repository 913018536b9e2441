"""What was done about multiplicity, in words."""

from __future__ import annotations

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.references import Description, Sourced
from msclong.reporting.wording import listed

METHODS: dict[str, Sourced] = {
    "bonferroni": ("Bonferroni\u2019s method", ()),
    "holm": ("Holm\u2019s method (1979)", ("holm",)),
    "hochberg": ("Hochberg\u2019s method (1988)", ("hochberg",)),
    "bh": (
        "the method of Benjamini and Hochberg (1995), which controls the false discovery rate",
        ("benjamini",),
    ),
    "fixed-sequence": ("testing in the order of the rows (Maurer, Hothorn and Lehmacher 1995)", ("maurer",)),
    "mvt": (
        "the joint distribution of the rows\u2019 t statistics, in a single step (Hothorn, Bretz and Westfall 2008)",
        ("hothorn",),
    ),
    "mvt-stepdown": (
        "the joint distribution of the rows\u2019 t statistics, step by step (Hothorn, Bretz and Westfall 2008)",
        ("hothorn",),
    ),
    "graphical": ("a graphical procedure (Bretz et al. 2009)", ("bretz",)),
}
SIMULTANEOUS = ("bonferroni", "mvt")
"""Methods with simultaneous intervals."""


def adjustment(analysis: Analysis) -> Description | None:
    """Which p-values were adjusted, how, and over which rows; None where none were."""
    method = analysis.adjust
    if method is None:
        return None
    if isinstance(method, GraphicalProcedure):
        method = "graphical"
    words, cites = METHODS.get(method, (str(method), ()))
    family = [analysis.family] if isinstance(analysis.family, str) else list(analysis.family or [])
    rows = (
        f"apart for each {listed(family)} or difference of these" if family else "over all rows of the table"
    )
    text = f"Adjusted: by {words}, {rows}."
    if method in SIMULTANEOUS:
        text += (
            f" Simultaneous intervals hold together with probability {LEVEL:.0%}, the others one at a time."
        )
    return Description(text, cites)
