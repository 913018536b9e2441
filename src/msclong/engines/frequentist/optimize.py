"""Maximises the (restricted) likelihood over theta: Newton steps on the observed information, Fisher where it fails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from msclong.covariance.structure import CovarianceStructure, Scatter
from msclong.design.cross_moments import CrossMoments
from msclong.errors import ConvergenceError
from msclong.likelihood.gls import GeneralisedLeastSquares, generalised_least_squares
from msclong.likelihood.information import Information, information

TOLERANCE = 1e-12
"""Converged when the squared Newton step, in units of minus twice the log-likelihood, is below this.

The last step is then taken: Newton doubles the digits, so theta is right to rounding."""

LINE_SEARCH_NOISE = 1e-9
"""Below this predicted gain, rounding in the log-likelihood (not the step) decides: the step is accepted."""

MAX_ITERATIONS = 200
MAX_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class Optimum:
    """The maximum of the (restricted) likelihood.

    w : (k,) working coordinates. hessian : (k, k) of minus twice the log-likelihood over w.
    decrement : squared Newton step at the last iteration. iterations : steps taken.
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
        f"converged after {iteration} iterations (squared step {decrement:.1e}). {_ADVICE}"
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
    """The Newton step where the Hessian is positive definite, else a damped Fisher step; and which it was."""
    scale = np.sqrt(np.abs(np.diag(hessian))) + 1e-300
    try:
        factor = cho_factor(hessian / np.outer(scale, scale))
        if np.diag(factor[0]).min() > 1e-7:
            return -cho_solve(factor, gradient / scale) / scale, True
    except np.linalg.LinAlgError:
        pass
    scale = np.sqrt(np.diag(fisher).clip(1e-12 * np.diag(fisher).max(), None))
    values, vectors = np.linalg.eigh(fisher / np.outer(scale, scale))
    direction = vectors.T @ (gradient / scale)
    step = -(vectors @ (direction / np.maximum(values, 1e-3 * values[-1]))) / scale
    return step, False


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
