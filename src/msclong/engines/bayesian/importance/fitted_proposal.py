"""Proposals fitted to a target: around its modes by probing its axes, or to weighted draws from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from msclong.engines.bayesian.importance.posterior_mode import LogDensity, Mode
from msclong.engines.bayesian.importance.proposal import Component, Mixture, SplitT, t_around

DF = 20.0
"""Degrees of freedom of the proposal around the mode."""

WIDE_DF = 5.0
WIDER = 1.2
DEFENSIVE = 0.15
"""The wide component's degrees of freedom, how many times wider its scales are, and its share of the draws."""

PROBES = np.array([0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0])
"""Where each half-axis is probed for its scale, in standard deviations."""

NEAR = 2.0
"""Probes up to here serve the component around the mode; the wide one all."""

LEAST_SCALE, MOST_SCALE = 0.5, 6.0
"""Bounds of a half-axis's scale, in standard deviations; the second where it is flat as far as it was probed."""

FITTED = 4
EM_STEPS = 8
"""Most components of a refitted proposal, and steps that fit them."""

DRAWS_PER_COMPONENT = 25
"""Effective draws for each dimension that a component needs to be fitted."""


def around(log_density: LogDensity, modes: list[Mode], defensive: Sequence[Component]) -> Mixture:
    """Components around each mode, by the modes' mass as normal distributions, and the caller's defensive ones."""
    masses = np.array([mode.mass for mode in modes])
    shares = np.exp(masses - masses.max()).clip(0.01, None)
    reserve = DEFENSIVE * len(defensive)
    around = [_around_mode(log_density, mode) for mode in modes]
    weights = [*((1 - reserve) * shares / shares.sum()), *([DEFENSIVE] * len(defensive))]
    return Mixture(weights, [*around, *defensive])


def _around_mode(log_density: LogDensity, mode: Mode) -> Mixture:
    """A split-t whose axes are near the coordinates' own and have unit curvature, and a wide one.

    On each side the scale is the largest that the probes ask for: of the split-t those nearby, of the wide one all: it
    follows tails that fall slowly, as the logarithm of a standard deviation near zero does.
    """
    covariance = np.linalg.inv(mode.precision)
    sd = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    axes = sd[:, None] * (vectors * np.sqrt(values.clip(1e-12, None))) @ vectors.T
    k = len(sd)
    sides = np.concatenate([-axes.T, axes.T])
    points = mode.u + PROBES[:, None, None] * sides
    fall = mode.value - log_density(points.reshape(-1, k)).reshape(len(PROBES), 2 * k)
    with np.errstate(divide="ignore", invalid="ignore"):
        asked = PROBES[:, None] / np.sqrt(2 * fall.clip(1e-3, None))
    near, far = (asked[reach >= PROBES].max(axis=0).clip(LEAST_SCALE, MOST_SCALE) for reach in (NEAR, np.inf))
    parts = ((near, DF), (WIDER * far, WIDE_DF))
    return Mixture([1 - DEFENSIVE, DEFENSIVE], [SplitT(mode.u, axes, x[:k], x[k:], df) for x, df in parts])


def refitted(u: np.ndarray, w: np.ndarray, proposal: Mixture, rng: np.random.Generator) -> Mixture:
    """t distributions fitted to draws u (S, k) with weights w (S,), a wide one, and the old proposal.

    Fitted by steps of EM (Cappe, Douc, Guillin, Marin and Robert 2008, Statistics and Computing 18:447).
    """
    k = u.shape[1]
    ess = 1 / (w @ w)
    centre, covariance = _moments(u, w)
    # Of few effective draws a covariance is uncertain, or singular: it is shrunk to the variances of the proposal.
    shrink = k / (k + ess)
    covariance = (1 - shrink) * covariance + shrink * np.diag(u.var(axis=0))
    wide = t_around(centre, covariance, WIDE_DF, 2.0)
    J = int(np.clip(ess / (DRAWS_PER_COMPONENT * k), 1, FITTED))
    parts = [t_around(start, covariance, WIDE_DF) for start in u[rng.choice(len(w), J, p=w)]]
    shares = np.full(J, 1 / J)
    for _ in range(EM_STEPS if J > 1 else 1):
        log = np.log(shares)[:, None] + np.stack([part.log_density(u) for part in parts])
        owned = w * np.exp(log - np.logaddexp.reduce(log))
        shares = owned.sum(axis=1).clip(1e-3, None)
        shares /= shares.sum()
        parts = []
        for mine in owned:
            total = mine.sum() + 1e-300
            mean, own = _moments(u, mine / total)
            common = 2 * k / (2 * k + total**2 / (mine @ mine + 1e-300))
            parts.append(t_around(mean, (1 - common) * own + common * covariance, WIDE_DF))
    return Mixture([*(0.7 * shares), 0.1, 0.2], [*parts, wide, proposal])


def _moments(u: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = w @ u
    moved = u - centre
    return centre, (w[:, None] * moved).T @ moved
