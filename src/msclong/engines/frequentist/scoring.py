"""A start value near the maximum, by Fisher scoring in theta itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.identification import plainly_determined
from msclong.covariance.structure import CovarianceStructure
from msclong.design.cross_moments import CrossMoments
from msclong.engines.frequentist.optimize import LINE_SEARCH_NOISE, solution
from msclong.likelihood.information import information

MOST_STEPS = 3
"""Steps after which Newton's method goes on."""

NEAR = 0.1
"""A step that gains less, in units of minus twice the log-likelihood, ends so near that Newton's method is at home."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Where scoring ended.

    w : (k,) working coordinates, those of the start where it did not come near. steps : taken. near : whether the next
    step gains little.
    informed : whether the likelihood plainly depends on every parameter.
    """

    w: np.ndarray
    steps: int
    near: bool
    informed: bool


def scored(structure: CovarianceStructure, moments: CrossMoments, reml: bool, w: np.ndarray) -> Scored:
    """From start values w (k,) towards the maximum, as far as each step raises the likelihood.

    Where Sigma is linear in theta, one such step under REML gives the minimum norm quadratic unbiased estimate (Rao
    1971), which for balanced data is the maximum already. Newton's method starts where this ends, if that is near the
    maximum; otherwise, also before a step that leaves the parameter space, where this began: of several maxima these
    steps, long ones, may lead to a lower one than the start does. Other structures stay where they are.
    """
    start, gls = w, solution(structure, moments, w) if structure.linear else None
    informed = near = False
    steps = 0
    while gls is not None and steps < MOST_STEPS and not near:
        there = information(structure, gls, reml)
        if steps == 0:
            informed = plainly_determined(there.expected)
        if not informed:
            break
        step = -np.linalg.solve(there.expected, there.gradient) / 2
        gain = float(-there.gradient @ step)
        if gain < LINE_SEARCH_NOISE:
            near = True
            break
        trial = _working(structure, gls.theta + step)
        moved = None if trial is None else solution(structure, moments, trial)
        if trial is None or moved is None or moved.minus2(reml) >= gls.minus2(reml):
            break
        w, gls, steps, near = trial, moved, steps + 1, gain < NEAR
    return Scored(w if near else start, steps, near, informed)


def _working(structure: CovarianceStructure, theta: np.ndarray) -> np.ndarray | None:
    """Working coordinates of theta (k,), None where it has none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        try:
            w = structure.working.from_theta(theta)
        except np.linalg.LinAlgError:
            return None
    return w if np.isfinite(w).all() else None
