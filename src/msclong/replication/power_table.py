"""From the analyses of simulated trials to a table of power."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.contrasts.multiplicity import OF_P_VALUES
from msclong.contrasts.student_t import t_quantile
from msclong.errors import HypothesisError, listing
from msclong.replication.analyses import Analyses
from msclong.results.observed_responders import exact_limits


def check_adjustment(method: object) -> None:
    """Raises HypothesisError for anything but a procedure of p-values alone."""
    if method is not None and not isinstance(method, GraphicalProcedure) and method not in tuple(OF_P_VALUES):
        raise HypothesisError(
            f"adjust={method!r}: p-values of simulated trials are adjusted by {listing(map(repr, OF_P_VALUES))} or a "
            "GraphicalProcedure; what reads the correlation of the statistics would take long in every trial."
        )


def adjusted(p: np.ndarray, method: str | GraphicalProcedure | None, rows: pd.Index) -> np.ndarray:
    """p-values (R, c), those of each trial adjusted as one family; one that is missing counts as 1."""
    if method is None:
        return p
    known = np.where(np.isnan(p), 1.0, p)
    if isinstance(method, GraphicalProcedure):
        return np.array([method.adjusted(one, rows) for one in known])
    return np.array([OF_P_VALUES[method](one) for one in known])


def power_table(
    found: Analyses, p: np.ndarray, rows: pd.Index, true: np.ndarray, alpha: float
) -> pd.DataFrame:
    """A row each, as `Power` describes it."""
    trials = len(p)
    significant = (p < alpha).sum(axis=0)  # not a number is not significant
    lower, upper = exact_limits(significant, trials, 0.95)
    share = significant / trials
    answered = ~np.isnan(found.estimate)
    n = np.maximum(answered.sum(axis=0), 1)

    def mean(of: np.ndarray) -> np.ndarray:
        return np.where(answered.any(axis=0), np.where(answered, of, 0.0).sum(axis=0) / n, np.nan)

    estimate = mean(found.estimate)
    half = t_quantile(found.df, 1 - alpha / 2) * found.se
    return pd.DataFrame(
        {
            "power": share,
            "lower": lower,
            "upper": upper,
            "mcse": np.sqrt(share * (1 - share) / trials),
            "true": true,
            "estimate": estimate,
            "bias": estimate - true,
            "sd": np.sqrt(mean((found.estimate - estimate) ** 2) * n / np.maximum(n - 1, 1)),
            "se": mean(found.se),
            "df": mean(found.df),
            "coverage": np.where(np.isnan(true), np.nan, mean(np.abs(found.estimate - true) <= half)),
            "failed": 1 - answered.mean(axis=0),
            "fallback": found.fallback.mean(),
            "boundary": found.boundary.mean(),
        },
        index=rows,
    )


def power_of_several(p: np.ndarray, alpha: float) -> dict[str, float]:
    """Shares of trials in which any row, and in which all rows are significant, with Monte Carlo standard errors."""
    significant = p < alpha
    found = {}
    for name, shares in (("any", significant.any(axis=1)), ("all", significant.all(axis=1))):
        found[name] = float(shares.mean())
        found[f"{name}_mcse"] = float(np.sqrt(found[name] * (1 - found[name]) / len(p)))
    return found
