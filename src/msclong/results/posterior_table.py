"""What a posterior says of each of some quantities: estimate, interval, probabilities, Monte Carlo error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import pandas as pd
from scipy.special import ndtr

from msclong.contrasts.margins import Alternative
from msclong.errors import SpecError

IntervalKind = Literal["equal-tailed", "hdi"]

INTERVALS = {"equal-tailed": "equal-tailed", "hdi": "highest-density"}
"""Kinds of posterior intervals, and their names in words."""

COLUMNS = (
    "estimate",
    "se",
    "lower",
    "upper",
    "prob_negative",
    "prob_beyond_margin",
    "ess_bulk",
    "rhat",
    "mcse",
)

OF_ZERO = ["prob_negative", "prob_beyond_margin"]
"""Columns that say nothing of quantities which are positive, or no effects."""

PROBABILITIES = {"non-inferiority": "prob_non_inferior", "equivalence": "prob_equivalent"}
"""Columns of tests of margins; superiority is prob_beyond_margin."""

Convergence = Callable[[np.ndarray], dict[str, np.ndarray]]
"""(chains, draws, m) -> {'ess_bulk', 'rhat', 'mcse'}, each (m,)."""


def of_some(convergence: Convergence, kept: np.ndarray | slice) -> Convergence:
    """`convergence` for the draws at positions `kept` of each chain alone; only that of resampled draws tells them."""
    narrowed = getattr(convergence, "of_some", None)
    return convergence if narrowed is None else narrowed(kept)


class Marginals(Protocol):
    """The marginal posterior distributions of m quantities; every array is (m,)."""

    @property
    def kind(self) -> str:
        """What `estimate` is, in words."""
        ...

    @property
    def estimate(self) -> np.ndarray: ...
    @property
    def se(self) -> np.ndarray: ...

    def quantile(self, share: float) -> np.ndarray:
        """The value with probability `share` below it."""
        ...

    def shortest(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the shortest interval with probability `level`."""
        ...

    def inside(self, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
        """The probability of lying between low and high, both excluded."""
        ...

    def checks(self) -> dict[str, np.ndarray]:
        """'ess_bulk', 'rhat' and 'mcse' of the estimate."""
        ...


@dataclass(frozen=True, eq=False)
class SampledMarginals:
    """Marginals as draws (chains, draws, m) show them."""

    draws: np.ndarray
    convergence: Convergence

    kind = "posterior mean"

    @property
    def flat(self) -> np.ndarray:
        return self.draws.reshape(-1, self.draws.shape[2])

    @property
    def estimate(self) -> np.ndarray:
        return np.asarray(self.flat.mean(axis=0))

    @property
    def se(self) -> np.ndarray:
        return np.asarray(self.flat.std(axis=0, ddof=1))

    def quantile(self, share: float) -> np.ndarray:
        return np.asarray(np.quantile(self.flat, share, axis=0))

    def shortest(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        ordered = np.sort(self.flat, axis=0)
        inside = max(int(np.ceil(level * len(ordered))) - 1, 1)
        first = np.argmin(ordered[inside:] - ordered[:-inside], axis=0)[None]
        lower, upper = (np.take_along_axis(ordered, first + step, axis=0)[0] for step in (0, inside))
        return lower, upper

    def inside(self, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
        return np.asarray(((self.flat > low) & (self.flat < high)).mean(axis=0))

    def checks(self) -> dict[str, np.ndarray]:
        return self.convergence(self.draws)


@dataclass(frozen=True, eq=False)
class HeavyTailedMarginals(SampledMarginals):
    """Draws of what may have no mean: medians, and half the width of the interval that a normal mean +- SD would be.

    exp(x'beta + sigma^2 / 2) is of this kind: its posterior mean is infinite where that of sigma is no lighter than a
    t distribution's.
    """

    kind = "posterior median"

    @property
    def estimate(self) -> np.ndarray:
        return self.quantile(0.5)

    @property
    def se(self) -> np.ndarray:
        return (self.quantile(ndtr(1.0)) - self.quantile(ndtr(-1.0))) / 2

    def checks(self) -> dict[str, np.ndarray]:
        """Those of the ranks, which no tail upsets; mcse is that of the share below the median, as quantiles."""
        from scipy.stats import rankdata  # takes half a second to import

        ranks = rankdata(self.flat, axis=0).reshape(self.draws.shape)
        found = self.convergence(ranks)
        error = np.sqrt(0.25 / np.fmax(found["ess_bulk"], 1.0))
        ends = [np.diag(np.quantile(self.flat, 0.5 + side * error, axis=0)) for side in (-1, 1)]
        return found | {"mcse": (ends[1] - ends[0]) / 2}


def posterior_table(
    marginals: Marginals,
    rows: pd.Index,
    value: np.ndarray,
    level: float,
    margin: float | None = None,
    against: Alternative | None = None,
    rope: tuple[float, float] | None = None,
    interval: IntervalKind = "equal-tailed",
) -> pd.DataFrame:
    """COLUMNS for each quantity; probabilities are of delta = quantity - value.

    With a margin other than zero also prob_improved, of any delta in the margin's direction; with a test of
    non-inferiority or equivalence its probability; with a `rope` prob_in_rope. The table's attrs name the interval and
    the estimate.

    Raises SpecError for another kind of interval.
    """
    if interval not in INTERVALS:
        raise SpecError(f"interval takes 'equal-tailed' or 'hdi' (highest density); got {interval!r}.")
    tail = (1 - level) / 2
    if interval == "hdi":
        lower, upper = marginals.shortest(level)
    else:
        lower, upper = marginals.quantile(tail), marginals.quantile(1 - tail)
    negative = marginals.inside(-np.inf, value)
    table = {
        "estimate": marginals.estimate,
        "se": marginals.se,
        "lower": lower,
        "upper": upper,
        "prob_negative": negative,
    }
    if margin:
        table["prob_improved"] = negative if margin < 0 else marginals.inside(value, np.inf)
    if margin is None:
        table["prob_beyond_margin"] = np.full(len(rows), np.nan)
    else:
        beyond = (-np.inf, value + margin) if margin < 0 else (value + margin, np.inf)
        table["prob_beyond_margin"] = marginals.inside(*beyond)
    if against is not None and against.name in PROBABILITIES:
        low, high = against.limits
        table[PROBABILITIES[against.name]] = marginals.inside(value + low, value + high)
    if rope is not None:
        table["prob_in_rope"] = marginals.inside(value + rope[0], value + rope[1])
    checks = marginals.checks()
    result = pd.DataFrame(table | {name: checks[name] for name in COLUMNS[-3:]}, index=rows)
    return described(result, marginals.kind, level, interval)


def described(
    table: pd.DataFrame, estimate: str, level: float | None, interval: IntervalKind = "equal-tailed"
) -> pd.DataFrame:
    """`table` with attrs that say what its estimates and its limits, if any, are."""
    if level is not None:
        table.attrs["interval"] = f"{100 * level:.4g} % {INTERVALS[interval]}"
    table.attrs["estimate"] = estimate
    return table
