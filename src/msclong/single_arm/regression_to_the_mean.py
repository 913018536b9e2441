"""How much of a change after treatment could be regression to the mean, when only treated patients were measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from msclong.errors import DataError, SpecError, listing
from msclong.single_arm.selection import Side, expected_change, population_sd
from msclong.single_arm.summary import PairedSummary

Better = Literal["lower", "higher"]
Interval = tuple[float, float]

CORRELATIONS = (0.3, 0.5, 0.7, 0.9)
"""Where a paper prints no correlation. In 20 trials 464 correlations with baseline had mean 0.50 and SD 0.15
(Walters et al. 2019, Trials 20:566)."""

EXACT_LINE = 1e-12
"""Closer to 1 than that a correlation is 1 up to rounding."""


@dataclass(frozen=True, eq=False)
class RegressionToTheMean:
    """What an effect would be over a range of population means, and what selection alone would have brought.

    summary : the patients.
    level : of confidence.
    table : index (population_mean, correlation), the correlation that of these patients. Columns:
        regression_to_mean, the change that the regression gives without any effect; estimate, se, lower, upper, df,
        statistic, p_value, the effect beyond it at the population mean (Mee and Chua); and, if `better` was given,
        benefit: whether the interval lies wholly on the better side.
    selection : index (population_mean, correlation), the correlation that of repeated measurements in the population.
        Columns: expected_change without any effect, (1 - rho) (mu - pre_mean). With an entry criterion also
        population_sd, at which the part beyond the cutoff varies as these patients do, and expected_by_entry,
        Davis's formula with it.
    no_effect : {correlation: intervals of population means at which the effect is not significant}; elsewhere it is.
    """

    summary: PairedSummary
    level: float
    better: Better | None
    table: pd.DataFrame
    selection: pd.DataFrame
    no_effect: dict[float, tuple[Interval, ...]]

    def sentence(self) -> str:
        """In plain words: the change, how much of it selection explains, and for which population means no effect
        is seen."""
        means = self.table.index.get_level_values("population_mean")
        expected = self.table["regression_to_mean"]
        change = self.summary.post_mean - self.summary.pre_mean
        beyond = int(((self.table["lower"] > 0) | (self.table["upper"] < 0)).sum())
        text = (
            f"The mean changed by {change:.3g}. Regression to the mean alone would have changed it by "
            f"{_between(expected.min(), expected.max())} if the population's mean were "
            f"{_between(means.min(), means.max())}"
        )
        known = self.summary.r is not None
        if not known:
            rho = self.table.index.get_level_values("correlation")
            text += f" and the correlation {_between(rho.min(), rho.max())}"
        text += (
            f". An effect beyond it is seen, at {100 * self.level:g}% confidence, for {beyond} of "
            f"{len(self.table)} such assumptions"
        )
        for r, intervals in self.no_effect.items():
            where = " or ".join(map(_words, intervals)) or "no population mean at all"
            text += f"; {'' if known else f'at correlation {r:g} '}it is absent for {where}"
        return f"{text}. Without a control group nobody can tell which of them holds."

    def __str__(self) -> str:
        return f"{self.sentence()}\n{self.table.to_string(float_format='{:.4g}'.format)}"


def regression_to_the_mean(
    pre: ArrayLike | PairedSummary,
    post: ArrayLike | None = None,
    *,
    population_means: Sequence[float],
    correlations: Sequence[float] | None = None,
    retest_correlations: Sequence[float] = CORRELATIONS,
    entry: tuple[Side, float] | None = None,
    better: Better | None = None,
    level: float = 0.95,
) -> RegressionToTheMean:
    """The effect of treatment in patients who were chosen for extreme values, over assumed population means.

    Parameters
    ----------
    pre, post : measurements before and after of the same patients, (n,) each; or one PairedSummary of them. NaN is
    refused. population_means : values that the mean of untreated patients may have, from whom these were selected.
    correlations : between pre and post of these patients; only where the summary has no r (None: 0.3, 0.5, 0.7, 0.9).
    retest_correlations : of repeated measurements in the population, not only in those selected; for `selection`.
    entry : ('above', 6) or ('below', 6): the cutoff that the measurement before had to pass, if there was one.
    better : 'lower' or 'higher'; adds the column `benefit`.
    level : of confidence.

    For an assumed population mean mu, the regression of what comes after on what was before,

        post - mu = delta + beta (pre - mu) + e,   e ~ Normal(0, s^2)

    holds also in a sample selected by `pre`. Without an effect delta = 0: whoever was at the mean stays there. So

        delta(mu) = post_mean - mu + b (mu - pre_mean),   se^2 = s^2 (1/n + (mu - pre_mean)^2 / Sxx),   n - 2 df

    is the effect of treatment at the population mean, and -(1 - b)(pre_mean - mu) the change that regression to the
    mean brings to these patients; both add up to the change seen. The mu without a significant delta(mu) solve a
    quadratic inequality, as in Fieller's theorem: an interval, all but one, or all.

    The method presumes that untreated means stay as they were, that pre is linear in what it predicts, and that
    selection went by `pre` only. `selection` needs no measurement after treatment: patients whose mean lies
    pre_mean - mu off the population's are expected back by the share 1 - rho of it. With `entry` the same is told
    from the cutoff and the SD of those selected (`population_sd`, `expected_change`); where the two differ much,
    selection was not by that cutoff alone, or mu is not the mean.

    Sources: Mee and Chua (1991), The American Statistician 45:39 (the test); Ostermann, Willich and Luedtke (2008),
    BMC Medical Research Methodology 8:52 (over a range of mu); Davis (1976), American Journal of Epidemiology 104:493.
    Raises DataError for measurements or figures that are impossible, SpecError for impossible options.

    Examples
    --------
    >>> from msclong import single_arm
    >>> patients = single_arm.PairedSummary(n=24, pre_mean=5.63, pre_sd=1.44, post_mean=3.08, post_sd=1.21)
    >>> found = single_arm.regression_to_the_mean(patients, population_means=(3, 4, 5), better="lower")
    >>> found.table[["regression_to_mean", "estimate", "p_value"]].round(2).head(3)
                                 regression_to_mean  estimate  p_value
    population_mean correlation
    3.0             0.3                       -1.97     -0.58     0.27
                    0.5                       -1.53     -1.02     0.04
                    0.7                       -1.08     -1.47     0.00
    """
    summary, mus, rhos = _patients(pre, post), _means(population_means), correlations
    if summary.r is not None:
        if rhos is not None:
            raise SpecError("correlations are for a summary without r; these patients have one of their own.")
        rhos = (summary.r,)
    rhos = _correlations(CORRELATIONS if rhos is None else rhos)
    if max(map(abs, rhos)) > 1 - EXACT_LINE:
        raise DataError(
            "post is an exact line in pre (correlation 1 or -1): there is no error left to test against."
        )
    if better is not None and better not in get_args(Better):
        raise SpecError(f"better takes 'lower' or 'higher'; got {better!r}.")
    if (
        isinstance(level, bool)
        or not isinstance(level, (int, float, np.integer, np.floating))
        or not 0 < level < 1
    ):
        raise SpecError(f"level must lie between 0 and 1, such as 0.95; got {level!r}.")
    criterion = None if entry is None else _entry(entry, summary, pre)
    level = float(level)
    quantile = float(stats.t.isf((1 - level) / 2, summary.n - 2))
    rows = [_effect(summary, mu, r, quantile) for mu in mus for r in rhos]
    retest = [
        _selected(summary, mu, rho, criterion) for mu in mus for rho in _correlations(retest_correlations)
    ]
    table = pd.DataFrame(rows).set_index(["population_mean", "correlation"])
    if better is not None:
        table["benefit"] = table["upper"] < 0 if better == "lower" else table["lower"] > 0
    where = {r: _no_effect(summary, r, quantile) for r in rhos}
    selection = pd.DataFrame(retest).set_index(["population_mean", "correlation"])
    return RegressionToTheMean(summary, level, better, table, selection, where)


def _slope(summary: PairedSummary, r: float) -> tuple[float, float]:
    """Slope and residual variance of post on pre."""
    residual = (1 - r**2) * summary.post_sd**2 * (summary.n - 1) / (summary.n - 2)
    return r * summary.post_sd / summary.pre_sd, residual


def _effect(summary: PairedSummary, mu: float, r: float, quantile: float) -> dict[str, float]:
    """Mee and Chua's test at one population mean."""
    slope, variance = _slope(summary, r)
    off = mu - summary.pre_mean
    estimate = summary.post_mean + slope * off - mu
    se = math.sqrt(variance * (1 / summary.n + off**2 / ((summary.n - 1) * summary.pre_sd**2)))
    statistic = estimate / se
    return {
        "population_mean": mu,
        "correlation": r,
        "regression_to_mean": (1 - slope) * off,
        "estimate": estimate,
        "se": se,
        "lower": estimate - quantile * se,
        "upper": estimate + quantile * se,
        "df": float(summary.n - 2),
        "statistic": statistic,
        "p_value": float(2 * stats.t.sf(abs(statistic), summary.n - 2)),
    }


def _selected(
    summary: PairedSummary, mu: float, rho: float, criterion: tuple[Side, float] | None
) -> dict[str, float]:
    """What selection alone brings at one population mean and retest correlation."""
    row = {
        "population_mean": mu,
        "correlation": rho,
        "expected_change": (1 - rho) * (mu - summary.pre_mean),
    }
    if criterion is not None:
        side, cutoff = criterion
        sd = population_sd(cutoff, mu, float(summary.pre_sd), side)
        row |= {"population_sd": sd, "expected_by_entry": expected_change(cutoff, mu, sd, rho, side)}
    return row


def _no_effect(summary: PairedSummary, r: float, quantile: float) -> tuple[Interval, ...]:
    """The population means at which |delta(mu)| <= quantile * se(mu): a u^2 + 2 b u + c <= 0, u = mu - pre_mean."""
    slope, variance = _slope(summary, r)
    k, change = quantile**2 * variance, summary.post_mean - summary.pre_mean
    a = (1 - slope) ** 2 - k / ((summary.n - 1) * summary.pre_sd**2)
    b, c = -(1 - slope) * change, change**2 - k / summary.n
    inside = b**2 - a * c
    if a == 0:
        end = summary.pre_mean - c / (2 * b) if b else math.inf
        return ((-math.inf, end),) if b >= 0 else ((end, math.inf),)
    if inside < 0:
        return () if a > 0 else ((-math.inf, math.inf),)
    low, high = sorted(summary.pre_mean + (-b + sign * math.sqrt(inside)) / a for sign in (-1, 1))
    return ((low, high),) if a > 0 else ((-math.inf, low), (high, math.inf))


def _patients(pre: ArrayLike | PairedSummary, post: ArrayLike | None) -> PairedSummary:
    if isinstance(pre, PairedSummary):
        if post is not None:
            raise SpecError("A PairedSummary holds both measurements; leave out post.")
        return pre
    if post is None:
        raise SpecError("Give the measurements after treatment too, or one PairedSummary of both.")
    return PairedSummary.of(pre, post)


def _means(values: Sequence[float]) -> list[float]:
    return [float(mu) for mu in _numbers(values, "population_means", "such as (3, 4, 5)")]


def _correlations(values: Sequence[float]) -> list[float]:
    found = _numbers(values, "correlations", "such as (0.5, 0.7, 0.9)")
    if (np.abs(found) > 1).any():
        raise SpecError(f"Correlations lie between -1 and 1; got {listing(found)}.")
    return [float(r) for r in found]


def _numbers(values: Sequence[float], name: str, such_as: str) -> np.ndarray:
    try:
        found = np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError):
        found = np.array([])
    if found.ndim != 1 or not found.size or not np.isfinite(found).all():
        raise SpecError(f"{name} are finite numbers, {such_as}; got {values!r}.")
    return np.unique(found)


def _entry(entry: object, summary: PairedSummary, pre: object) -> tuple[Side, float]:
    """The criterion, which the patients must meet."""
    if not isinstance(entry, (tuple, list)) or len(entry) != 2 or entry[0] not in get_args(Side):
        raise SpecError(f"entry is ('above', cutoff) or ('below', cutoff); got {entry!r}.")
    side, cutoff = entry
    if (
        isinstance(cutoff, bool)
        or not isinstance(cutoff, (int, float, np.integer, np.floating))
        or not math.isfinite(cutoff)
    ):
        raise SpecError(f"The cutoff of entry must be a finite number; got {cutoff!r}.")
    sign = 1 if side == "above" else -1
    values = np.array([summary.pre_mean]) if isinstance(pre, PairedSummary) else np.asarray(pre, dtype=float)
    if outside := int((sign * (values - cutoff) < 0).sum()):
        what = "Their mean" if isinstance(pre, PairedSummary) else f"{outside} of {values.size} values of pre"
        raise DataError(
            f"{what} does not lie {side} the entry cutoff {cutoff:g}; correct the criterion or the data."
        )
    return side, float(cutoff)


def _between(low: float, high: float) -> str:
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _words(interval: Interval) -> str:
    low, high = interval
    if math.isinf(low):
        return "every population mean" if math.isinf(high) else f"population means below {high:.3g}"
    return (
        f"population means above {low:.3g}"
        if math.isinf(high)
        else f"population means from {low:.3g} to {high:.3g}"
    )
