"""The priors of every parameter of every outcome, in one table that is folded away."""

from __future__ import annotations

from msclong.reporting.prior_words import typeset
from msclong.reporting.record import Axes, Block, Cell, Column, FoldOut, Row, Table
from msclong.reporting.study.results import StudyResult
from msclong.reporting.study.tables import NONE
from msclong.reporting.wording import spoken


def prior_table(found: StudyResult) -> list[Block]:
    """A row for each parameter, a column for each Bayesian engine; nothing without one."""
    engines = [engine for engine, posterior in found.bayesian.items() if posterior]
    rows = []
    for one in found.fitted:
        fits = {name: one.analyses[name].first for name in engines if name in one.analyses}
        texts = {name: typeset(fit.priors)["prior"] for name, fit in fits.items() if fit.priors is not None}
        for parameter in dict.fromkeys(name for column in texts.values() for name in column.index):
            shown = (texts[name].get(parameter) if name in texts else None for name in engines)
            cells = (NONE if text is None else Cell(str(text)) for text in shown)
            rows.append(Row((Cell(str(parameter)), *cells), one.label))
    if not rows:
        return []
    columns = (
        Column("Parameter"),
        *(Column(f"Prior ({spoken(name)})", of=(("engine", name),)) for name in engines),
    )
    caption = "Prior distributions of all parameters"
    note = "Of coefficients on the scale of each outcome\u2019s linear predictor."
    table = Table("priors", caption, columns, tuple(rows), (note,), axes=Axes("parameter", "outcome"))
    return [FoldOut(caption, (table,))]
