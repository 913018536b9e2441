"""What a simulation of power found."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.contrasts.multiplicity import WORDS
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import SpecError, listing
from msclong.printing.overview import Overview, Shown
from msclong.replication.dropout import Dropout
from msclong.replication.question import row_name, row_names
from msclong.replication.sample_size import sample_size
from msclong.replication.scenario import Scenario
from msclong.results.summary import summary_table
from msclong.spec.model_spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Power(Shown):
    """The power of each contrast at each n.

    table : by n and the names of the contrast,
        power : share of the trials whose p-value, adjusted if so asked, lies below alpha; lower, upper : exact 95 %
        limits of it for the number of trials; mcse : its Monte Carlo standard error.
        true, estimate, bias : the scenario's value (not a number where the analysis model does not have its means), the
        mean estimate, their difference. sd, se : standard deviation of the estimates, mean of their standard errors.
        df : mean. coverage : share of the intervals of level 1 - alpha with the true value in them.
        failed : share of trials without an answer, which count as not significant and in no other column; fallback :
        share that a declared fallback answered; boundary : share with a covariance on its boundary.
    together : by n, the share of trials in which `any` row, and in which `all` rows are significant; their
        Monte Carlo standard errors.
    observed : mean number of outcomes at each visit, by n and arm. failures : why trials failed, by n.
    notes : what was noticed of the analysis model.
    seed : of all trials, chosen at random where none was given.
    """

    table: pd.DataFrame
    together: pd.DataFrame
    observed: pd.DataFrame
    spec: ModelSpec
    scenario: Scenario
    dropout: Dropout
    engine: Frequentist
    n_sim: int
    alpha: float
    test: str
    margin: float | None
    adjust: str | GraphicalProcedure | None
    seed: int
    failures: Mapping[int, tuple[str, ...]]
    notes: tuple[str, ...]

    def n_for(self, power: float = 0.8, contrast: Any = None) -> pd.DataFrame:
        """The smallest n with this power, by contrast (None: all).

        Power is smoothed to rise with n, and runs straight, as a normal quantile over the root of n, between the n that
        were simulated; nothing is said beyond them. lower, upper : the n at which the 95 % limits of the power reach
        it, the simulation's own uncertainty; missing where that lies beyond the n simulated.

        Returns a table by contrast: n, lower, upper, note. Raises SpecError for an unknown contrast, or where a named
        one does not reach the power, or has it at every n.
        """
        chosen = self.table if contrast is None else self.table[self._rows(contrast)]
        return sample_size(chosen, power, named=contrast is not None)

    def plot(self, power: float | None = 0.8, contrast: Any = None) -> Figure:
        """Power against n, a line each contrast with its 95 % limits; `power` is marked (None: not)."""
        from msclong.plots.power import power_curves

        chosen = self.table if contrast is None else self.table[self._rows(contrast)]
        return power_curves(
            chosen.assign(contrast=row_names(chosen.reset_index(level=0, drop=True).index)), power, self.n_sim
        )

    def _repr_html_(self) -> str:
        from msclong.plots.svg import to_svg

        text = super()._repr_html_()
        if self.table.index.get_level_values(0).nunique() == 1:
            return text
        name = f"power-{zlib.crc32(self.table.to_numpy().tobytes()):08x}"
        return f"<div>{text}{to_svg(self.plot(), name)}</div>"

    def _rows(self, contrast: Any) -> np.ndarray:
        names = np.array(row_names(self.table.reset_index(level=0, drop=True).index))
        wanted = [
            row_name(row) if isinstance(row, (str, tuple)) else row
            for row in (contrast if isinstance(contrast, list) else [contrast])
        ]
        if unknown := [row for row in wanted if row not in names]:
            raise SpecError(
                f"No contrast is named {listing(map(repr, unknown))}; there are {listing(dict.fromkeys(names), 20)}."
            )
        return np.isin(names, wanted)

    def _overview(self) -> Overview:
        margin = "" if self.margin is None else f", margin {self.margin:g}"
        if self.adjust is not None:
            margin += f", {WORDS[self.adjust] if isinstance(self.adjust, str) else 'graphical procedure'}"
        failed, fallback = self.table["failed"].max(), self.table["fallback"].max()
        facts = [
            self.spec.formula,
            f"engine: {self.engine!r}",
            f"{self.n_sim:,} simulated trials for each n; alpha = {self.alpha:g}, {self.test}{margin}; "
            f"seed {self.seed}.",
            self.dropout.words,
            self.scenario.source,
            *self.notes,
            f"Up to {failed:.1%} of the trials of one n had no answer; they count as not significant."
            if failed
            else "",
            f"Up to {fallback:.1%} were answered by a declared fallback." if fallback else "",
        ]
        wide = self.table["power"].unstack(level=0)
        order = self.table.reset_index(level=0, drop=True).index.unique()
        wide = wide.reindex(order)
        wide.columns = [f"n = {n}" for n in wide.columns]
        largest = self.table["mcse"].max()
        fared = self.table.drop(columns=["lower", "upper", "mcse"]).rename(columns={"sd": "SD"})
        fared = fared.drop(
            columns=[name for name in ("failed", "fallback", "boundary") if not fared[name].any()]
        )
        caption = f"Power by number of subjects (Monte Carlo standard errors up to {largest:.3f})"
        several = []
        if len(order) > 1:
            shares = self.together[["any", "all"]].rename(columns={"any": "Any row", "all": "All rows"})
            several.append(summary_table(shares, "Power of several rows together"))
        return Overview(
            title="Power of a planned trial",
            facts=tuple(filter(None, facts)),
            tables=(summary_table(wide, caption),),
            more=(*several, summary_table(fared, "How the analyses fared")),
        )
