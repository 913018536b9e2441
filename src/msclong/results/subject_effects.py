"""Posterior of subjects' own linear predictors, given their outcomes, where outcomes are not Gaussian."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.covariance.batch import batched_sigma
from msclong.design.design import Design
from msclong.families.arrays import NUMPY
from msclong.families.family import Eta, Phi
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.latent_average import MOST_VALUES
from msclong.results.simulation import root

STEP = 1e-3
"""Of the linear predictor, for derivatives of log densities by central differences."""

NEWTON_STEPS = 25

CANDIDATES = 10
"""Draws of a subject's effects from the proposal, of which one is kept by its weight."""

DF = 7.0
"""Of the proposal, a multivariate t: heavier in its tails than a posterior with a normal prior."""


def own_linear_predictors(
    design: Design,
    estimate: ConditionalDraws,
    frame: pd.DataFrame,
    batches: Iterator[tuple[np.ndarray, np.ndarray]],
    offset: np.ndarray,
    draws: np.ndarray,
    rng: np.random.Generator,
) -> Eta:
    """Linear predictors (len(draws), M) of the M rows of `frame` given the outcomes of their units, by predictor.

    batches : (observed rows (P, t), rows of frame (P, r)) of units of one shape. draws : which posterior draws.

    At each draw the unit's effects u = R z, R R' = Sigma over its observed and asked rows, z standard normal a priori.
    One z is drawn by sampling and importance resampling (Rubin 1988) from a multivariate t at the mode of
    log p(y | z) - z'z / 2 with the curvature there; units without outcomes have z from the prior.
    """
    each = [design.covariance.of_predictor(name) for name in design.family.predictors]
    coords = np.stack([one.coords(frame) for one in each], axis=1)
    seen = np.stack([one.coords(design.fixed.frame) for one in each], axis=1)
    fixed = _fixed_part(design, estimate, design.fixed.frame, design.offset, draws)
    asked = _fixed_part(design, estimate, frame, offset, draws)
    theta = estimate.flat_theta[draws].T
    result = np.array(asked)
    m = len(each)
    for observed, new in batches:
        units, t = observed.shape
        where = np.concatenate([seen[observed], coords[new]], axis=1)
        where = where.reshape(units, -1, where.shape[-1])
        phi = {
            name: values[draws]
            for name, values in estimate.phi_of(design.dispersion[observed.reshape(-1)]).items()
        }
        size = max(1, MOST_VALUES // (units * where.shape[1] ** 2 * 4))
        for start in range(0, len(draws), size):
            part = slice(start, start + size)
            sigma = batched_sigma(design.structure, theta[:, part], where).transpose(3, 0, 1, 2)
            R = root(sigma)
            at = {name: values[part] for name, values in phi.items()}
            z = _Units(design, R[:, :, : t * m], fixed[:, part][:, :, observed], observed, at).draw(rng)
            effect = np.einsum("spij,spj->spi", R[:, :, t * m :], z).reshape(*z.shape[:2], -1, m)
            for j in range(m):
                result[j][part, new] += effect[..., j]
    return tuple(result)


@dataclass(frozen=True, eq=False)
class _Units:
    """P units at S draws: R (S, P, t m, k), eta at z = 0 (m, S, P, t), observed rows (P, t), phi at all of these."""

    design: Design
    R: np.ndarray
    fixed: np.ndarray
    observed: np.ndarray
    phi: Phi

    def log_density(self, eta: np.ndarray) -> np.ndarray:
        """log p(y | eta) of each observation, (..., S, P, t), for eta (m, ..., S, P, t)."""
        data = {name: values[self.observed.reshape(-1)] for name, values in self.design.observation.items()}
        flat = eta.reshape(*eta.shape[:-2], -1)
        with np.errstate(all="ignore"):  # branches of a density that are not taken; trials far from the mode
            return np.asarray(self.design.family.log_density(data, tuple(flat), self.phi, NUMPY)).reshape(
                eta.shape[1:]
            )

    def eta(self, z: np.ndarray) -> np.ndarray:
        """(m, ..., S, P, t) at z (..., S, P, k)."""
        effect = np.einsum("spij,...spj->...spi", self.R, z)
        m, t = len(self.fixed), self.fixed.shape[-1]
        return self.fixed.reshape(m, *(1,) * (z.ndim - 3), *self.fixed.shape[1:]) + np.moveaxis(
            effect.reshape(*effect.shape[:-1], t, m), -1, 0
        )

    def log_posterior(self, z: np.ndarray) -> np.ndarray:
        """Up to a constant, (..., S, P)."""
        value = self.log_density(self.eta(z)).sum(axis=-1) - (z**2).sum(axis=-1) / 2
        return np.where(np.isfinite(value), value, -np.inf)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One z for each draw and unit, (S, P, k)."""
        draws, units, rows, k = self.R.shape
        if rows == 0:
            return rng.standard_normal((draws, units, k))
        mode, precision = self._mode()
        lower = np.linalg.cholesky(precision)
        noise = rng.standard_normal((CANDIDATES, draws, units, k))
        noise *= np.sqrt(DF / rng.chisquare(DF, (CANDIDATES, draws, units, 1)))
        z = mode + np.linalg.solve(np.swapaxes(lower, -1, -2), noise[..., None])[..., 0]
        log_weight = self.log_posterior(z) + (DF + k) / 2 * np.log1p((noise**2).sum(axis=-1) / DF)
        # Gumbel's trick: the largest of log weight plus standard Gumbel noise is a draw by weight.
        chosen = np.argmax(log_weight + rng.gumbel(size=log_weight.shape), axis=0)
        return np.take_along_axis(z, chosen[None, :, :, None], axis=0)[0]

    def _mode(self) -> tuple[np.ndarray, np.ndarray]:
        """The mode of z, (S, P, k), by Newton's method with halved steps, and the negative Hessian there."""
        draws, units, _, k = self.R.shape
        z = np.zeros((draws, units, k))
        value = self.log_posterior(z)
        for _ in range(NEWTON_STEPS):
            gradient, precision = self._derivatives(z)
            step = np.linalg.solve(precision, gradient[..., None])[..., 0]
            share = np.ones((draws, units, 1))
            for _ in range(10):
                trial = self.log_posterior(z + share * step)
                if (better := trial >= value).all():
                    break
                share = np.where(better[..., None], share, share / 2)
            moved = better[..., None] & (np.abs(step) > 0)
            z, value = np.where(moved, z + share * step, z), np.where(better, trial, value)
            if np.abs(step).max() < STEP:
                break
        return z, self._derivatives(z)[1]

    def _derivatives(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (S, P, k) and negative Hessian (S, P, k, k) of the log posterior; its convex parts are left out."""
        eta, slopes, bends = self.eta(z), [], []
        middle = self.log_density(eta)
        for j in range(len(eta)):
            moved = np.zeros((len(eta), 1, 1, 1))
            moved[j] = STEP
            up, down = self.log_density(eta + moved), self.log_density(eta - moved)
            slopes.append((up - down) / (2 * STEP))
            bends.append(np.maximum((2 * middle - up - down) / STEP**2, 0))
        slope, bend = (np.stack(part, axis=-1).reshape(*z.shape[:2], -1) for part in (slopes, bends))
        slope, bend = np.nan_to_num(slope), np.nan_to_num(bend, posinf=0.0)
        gradient = np.einsum("spij,spi->spj", self.R, slope) - z
        precision = np.einsum("spij,spi,spik->spjk", self.R, bend, self.R) + np.eye(z.shape[-1])
        return gradient, precision


def _fixed_part(
    design: Design, estimate: ConditionalDraws, frame: pd.DataFrame, offset: np.ndarray, draws: np.ndarray
) -> np.ndarray:
    """Linear predictors without effects, (m, len(draws), rows of frame)."""
    eta = [estimate.flat[draws] @ design.fixed.matrix(frame).T + offset]
    if design.zero is not None and estimate.flat_zero is not None:
        eta.append(estimate.flat_zero[draws] @ design.zero.matrix(frame).T)
    return np.stack(eta)
