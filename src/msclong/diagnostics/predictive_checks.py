"""Does the model predict data like those that it was fitted to: simulated against observed, visit by visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from msclong.contrasts.kinds import as_list
from msclong.design.design import Design
from msclong.design.visit_grid import MOST_VISITS
from msclong.engines.frequentist.arguments import check_fit
from msclong.errors import DataError, EngineError, SpecError, listing
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import check_level
from msclong.results.stamp import stamp

Statistic = Callable[[np.ndarray], float]
"""One number from the outcomes (n,) of a group of rows."""

STATISTICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": lambda y: y.mean(axis=0),
    "sd": lambda y: y.std(axis=0, ddof=1) if len(y) > 1 else np.full(y.shape[1], np.nan),
    "median": lambda y: np.median(y, axis=0),
    "min": lambda y: y.min(axis=0),
    "max": lambda y: y.max(axis=0),
    "zeros": lambda y: (y == 0).mean(axis=0),
}
"""By name: from the outcomes of a group of rows in many data sets, (n, sets) -> (sets,). zeros : their share."""


def predictive_check(
    fit: Fit,
    statistic: str | Statistic = "mean",
    by: str | Sequence[str] | None = None,
    n: int = 1000,
    level: float = 0.95,
    seed: int | None = 0,
) -> pd.DataFrame:
    """A statistic of the outcomes in each group of rows, beside what the fitted model predicts for it.

    The model draws `n` data sets for the same rows, missing visits included: of a posterior each with a draw of its own
    (posterior predictive; Gelman, Meng and Stern 1996), else at the estimates (parametric bootstrap).

    Parameters
    ----------
    statistic : 'mean', 'sd', 'median', 'min', 'max', 'zeros' (their share), or a function of the outcomes (n,)
    by : column or columns
        The groups; None: arm and visit, as far as the design has them. []: all rows together.
    level, seed : of the interval; of the simulation.

    Returns
    -------
    DataFrame by group: n (observed outcomes), observed, predicted (mean), lower, upper (equal-tailed), and
    predictive_p: the share of predicted values above the observed one, half of the equal ones counted. Near 0 the
    observed value is larger than the model makes it, near 1 smaller. It is no p-value: a model that holds has
    values near 0.5 more often than a uniform distribution, because the parameters were fitted to the same data.

    Raises SpecError for an unknown statistic or wrong argument, DataError for an unknown column, EngineError for
    censored outcomes.

    Examples
    --------
    >>> import msclong as ml
    >>> fit = ml.fit("change ~ basval + TRT * week + us(week | PATIENT)", ml.datasets.hamd17())
    >>> ml.predictive_check(fit, "sd", by="week", seed=1)[["observed"]].round(1)
          observed
    week
    1          4.8
    2          6.3
    4          6.6
    6          6.7
    8          6.6
    """
    check_level(level)
    columns = ["n", "observed", "predicted", "lower", "upper", "predictive_p"]
    groups, [compared] = _compared(fit, [statistic], by, n, seed)
    rows = [
        (size, at, new.mean(), *np.quantile(new, [(1 - level) / 2, (1 + level) / 2]), _above(new, at))
        for size, at, new in compared
    ]
    return stamp(pd.DataFrame(rows, columns=columns, index=groups), fit)


def predictive_bands(
    fit: Fit,
    statistics: Sequence[str] = ("mean", "sd"),
    by: str | Sequence[str] | None = None,
    n: int = 1000,
    seed: int | None = 0,
) -> pd.DataFrame:
    """Several statistics as `predictive_check` has them, over the same simulated data sets, with their quantiles.

    DataFrame by statistic and group: n, observed, lower (2.5 %), lower_50 (25 %), median, upper_50, upper,
    predictive_p.
    Raises what `predictive_check` raises.
    """
    columns = ["n", "observed", *QUANTILES, "predictive_p"]
    groups, compared = _compared(fit, statistics, by, n, seed)
    tables = {
        name: pd.DataFrame(
            [
                (size, at, *np.quantile(new, list(QUANTILES.values())), _above(new, at))
                for size, at, new in found
            ],
            columns=columns,
            index=groups,
        )
        for name, found in zip(statistics, compared, strict=True)
    }
    return stamp(pd.concat(tables, names=["statistic"]), fit)


QUANTILES = {"lower": 0.025, "lower_50": 0.25, "median": 0.5, "upper_50": 0.75, "upper": 0.975}
"""Columns of `predictive_bands`."""


Compared = list[tuple[int, float, np.ndarray]]
"""Of each group: how many outcomes it has, the statistic of these, and that of each simulated data set, (n,)."""


def _compared(
    fit: Fit, statistics: Sequence[str | Statistic], by: str | Sequence[str] | None, n: int, seed: int | None
) -> tuple[pd.Index, list[Compared]]:
    """The groups, and of each statistic what it is there."""
    check_fit(fit)
    design = fit.design
    if "censored" in design.observation:
        raise EngineError(
            "Censored outcomes are limits, with which simulated outcomes cannot be compared; check the model without "
            "censoring, on the uncensored rows."
        )
    compute = [_statistic(statistic) for statistic in statistics]
    code, groups = _codes(design, _groups(design, by))
    observed, simulated = design.outcome[:, None], fit.simulate(n, seed).to_numpy()
    found: list[Compared] = [[] for _ in compute]
    for group in range(len(groups)):
        inside = code == group
        seen, new = observed[inside], simulated[inside]
        for statistic, rows in zip(compute, found, strict=True):
            rows.append((int(inside.sum()), float(statistic(seen)[0]), statistic(new)))
    return groups, found


def _above(new: np.ndarray, at: float) -> float:
    """The share of simulated values above the observed one, half of the equal ones counted; NaN where there is none."""
    return float((new > at).mean() + (new == at).mean() / 2) if np.isfinite(at) else np.nan


def _statistic(statistic: str | Statistic) -> Callable[[np.ndarray], np.ndarray]:
    if callable(statistic):
        return lambda y: np.array([_number(statistic(column)) for column in y.T])
    if statistic not in STATISTICS:
        raise SpecError(
            f"statistic takes {listing(map(repr, STATISTICS))} or a function of the outcomes; got {statistic!r}."
        )
    return STATISTICS[statistic]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise SpecError(
            "statistic must be a function that gives one number from the outcomes (n,) of a group; it gave "
            f"{repr(value):.60}."
        ) from None


def _groups(design: Design, by: str | Sequence[str] | None) -> list[str]:
    if by is not None:
        names = as_list(by, "by")
        if unknown := [name for name in names if name not in design.fixed.frame.columns]:
            raise DataError(
                f"There is no column {listing(unknown)}; the columns are {listing(design.fixed.frame.columns, 20)}."
            )
        return names
    planned = design.visit is not None and design.fixed.frame[design.visit].nunique() <= MOST_VISITS
    return [name for name in (design.arm, design.visit if planned else None) if name is not None]


def _codes(design: Design, names: list[str]) -> tuple[np.ndarray, pd.Index]:
    """The group of each row (N,), and the groups in the order of their levels."""
    if not names:
        return np.zeros(design.n_obs, dtype=int), pd.Index(["all"], name="rows")
    grouped = design.fixed.frame.groupby(names, observed=True, sort=True)
    levels = grouped.size().index.tolist()
    index = (
        pd.MultiIndex.from_tuples(levels, names=names) if len(names) > 1 else pd.Index(levels, name=names[0])
    )
    return grouped.ngroup().to_numpy(), index
