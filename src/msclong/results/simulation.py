"""New outcomes from a fitted model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from msclong.design.design import Design
from msclong.design.unit_batches import unit_batches
from msclong.design.units import has_large_units
from msclong.errors import SpecError
from msclong.families.transformed_gaussian import TransformedGaussian
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws


def simulate(
    design: Design, estimate: PointEstimate | PosteriorDraws, theta: np.ndarray, n: int, seed: int | None
) -> pd.DataFrame:
    """`n` data sets of the model for the observed rows, independent between units, of new subjects.

    Gaussian and transformed Gaussian outcomes: g(y) ~ N(X beta, Sigma(theta)). Others: linear predictors X beta plus
    offset plus effects of new subjects ~ N(0, Sigma(theta)), and outcomes from the family given these; a censored
    outcome is drawn as it would be without its limit.

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
    if isinstance(estimate, PosteriorDraws):
        chosen = rng.choice(len(estimate.flat), size=n, replace=n > len(estimate.flat))
    if isinstance(estimate, ConditionalDraws):
        phi = estimate.phi_of(design.dispersion)
        values = np.column_stack([_from_family(design, estimate, phi, draw, rng) for draw in chosen])
    else:
        noise = rng.standard_normal((design.n_obs, n))
        if isinstance(estimate, PosteriorDraws):
            beta, thetas, values = estimate.flat, estimate.flat_theta, np.empty_like(noise)
            for i, draw in enumerate(chosen):
                values[:, [i]] = simulated(design, beta[draw], thetas[draw], noise[:, [i]])
        else:
            values = (
                simulated(design, estimate.beta, theta, noise)
                if not has_large_units(design.unit) or design.crossed is None
                else design.fixed.X @ estimate.beta[:, None] + design.crossed.drawn(theta, noise, rng)
            )
        if isinstance(design.family, TransformedGaussian):
            values = design.family.outcome(values)
    return pd.DataFrame(values, index=design.fixed.frame.index, columns=pd.RangeIndex(n, name="simulation"))


def simulated(design: Design, beta: np.ndarray, theta: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """X beta + L noise, (N, n), with L L' = V(theta) and standard normal `noise` (N, n)."""
    values = np.empty_like(noise)
    mean = design.fixed.X @ beta
    for rows in unit_batches(design.unit, design.coords):
        root = np.linalg.cholesky(design.structure.sigma(theta, design.coords[rows]))
        values[rows] = mean[rows][..., None] + root @ noise[rows]
    return values


def _from_family(
    design: Design,
    estimate: ConditionalDraws,
    phi: Mapping[str, np.ndarray],
    draw: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Outcomes (N,) of new subjects at one draw."""
    coords, theta = design.latent_coords(), estimate.flat_theta[draw]
    n, m, d = coords.shape
    fixed = [design.fixed.X @ estimate.flat[draw] + design.offset]
    if design.zero is not None and estimate.flat_zero is not None:
        fixed.append(design.zero.X @ estimate.flat_zero[draw])
    eta = np.column_stack(fixed)
    for rows in unit_batches(design.unit, design.coords):
        units, t = rows.shape
        sigma = design.structure.sigma(theta, coords[rows].reshape(units, t * m, d))
        noise = rng.standard_normal((units, t * m, 1))
        eta[rows] += (root(sigma) @ noise).reshape(units, t, m)
    at_draw = {name: values[draw] for name, values in phi.items()}
    return design.family.draw(tuple(eta.T), at_draw, design.observation, rng)


def root(sigma: np.ndarray) -> np.ndarray:
    """R with R R' = sigma (..., t, t), which may be singular: random effects of fewer than t dimensions are."""
    values, vectors = np.linalg.eigh(sigma)
    return vectors * np.sqrt(values.clip(0, None))[..., None, :]
