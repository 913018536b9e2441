"""The table of a linear hypothesis, row by row: estimates, tests, and adjustment for multiplicity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.contrasts.kinds import as_list
from msclong.contrasts.margins import alternative
from msclong.contrasts.multiplicity import WORDS, adjusted_p_values, simultaneous_bounds
from msclong.errors import HypothesisError, SpecError, listing
from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import IntervalKind

Adjustment = str | GraphicalProcedure | None


def hypothesis_table(
    estimate: PointEstimate | PosteriorDraws,
    hypothesis: LinearHypothesis,
    level: float = 0.95,
    margin: float | None = None,
    test: str | None = None,
    adjust: Adjustment = None,
    family: str | Sequence[str] | None = None,
    rope: tuple[float, float] | None = None,
    interval: IntervalKind = "equal-tailed",
) -> pd.DataFrame:
    """Rows of `hypothesis` with the columns of every results table.

    test, margin : see `msclong.contrasts.margins.alternative`. adjust : see `msclong.contrasts.multiplicity`; adds
    p_adjusted and, where simultaneous intervals exist, lower_adjusted and upper_adjusted. family : levels of
    the row names within which p-values are adjusted; None: all rows are one family. rope, interval : of a posterior,
    see `msclong.results.posterior_table.posterior_table`. The table's attrs name its intervals.

    Raises SpecError or HypothesisError.
    """
    check_level(level)
    against = alternative(test, margin)
    adjust = None if adjust == "none" else adjust
    if adjust is None and family is not None:
        raise HypothesisError(
            "family= says which p-values are adjusted together; name the method with adjust=."
        )
    if isinstance(estimate, PosteriorDraws):
        if adjust is not None:
            raise HypothesisError(
                f"adjust={adjust!r} adjusts p-values, and a posterior has none; leave it out."
            )
        return estimate.test(hypothesis, level, margin, against, rope, interval)
    if rope is not None or interval != "equal-tailed":
        raise HypothesisError(
            f"{'rope' if rope is not None else f'interval={interval!r}'} is asked of a posterior: engine=ml.Bayesian()."
        )
    table = estimate.test(hypothesis, level, against)
    table.attrs["interval"] = f"{100 * level:.4g} % confidence"
    if adjust is None:
        return table
    tests = estimate.row_tests(hypothesis, against)
    p_adjusted, below, above = np.ones((3, len(tests)))
    intervals = False
    for rows in _families(hypothesis.rows, family):
        members = tests.subset(rows)
        p_adjusted[rows] = adjusted_p_values(members, adjust)
        if (bounds := simultaneous_bounds(members, adjust, level)) is not None:
            intervals = True
            below[rows], above[rows] = bounds
    table["p_adjusted"] = p_adjusted
    table.attrs["adjust"] = WORDS[adjust] if isinstance(adjust, str) else "graphical procedure"
    if intervals:
        table["lower_adjusted"] = table["estimate"] - below * table["se"]
        table["upper_adjusted"] = table["estimate"] + above * table["se"]
    return table


def check_level(level: object) -> None:
    """Raises SpecError unless `level` is a probability."""
    if not isinstance(level, (int, float)) or not 0 < level < 1:
        raise SpecError(f"level must lie between 0 and 1, such as 0.95; got {level!r}.")


def _families(rows: pd.Index, family: str | Sequence[str] | None) -> list[np.ndarray]:
    """Positions of the rows of each family."""
    if family is None:
        return [np.arange(len(rows))]
    names = as_list(family, "family")
    if not names:
        raise HypothesisError(
            "family=[] names nothing that p-values are grouped by; leave it out for one family."
        )
    if unknown := [name for name in names if name not in rows.names]:
        raise HypothesisError(
            f"family={listing(map(repr, unknown))}: the rows are named by {listing(map(repr, rows.names))} only."
        )
    keys = rows.to_frame(index=False)[names]
    return [np.asarray(group) for group in keys.groupby(names, sort=False).indices.values()]
