"""Randomised quantile residuals, which are standard normal where the model holds, for outcomes of any family."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from msclong.design.design import Design
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.simulation import simulate

DATA_SETS = 1000
"""Simulated data sets that each outcome is ranked among."""

SEED = 20252
"""Of the simulation and of the randomisation, so that residuals are the same each time."""


def quantile_residuals(
    design: Design, estimate: PointEstimate | PosteriorDraws, theta: np.ndarray
) -> pd.Series:
    """Normal quantiles of where each outcome lies in its predictive distribution over new subjects, (N,).

    The distribution is that of `simulate`; where it has steps (counts, grades, zeros) or an outcome is known to lie
    between limits only, a point is drawn from the step (Dunn and Smyth 1996, JCGS 5:236). Residuals of one subject are
    correlated, as its outcomes are.
    """
    rng = np.random.default_rng(SEED)
    simulated = simulate(design, estimate, theta, DATA_SETS, SEED).to_numpy()
    y = design.outcome
    censored = design.observation.get("censored", np.zeros(len(y)))
    upper = np.where(censored == 2, design.observation.get("upper", y), y)
    # The outcome has a place among the simulated ones: as many steps as these and one more.
    low = np.where(censored < 0, 0, (simulated < y[:, None]).sum(axis=1))
    high = np.where(censored == 1, DATA_SETS, (simulated <= upper[:, None]).sum(axis=1))
    share = (low + rng.uniform(size=len(y)) * (high - low + 1)) / (DATA_SETS + 1)
    return pd.Series(ndtri(share), index=design.fixed.frame.index, name="quantile residual")
