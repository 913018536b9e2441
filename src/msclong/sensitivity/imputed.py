"""What a fit says once its missing outcomes are imputed under another assumption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from msclong.design.design import Design
from msclong.printing.overview import Overview, Shown
from msclong.results.answers import Answers
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.stamp import stamp
from msclong.results.summary import contrasts_caption, summary_table


@dataclass(frozen=True, eq=False, repr=False)
class Imputed(Shown, Answers):
    """The fixed effects of the completed data: means, contrasts and tests as a `Fit` gives them.

    design : of the fit. estimate : beta with standard errors by jackknife or Rubin's rules. assumption, inference :
    what was assumed of missing outcomes and where errors come from, in words; tables repeat them in their attrs.
    values : the imputed outcomes by subject and visit, expected given what was observed (of lognormal outcomes
    medians), and whether they are after dropout.
    """

    design: Design
    estimate: PointEstimate | PosteriorDraws
    assumption: str
    inference: str
    values: pd.DataFrame

    def __post_init__(self) -> None:
        stamp(self.values, self)

    @property
    def missing(self) -> bool:
        """Whether any planned outcome is missing: where none is, every assumption gives the fit's own answers."""
        return len(self.values) > 0

    def means(self, *args: Any, **kwargs: Any) -> pd.DataFrame:
        return self._told(super().means(*args, **kwargs))

    def contrasts(self, *args: Any, **kwargs: Any) -> pd.DataFrame:
        return self._told(super().contrasts(*args, **kwargs))

    means.__doc__, contrasts.__doc__ = Answers.means.__doc__, Answers.contrasts.__doc__

    def _told(self, table: pd.DataFrame) -> pd.DataFrame:
        table.attrs |= {"assumption": self.assumption, "inference": self.inference}
        return table

    def _overview(self) -> Overview:
        contrasts = self.contrasts()
        return Overview(
            title=f"{self.design.spec.outcome_label}: missing outcomes imputed",
            facts=(self.assumption, self.inference),
            tables=(summary_table(contrasts, contrasts_caption(self.design, contrasts)),),
            stamp=self.synthetic or "",
        )
