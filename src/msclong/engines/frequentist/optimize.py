"""Maximises the (restricted) likelihood over theta by Newton steps on the observed information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.structure import CovarianceStructure, Scatter
from msclong.design.cross_moments import CrossMoments
from msclong.errors import ConvergenceError
from msclong.likelihood.gls import GeneralisedLeastSquares, generalised_least_squares
from msclong.likelihood.information import Information, information

TOLERANCE = 1e-12
"""Converged when the Newton decrement g'H^-1 g, in units of minus twice the log-likelihood, is below this.

The last step is then taken: Newton doubles the digits, so theta is right to rounding."""

LINE_SEARCH_NOISE = 1e-9
"""Below this predicted gain, rounding in the log-likelihood (not the step) decides: the step is accepted."""

CURVED = 1e-7
"""Smallest eigenvalue of a Hessian with unit diagonal that counts as positive definite."""

KICK = 0.1
"""Least step along negative curvature, in units where curvature is one: a gain of about KICK^2 / 2."""

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


def maximise(structure: CovarianceStructure, moments: CrossMoments, reml: bool) -> Optimum:
    """Maximise from the structure's own start values; raises ConvergenceError with advice, never returns a guess."""
    working = structure.working
    w = working.from_theta(structure.start(residual_scatter(moments)))
    gls = generalised_least_squares(structure, working.to_theta(w), moments)
    if gls is None:
        raise ConvergenceError(
            f"The start values of {structure.keyword!r} give no positive definite covariance. {_ADVICE}"
        )
    for iteration in range(MAX_ITERATIONS + 1):
        derivatives = information(structure, gls, reml)
        jacobian = working.jacobian(w)
        gradient = jacobian.T @ derivatives.gradient
        hessian = 2 * jacobian.T @ derivatives.observed @ jacobian + working.curvature(
            w, derivatives.gradient
        )
        step, curved = _newton_step(hessian, 2 * jacobian.T @ derivatives.expected @ jacobian, gradient)
        decrement = float(-gradient @ step)
        if curved and decrement < TOLERANCE:
            final = generalised_least_squares(structure, working.to_theta(w + step), moments)
            if final is not None:
                w, gls = w + step, final
                derivatives = information(structure, gls, reml)
            return Optimum(gls, derivatives, w, hessian, decrement, iteration + 1)
        moved = _line_search(structure, moments, reml, w, step, decrement, gls.minus2(reml))
        if moved is None:
            break
        w, gls = moved
    raise ConvergenceError(
        f"The {'restricted ' if reml else ''}likelihood of this {structure.keyword!r} covariance has not "
        f"converged after {iteration} iterations (Newton decrement {decrement:.1e}). {_ADVICE}"
    )


_ADVICE = (
    "Look for visits with very few subjects or an outcome that hardly varies; use a structure with fewer "
    "parameters (ar1h, cs), or fewer random effects."
)


def residual_scatter(moments: CrossMoments) -> list[Scatter]:
    """Scatter of the last column by pattern; in standardised moments, of ordinary-least-squares residuals."""
    result = []
    for block in moments.blocks:
        residual = block.rows[:, :, -1]
        products = np.zeros((len(block.n), block.t, block.t))
        np.add.at(products, block.pattern, residual[:, :, None] * residual[:, None, :])
        result.append(Scatter(block.coords, block.n, products))
    return result


def _newton_step(hessian: np.ndarray, fisher: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray, bool]:
    """The Newton step and True; where the Hessian is not positive definite, a step downhill all the same and False.

    There each eigenvalue is replaced by its size, and along negative curvature the step is at least KICK: at a
    saddle (a random-effect standard deviation of zero is one, by symmetry) the gradient alone would not leave it.
    """
    # The units of each coordinate: its curvature, and the Fisher information where the curvature is small.
    scale = np.sqrt(np.abs(np.diag(hessian)) + 1e-3 * np.diag(fisher)) + 1e-300
    values, vectors = np.linalg.eigh(hessian / np.outer(scale, scale))
    slope = vectors.T @ (gradient / scale)
    if values[0] > CURVED:
        return -(vectors @ (slope / values)) / scale, True
    step = -slope / np.maximum(np.abs(values), 1e-3)
    short = (values < 0) & (np.abs(step) < KICK)
    step[short] = np.where(slope[short] > 0, -KICK, KICK)
    return vectors @ step / scale, False


def _line_search(
    structure: CovarianceStructure,
    moments: CrossMoments,
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
        with np.errstate(over="ignore"):
            theta = structure.working.to_theta(trial)
        gls = generalised_least_squares(structure, theta, moments) if np.isfinite(theta).all() else None
        if gls is not None:
            gain = value - gls.minus2(reml)
            if gain >= 1e-4 * size * decrement or (
                decrement < LINE_SEARCH_NOISE and abs(gain) < LINE_SEARCH_NOISE
            ):
                return trial, gls
        size /= 2
    return None
