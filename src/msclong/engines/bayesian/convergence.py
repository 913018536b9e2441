"""Convergence of chains: rank-normalised split R-hat, bulk effective sample size, Monte Carlo error of the mean."""

from __future__ import annotations

import numpy as np


def convergence(draws: np.ndarray) -> dict[str, np.ndarray]:
    """R-hat, bulk ESS and MCSE of the posterior mean of m quantities from draws (chains, draws, m), each (m,).

    Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), Bayesian Analysis 16:667; computed by ArviZ. A
    quantity without any variation (a contrast that is zero for every beta) has no R-hat and no ESS: both are NaN,
    its Monte Carlo error is zero. One chain has no R-hat.
    """
    from arviz_stats.base.array import array_stats  # takes a second to import: only where there are draws

    by_quantity = np.moveaxis(draws, 2, 0)
    spread = np.ptp(by_quantity, axis=(1, 2))
    varies = spread > 0
    result = {name: np.full(len(varies), missing) for name, missing in _WITHOUT_VARIATION.items()}
    if varies.any():
        # In units of their own range: ArviZ takes a range below 1e-15 for no variation.
        moving = by_quantity[varies] / spread[varies, None, None]
        result["ess_bulk"][varies] = array_stats.ess(moving, chain_axis=1, draw_axis=2, method="bulk")
        result["rhat"][varies] = array_stats.rhat(moving, chain_axis=1, draw_axis=2, method="rank")
        result["mcse"][varies] = spread[varies] * array_stats.mcse(
            moving, chain_axis=1, draw_axis=2, method="mean"
        )
    return result


_WITHOUT_VARIATION = {"ess_bulk": np.nan, "rhat": np.nan, "mcse": 0.0}
