"""The priors of every parameter of every outcome, in one table that is folded away."""

from __future__ import annotations

import pandas as pd

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
        texts = {name: _by_row(fit.priors) for name, fit in fits.items() if fit.priors is not None}
        for key in dict.fromkeys(key for column in texts.values() for key in column):
            shown = (texts.get(name, {}).get(key) for name in engines)
            cells = (NONE if text is None else Cell(text) for text in shown)
            rows.append(Row((Cell(key[0]), *cells), one.label))
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


def _by_row(priors: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Priors as text by parameter and, as several correlation matrices have one name, by how often it came before."""
    before = priors.groupby(level=0).cumcount()
    texts = typeset(priors)["prior"]
    return {(str(name), int(n)): str(text) for name, n, text in zip(priors.index, before, texts, strict=True)}
