"""Maximises the (restricted) likelihood over theta by Newton steps on the observed information."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.working import Working
from msclong.design.cross_moments import CrossMoments
from msclong.design.crossed_moments import AnyMoments
from msclong.errors import ConvergenceError
from msclong.likelihood.derivatives import Information
from msclong.likelihood.gls import GeneralisedLeastSquares, generalised_least_squares
from msclong.likelihood.grid import arranged, sigma_of
from msclong.likelihood.information import information
from msclong.likelihood.markov import MarkovFit
from msclong.likelihood.residual_scatter import residual_scatter

TOLERANCE = 1e-12
"""Converged when the Newton decrement g'H^-1 g, in units of minus twice the log-likelihood, is below this.

The last step is then taken: Newton doubles the digits, so theta is right to rounding."""

THERE = 1e-20
"""Newton decrement below which that step would move theta by less than 1e-10 of its standard error."""

ROUGH = 1e-3
"""Newton decrement from which on better coordinates pay, where there are any."""

LINE_SEARCH_NOISE = 1e-9
"""Below this predicted gain, rounding in the log-likelihood (not the step) decides: the step is accepted."""

CURVED = 1e-7
"""Smallest eigenvalue of a Hessian with unit diagonal that counts as positive definite."""

KICK = 0.1
"""Least step along negative curvature, in units where curvature is one: a gain of about KICK^2 / 2."""

FURTHER_STARTS = 2.0
"""SD of further start values around the first, in working coordinates (logs, atanh, or about one residual SD)."""

N_FURTHER_STARTS = 4
"""Further starts where the first fails."""

N_THOROUGH_STARTS = 12
"""Further starts where several maxima are likely."""

MANY_SUBJECTS = 20
"""Subjects from which on several maxima are not looked for."""

DETERMINED = 1e-10
"""Share of a variance left, given a subject's other observations, that counts as none: its inverse is all rounding."""

MAX_ITERATIONS = 200
MAX_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class Optimum:
    """The maximum of the (restricted) likelihood.

    w : (k,) working coordinates. hessian : (k, k) of minus twice the log-likelihood over w.
    decrement : g'H^-1 g at the last iteration. iterations : steps taken.
    """

    gls: GeneralisedLeastSquares
    information: Information
    w: np.ndarray
    hessian: np.ndarray
    decrement: float
    iterations: int


Climb = Callable[[CovarianceStructure, Any, bool, np.ndarray], Optimum]
"""From working coordinates (k,) to a maximum; raises ConvergenceError."""


def maximise(
    structure: CovarianceStructure,
    moments: AnyMoments,
    reml: bool,
    start: np.ndarray | None = None,
    climb: Climb | None = None,
    near: bool = True,
) -> Optimum:
    """Maximise; raises ConvergenceError with advice, never returns a guess.

    Where the first climb fails, and where few subjects are likely to leave several maxima, others are started around
    its start, and the highest end is taken.

    start : (k,) working coordinates; None takes the structure's own start values. near : whether `start` is near the
    maximum, so that no others are looked for. climb : another way from a start to a maximum than Newton's.
    """
    way: Climb = climb or newton
    thorough = structure.several_maxima and moments.n_subjects < MANY_SUBJECTS
    thorough &= start is None or not near
    w = start_values(structure, moments) if start is None else start
    n = N_THOROUGH_STARTS if thorough else N_FURTHER_STARTS
    best: Optimum | None = None
    failures: list[ConvergenceError] = []
    for shift in chain([np.zeros(w.size)], _further(n, w.size)):
        try:
            found = way(structure, moments, reml, w + shift)
        except ConvergenceError as error:
            failures.append(error)
            continue
        if best is None or found.gls.minus2(reml) < best.gls.minus2(reml) - LINE_SEARCH_NOISE:
            best = found
        if not thorough:
            break
    if best is None:
        raise failures[0]
    return best


def _further(n: int, k: int) -> Iterator[np.ndarray]:
    """Where further starts lie from the first, (k,) each, made when the first was not enough."""
    yield from FURTHER_STARTS * np.random.default_rng(0).normal(size=(n, k))


def start_values(structure: CovarianceStructure, moments: AnyMoments) -> np.ndarray:
    """The structure's own, in working coordinates (k,)."""
    return structure.working.from_theta(structure.start(residual_scatter(moments)))


def newton(
    structure: CovarianceStructure,
    moments: CrossMoments,
    reml: bool,
    w: np.ndarray,
    tolerance: float = TOLERANCE,
) -> Optimum:
    """Newton's method from w; raises ConvergenceError.

    Where `tolerance` is not TOLERANCE the information that is returned is that before the last step.
    """
    working = structure.working
    moments = arranged(structure, moments)
    basis = solution(structure, moments, w)
    if basis is None:
        raise ConvergenceError(
            f"The start values of {structure.keyword!r} give no positive definite covariance. {ADVICE}"
        )
    # Where visits differ in spread by orders of magnitude, columns that are orthonormal by ordinary least squares are
    # far from it once weighted; those that are so at the start value keep their digits.
    p = moments.n_fixed
    whiten = np.eye(p + 1)
    whiten[:p] = np.column_stack([basis.C, -basis.beta])
    whitened = moments.linear_map(whiten)
    gls = solution(structure, whitened, w)
    decrement, iteration = np.nan, 0
    while gls is not None and iteration <= MAX_ITERATIONS:
        derivatives = information(structure, gls, reml)
        gradient, hessian, fisher = in_working(working, w, derivatives)
        if not np.isfinite(hessian).all():
            break
        step, curved = newton_step(hessian, fisher, gradient)
        decrement = float(-gradient @ step)
        iteration += 1
        if curved and decrement < tolerance:
            final = solution(structure, whitened, w + step) if decrement > THERE else None
            if final is not None:
                w, gls = w + step, final
                if tolerance == TOLERANCE:
                    derivatives = information(structure, gls, reml)
            if tolerance == TOLERANCE and _determined(structure, gls):
                raise ConvergenceError(
                    f"The {'restricted ' if reml else ''}likelihood of this {structure.keyword!r} covariance is "
                    "highest where observations of one subject determine one another (a correlation of one), so that "
                    f"standard errors would be rounding errors. {ADVICE}"
                )
            return Optimum(_unwhitened(gls, basis, moments), derivatives, w, hessian, decrement, iteration)
        moved = line_search(structure, whitened, reml, w, step, decrement, gls.minus2(reml))
        if moved is None:
            break
        w, gls = moved
    raise ConvergenceError(
        f"The {'restricted ' if reml else ''}likelihood of this {structure.keyword!r} covariance has not "
        f"converged after {iteration} iterations (Newton decrement {decrement:.1e}). {ADVICE}"
    )


ADVICE = (
    "Look for visits with very few subjects or an outcome that hardly varies; use a structure with fewer "
    "parameters (ar1h, cs), or fewer random effects."
)


def solution(
    structure: CovarianceStructure, moments: AnyMoments, w: np.ndarray
) -> GeneralisedLeastSquares | None:
    """Generalised least squares at w; None where theta overflows or Sigma is not positive definite."""
    with np.errstate(over="ignore", invalid="ignore"):
        theta = structure.working.to_theta(w)
    return generalised_least_squares(structure, theta, moments) if np.isfinite(theta).all() else None


def in_working(
    working: Working, w: np.ndarray, derivatives: Information
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient (k,), Hessian and Fisher information (k, k) of minus twice the log-likelihood, over w."""
    J = working.jacobian(w)
    curvature = working.curvature(w, derivatives.gradient)
    hessian = 2 * J.T @ derivatives.observed @ J + curvature
    return J.T @ derivatives.gradient, hessian, 2 * J.T @ derivatives.expected @ J


def _determined(structure: CovarianceStructure, gls: GeneralisedLeastSquares) -> bool:
    """Whether Sigma of some pattern is singular to rounding, whatever the units of its observations."""
    for fit in gls.blocks:
        if isinstance(fit, MarkovFit):
            left = np.exp(2 * fit.chain.log_sd) / fit.chain.variance
            if (left < DETERMINED).any():
                return True
            continue
        variance = np.diagonal(sigma_of(structure, gls.theta, fit.block), axis1=1, axis2=2)
        if (variance * (fit.inverse_root**2).sum(axis=1) > 1 / DETERMINED).any():
            return True
    return False


def _unwhitened(
    gls: GeneralisedLeastSquares, basis: GeneralisedLeastSquares, moments: CrossMoments
) -> GeneralisedLeastSquares:
    """The solution for the columns of `moments` from that for X C0 and y - X beta0; M, Z, e and P are the same."""
    return replace(
        gls,
        beta=basis.beta + basis.C @ gls.beta,
        C=basis.C @ gls.C,
        minus2_reml=gls.minus2_reml - 2 * float(np.log(np.diag(basis.C)).sum()),
        blocks=tuple(
            replace(fit, block=block) for fit, block in zip(gls.blocks, moments.blocks, strict=True)
        ),
    )


def newton_step(hessian: np.ndarray, fisher: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray, bool]:
    """The Newton step and True; where the Hessian is not positive definite, a step downhill all the same and False.

    There each eigenvalue is replaced by its size, and along negative curvature the step is at least KICK: at a
    saddle (a random-effect standard deviation of zero is one, by symmetry) the gradient alone would not leave it.
    """
    # The units of each coordinate: its curvature, and the Fisher information where the curvature is small.
    scale = np.sqrt(np.abs(np.diag(hessian)) + 1e-3 * np.diag(fisher).clip(0, None)).clip(1e-150, None)
    scaled = hessian / np.outer(scale, scale)
    try:
        np.linalg.cholesky(scaled - CURVED * np.eye(len(scale)))
        return -np.linalg.solve(scaled, gradient / scale) / scale, True
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(scaled)
    slope = vectors.T @ (gradient / scale)
    step = -slope / np.maximum(np.abs(values), 1e-3)
    short = (values < 0) & (np.abs(step) < KICK)
    step[short] = np.where(slope[short] > 0, -KICK, KICK)
    return vectors @ step / scale, False


def line_search(
    structure: CovarianceStructure,
    moments: AnyMoments,
    reml: bool,
    w: np.ndarray,
    step: np.ndarray,
    decrement: float,
    value: float,
) -> tuple[np.ndarray, GeneralisedLeastSquares] | None:
    """Halve the step until the likelihood rises enough (Armijo) and Sigma stays positive definite."""
    size = 1.0
    for _ in range(MAX_HALVINGS):
        trial = w + size * step
        gls = solution(structure, moments, trial)
        if gls is not None:
            gain = value - gls.minus2(reml)
            if gain >= 1e-4 * size * decrement or (
                decrement < LINE_SEARCH_NOISE and abs(gain) < LINE_SEARCH_NOISE
            ):
                return trial, gls
        size /= 2
    return None
