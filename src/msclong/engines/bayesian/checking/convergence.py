"""Convergence of chains, and of weighted draws: R-hat, effective sample sizes, Monte Carlo error of the mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TAIL = (0.05, 0.95)
"""The quantiles whose estimates the tail ESS is about (Vehtari et al. 2021, section 4.3)."""


def convergence(draws: np.ndarray, tail: bool = False) -> dict[str, np.ndarray]:
    """R-hat, bulk ESS and MCSE of the posterior mean of m quantities from draws (chains, draws, m), each (m,).

    tail : the smaller ESS of the 5 % and 95 % quantiles too, as 'ess_tail'.

    Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), Bayesian Analysis 16:667; computed by ArviZ. A
    quantity without any variation (a contrast that is zero for every beta) has no R-hat and no ESS: both are NaN,
    its Monte Carlo error is zero. One that is infinite or undefined in some draw has R-hat and MCSE infinite, ESS zero.
    One chain has no R-hat.
    """
    from arviz_stats.base.array import array_stats  # takes a second to import: only where there are draws

    by_quantity = np.moveaxis(draws, 2, 0)
    finite = np.isfinite(by_quantity).all(axis=(1, 2))
    spread = np.where(finite, np.ptp(np.where(finite[:, None, None], by_quantity, 0.0), axis=(1, 2)), np.inf)
    result = _without_chains(spread, tail)
    varies = finite & (spread > 0)
    if varies.any():
        # In units of their own range: ArviZ takes a range below 1e-15 for no variation.
        moving = by_quantity[varies] / spread[varies, None, None]
        axes = {"chain_axis": 1, "draw_axis": 2}
        result["ess_bulk"][varies] = array_stats.ess(moving, **axes, method="bulk")
        if draws.shape[0] > 1:
            result["rhat"][varies] = array_stats.rhat(moving, **axes, method="rank")
        result["mcse"][varies] = spread[varies] * array_stats.mcse(moving, **axes, method="mean")
        if tail:
            result["ess_tail"][varies] = array_stats.ess(moving, **axes, method="tail", prob=TAIL)
    return result


def weighted_convergence(values: np.ndarray, weights: np.ndarray, tail: bool = True) -> dict[str, np.ndarray]:
    """ESS and MCSE of m quantities from one importance sample: values (S, m), normalised weights (S,); each (m,).

    The self-normalised mean has squared error sum w^2 (x - mean)^2 (Owen 2013, Monte Carlo theory, equation 9.8);
    its ESS is the variance over that, at most S. With `tail`, 'ess_tail' is the smaller one of the 5 % and 95 %
    quantiles, from the same error of the share of draws from there outwards. One sample has no chains: R-hat is NaN.
    Constant and infinite quantities as in `convergence`.
    """
    squares = weights**2
    spread = np.zeros(values.shape[1])
    result = {name: np.full(len(spread), np.nan) for name in ("ess_bulk", "ess_tail", "mcse")}
    for j, x in enumerate(np.ascontiguousarray(values.T)):
        spread[j] = np.ptp(x) if np.isfinite(x).all() else np.inf
        if not 0 < spread[j] < np.inf:
            continue
        square = (x - weights @ x) ** 2
        error = squares @ square
        result["mcse"][j] = np.sqrt(error)
        result["ess_bulk"][j] = _size(weights @ square, error, len(x))
        if tail:
            result["ess_tail"][j] = min(_tail_size(side, weights, squares) for side in (x, -x))
    varies = (spread > 0) & np.isfinite(spread)
    figures = _without_chains(spread, tail)
    return {
        name: np.where(varies, result[name], value) if name in result else value
        for name, value in figures.items()
    }


def _tail_size(x: np.ndarray, weights: np.ndarray, squares: np.ndarray) -> float:
    """ESS of the share of x (S,) up to its 5 % quantile."""
    # The quantile is among the lowest few: the others need no sorting.
    some = x[:: max(1, len(x) // 1000)]
    near = np.flatnonzero(x <= np.partition(some, len(some) // 8)[len(some) // 8])
    if weights[near].sum() < TAIL[0]:
        near = np.arange(len(x))
    order = near[np.argsort(x[near])]
    ordered, below = x[order], np.cumsum(weights[order])
    at = min(int(np.searchsorted(below, TAIL[0])), len(order) - 1)
    last = int(np.searchsorted(ordered, ordered[at], side="right"))
    p = below[last - 1]
    if last == len(x):  # all of them, for certain
        return float(1 / squares.sum())
    return _size(p * (1 - p), (1 - 2 * p) * squares[order[:last]].sum() + p**2 * squares.sum(), len(x))


@dataclass(frozen=True, eq=False)
class Resampled:
    """`convergence` of equally weighted draws that were picked from weighted ones, some more than once.

    chosen : (S,) which weighted draw each is.
    """

    chosen: np.ndarray

    def __call__(self, draws: np.ndarray) -> dict[str, np.ndarray]:
        """'ess_bulk', 'ess_tail', 'rhat' (NaN) and 'mcse', (m,) each, of draws (1, S, m)."""
        _, first, counts = np.unique(self.chosen, return_index=True, return_counts=True)
        return weighted_convergence(draws[0, first], counts / len(self.chosen))

    def of_some(self, kept: np.ndarray | slice) -> Resampled:
        """The same of some of the draws alone, by their positions."""
        return Resampled(self.chosen[kept])


def _size(variance: float, error: float, most: int) -> float:
    """Draws that would have this squared error, at most as many as there are."""
    return min(variance / error, most) if error > 0 else 0.0


def _without_chains(spread: np.ndarray, tail: bool) -> dict[str, np.ndarray]:
    """The figures of quantities whose spread (m,) is zero or infinite."""
    infinite = np.isinf(spread)
    names = ["ess_bulk", *(["ess_tail"] if tail else [])]
    sizes = {name: np.where(infinite, 0.0, np.nan) for name in names}
    return {
        **sizes,
        "rhat": np.where(infinite, np.inf, np.nan),
        "mcse": np.where(infinite, np.inf, 0.0),
    }
