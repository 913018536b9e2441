"""New outcomes from a fitted model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.design.design import Design
from msclong.design.unit_batches import unit_batches
from msclong.errors import SpecError
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws


def simulate(
    design: Design, estimate: PointEstimate | PosteriorDraws, theta: np.ndarray, n: int, seed: int | None
) -> pd.DataFrame:
    """`n` data sets of the model y ~ N(X beta, Sigma(theta)) for the observed rows, independent between units.

    beta and theta are the point estimates (the parametric bootstrap); of a posterior each data set has a draw of
    its own (posterior predictive), drawn without replacement while there are enough.

    Returns
    -------
    DataFrame (N, n), indexed like the observed rows, in the outcome's unit; the same seed gives the same columns.

    Raises SpecError where n is not a positive integer or seed not one from 0 up, or a posterior keeps no draws of
    theta.
    """
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 1:
        raise SpecError(f"n, the number of data sets to simulate, must be 1 or more; got {n!r}.")
    if seed is not None and (not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0):
        raise SpecError(f"seed must be None or an integer from 0 up; got {seed!r}.")
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((design.n_obs, n))
    if isinstance(estimate, PosteriorDraws):
        beta, thetas = estimate.flat, estimate.flat_theta
        chosen = rng.choice(len(beta), size=n, replace=n > len(beta))
        values = np.empty_like(noise)
        for i, draw in enumerate(chosen):
            values[:, [i]] = simulated(design, beta[draw], thetas[draw], noise[:, [i]])
    else:
        values = simulated(design, estimate.beta, theta, noise)
    return pd.DataFrame(values, index=design.fixed.frame.index, columns=pd.RangeIndex(n, name="simulation"))


def simulated(design: Design, beta: np.ndarray, theta: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """X beta + L noise, (N, n), with L L' = V(theta) and standard normal `noise` (N, n)."""
    values = np.empty_like(noise)
    mean = design.fixed.X @ beta
    for rows in unit_batches(design.unit, design.coords):
        root = np.linalg.cholesky(design.structure.sigma(theta, design.coords[rows]))
        values[rows] = mean[rows][..., None] + root @ noise[rows]
    return values
