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


def weighted_convergence(values: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """ESS and MCSE of m quantities from one importance sample: values (S, m), normalised weights (S,); each (m,).

    The self-normalised mean has squared error sum w^2 (x - mean)^2 (Owen 2013, Monte Carlo theory, equation 9.8);
    its ESS is the variance over that, at most S. 'ess_tail' is the smaller one of the 5 % and 95 % quantiles, from the
    same error of P(x <= quantile). One sample has no chains: R-hat is NaN. Constant and infinite quantities as in
    `convergence`.
    """
    finite = np.isfinite(values).all(axis=0)
    x = np.where(finite, values, 0.0)
    result = _without_chains(np.where(finite, np.ptp(x, axis=0), np.inf), True)
    varies = finite & (np.ptp(x, axis=0) > 0)
    if varies.any():
        x = x[:, varies]
        mcse, result["ess_bulk"][varies] = _error_and_ess(x, weights)
        result["mcse"][varies] = mcse
        order = np.argsort(x, axis=0)
        share = np.cumsum(weights[order], axis=0)
        sizes = []
        for probability in TAIL:
            last = np.minimum((share < probability).sum(axis=0), len(x) - 1)
            quantile = np.take_along_axis(x, order, axis=0)[last, np.arange(x.shape[1])]
            sizes.append(_error_and_ess((x <= quantile).astype(float), weights)[1])
        result["ess_tail"][varies] = np.minimum(*sizes)
    return result


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


def _error_and_ess(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """MCSE of the weighted mean of x (S, m) and its effective sample size, (m,) each."""
    square = (x - weights @ x) ** 2
    error = weights**2 @ square
    with np.errstate(divide="ignore", invalid="ignore"):
        ess = np.where(error > 0, (weights @ square) / error, 0.0)
    return np.sqrt(error), np.minimum(ess, len(x))


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
