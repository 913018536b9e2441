"""What is asked of every replicate: contrasts, by their arguments, by names of rows, or as a hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from msclong.contrasts.kinds import mean_contrasts
from msclong.contrasts.linear_constraints import linear_hypothesis
from msclong.contrasts.mean_contrasts import MeanContrasts
from msclong.design.design import Design
from msclong.errors import SpecError, listing
from msclong.linear_hypothesis import LinearHypothesis, label

ASKED = ("versus", "factor", "by", "at", "kind")
"""Arguments of Fit.contrasts that may be asked."""


@dataclass(frozen=True)
class Question:
    """asked : arguments of Fit.contrasts. rows : names of the rows of these that are wanted; None: all."""

    asked: Mapping[str, Any]
    rows: tuple[str, ...] | None = None

    @classmethod
    def of(cls, contrast: Any, design: Design) -> Question:
        """None: every row of Fit.contrasts(); names of such rows; arguments of Fit.contrasts; else a `hypothesis`.

        Raises SpecError or HypothesisError for what the design has not.
        """
        if contrast is None:
            return cls({})
        if isinstance(contrast, Mapping) and contrast and set(contrast) <= set(ASKED):
            return cls(dict(contrast))
        wanted = contrast if isinstance(contrast, list) else [contrast]
        if wanted and all(isinstance(row, (str, tuple)) for row in wanted):
            known = row_names(mean_contrasts(design).hypothesis.rows)
            if all(row in known for row in map(row_name, wanted)):
                return cls({}, tuple(map(row_name, wanted)))
            if isinstance(contrast, (list, tuple)):
                raise SpecError(
                    f"contrast={contrast!r}: the rows of Fit.contrasts() are {listing(known, 20)}."
                )
        return cls({"hypothesis": contrast})

    def on(self, design: Design) -> MeanContrasts | LinearHypothesis:
        """All rows, of a design."""
        if "hypothesis" in self.asked:
            return linear_hypothesis(self.asked["hypothesis"], design.fixed.names, design.fixed.terms)
        return mean_contrasts(design, **self.asked)

    def hypothesis(self, design: Design) -> LinearHypothesis:
        """The rows wanted, over the coefficients of a design; those that it has."""
        asked = self.on(design)
        found = asked if isinstance(asked, LinearHypothesis) else asked.hypothesis
        chosen = self.chosen(found.rows)
        return LinearHypothesis(found.L[chosen], found.rows[chosen], found.value[chosen])

    def chosen(self, rows: pd.Index) -> list[int]:
        """Positions of the rows wanted."""
        names = row_names(rows)
        wanted = names if self.rows is None else self.rows
        return [names.index(name) for name in wanted if name in names]


def row_name(row: str | tuple[Any, ...]) -> str:
    """The name of a row as text: '6 - 0'; 'drug - placebo, 6 - 0'."""
    return ", ".join(map(label, row)) if isinstance(row, tuple) else label(row)


def row_names(rows: pd.Index) -> list[str]:
    """The names of the rows of a table as text."""
    return [row_name(row) for row in rows]
