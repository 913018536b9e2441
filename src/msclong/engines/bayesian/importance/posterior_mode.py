"""The mode of a log density that is evaluated in batches, by Newton's method with central differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from msclong.errors import ConvergenceError

LogDensity = Callable[[np.ndarray], np.ndarray]
"""(S, k) -> (S,): an unnormalised log density at each row; -inf where it is zero."""

STEP = 0.02
"""Difference step, in standard deviations of a coordinate given the others: truncation and rounding both below 1e-3."""

DECREMENT = 1e-3
"""The mode is found when a Newton step gains less than half of this; it is the centre of a proposal, no estimate."""

CHORD = 0.1
"""A Hessian is kept for a further step after one that cut the decrement to less than this share."""

STEPS = 2.0 ** np.arange(1, -12, -1)
"""Lengths that a Newton step is tried at, all in one batch."""

MOST_STEP = 4.0
"""Longest Newton step of a coordinate: most are logarithms, and flat far out."""

MAX_ITERATIONS = 200

AGAIN = 4
"""Starts, one unit about the first, that are tried where the climb from it ends nowhere."""


@dataclass(frozen=True, eq=False)
class Mode:
    """u : (k,). value : the log density there. precision : (k, k) minus its Hessian, positive definite."""

    u: np.ndarray
    value: float
    precision: np.ndarray

    @property
    def mass(self) -> float:
        """Log mass of the normal distribution around it, up to a constant that all modes share."""
        return float(self.value - np.linalg.slogdet(self.precision)[1] / 2)


def find_mode(log_density: LogDensity, start: np.ndarray, rng: np.random.Generator) -> Mode:
    """Climb from `start` (k,), or from points around it where that fails.

    Raises ConvergenceError where there is no way up or no end of it from any.
    """
    try:
        return _climb(log_density, start, rng)
    except ConvergenceError as error:
        failure = error
    for other in start + rng.standard_normal((AGAIN, len(start))):
        try:
            return _climb(log_density, other, rng)
        except ConvergenceError:
            continue
    raise failure


def _climb(log_density: LogDensity, start: np.ndarray, rng: np.random.Generator) -> Mode:
    u = _finite_start(log_density, start, rng)
    value, gradient, hessian, scale = _derivatives(log_density, u, np.full(len(u), 0.1))
    last, fresh = np.inf, True
    for _ in range(MAX_ITERATIONS):
        precision = positive_definite(-hessian)
        step = np.linalg.solve(precision, gradient)
        decrement = float(gradient @ step)
        step *= min(1.0, MOST_STEP / max(float(np.abs(step).max()), MOST_STEP))
        if not fresh and (decrement > CHORD * last or decrement < DECREMENT):
            value, gradient, hessian, scale = _derivatives(log_density, u, scale)
            fresh = True
            continue
        trials = log_density(u + STEPS[:, None] * step)
        best = int(trials.argmax())
        improves = trials[best] > value
        if decrement < DECREMENT or (not improves and decrement < 10 * DECREMENT):
            if np.array_equal(precision, -hessian):
                return Mode(u, value, precision)
            break
        if improves:
            u = u + STEPS[best] * step
        elif fresh:
            break
        last, fresh = decrement, False
        value, gradient = _gradient(log_density, u, scale)
        if not np.isfinite(gradient).all():
            break
    raise ConvergenceError(
        "The posterior's mode was not found. Use Bayesian(sampler='nuts'), a structure with fewer parameters or "
        "tighter Priors."
    )


def positive_definite(matrix: np.ndarray) -> np.ndarray:
    """`matrix` with eigenvalues, in units of its diagonal, replaced by their size, and by 0.001 where that is less."""
    units = np.sqrt(np.abs(np.diag(matrix)).clip(1e-12, None))
    values, vectors = np.linalg.eigh(matrix / np.outer(units, units))
    if values[0] > 1e-9:
        return matrix
    return (vectors * np.maximum(np.abs(values), 1e-3)) @ vectors.T * np.outer(units, units)


def _finite_start(log_density: LogDensity, start: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`start`, or the best of points around it, ever farther off, where the density is zero there."""
    trials = start[None]
    for spread in (0.3, 1.0, 3.0):
        values = log_density(trials)
        if np.isfinite(values).any():
            return trials[int(np.where(np.isfinite(values), values, -np.inf).argmax())]
        trials = start + spread * rng.standard_normal((64, len(start)))
    raise ConvergenceError("The posterior density is zero wherever it was tried. Use other Priors.")


def _gradient(log_density: LogDensity, u: np.ndarray, scale: np.ndarray) -> tuple[float, np.ndarray]:
    k = len(u)
    moves = np.diag(STEP * scale)
    values = log_density(u + np.concatenate([np.zeros((1, k)), moves, -moves]))
    with np.errstate(invalid="ignore"):  # -inf - -inf, where the density is zero
        return float(values[0]), (values[1 : k + 1] - values[k + 1 :]) / (2 * STEP * scale)


def _derivatives(
    log_density: LogDensity, u: np.ndarray, scale: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Value, gradient and Hessian by central differences, and each coordinate's SD given the others, (k,).

    The steps follow the curvature: two rounds along the axes settle them, then all pairs in one batch.
    """
    k = len(u)
    for _ in range(8):
        moves = np.diag(STEP * scale)
        values = log_density(u + np.concatenate([np.zeros((1, k)), moves, -moves]))
        value, plus, minus = values[0], values[1 : k + 1], values[k + 1 :]
        second = (plus - 2 * value + minus) / (STEP * scale) ** 2
        usable = np.isfinite(second)
        wanted = np.where(
            usable, 1 / np.sqrt(np.abs(np.where(usable, second, 1.0)).clip(1e-4, None)), scale / 10
        )
        settled = usable & (wanted < 5 * scale) & (wanted > scale / 5)
        if settled.all():
            break
        scale = np.where(settled, scale, wanted)
    if not usable.all():
        raise ConvergenceError(
            "The posterior density is zero next to where it was evaluated. Use other Priors."
        )
    i, j = np.triu_indices(k, 1)
    pairs = moves[i] + moves[j]
    corners = log_density(u + np.concatenate([pairs, -pairs]))
    both = corners[: len(i)] + corners[len(i) :] - (plus + minus)[i] - (plus + minus)[j] + 2 * value
    hessian = np.diag(second)
    hessian[i, j] = hessian[j, i] = both / (2 * STEP**2 * scale[i] * scale[j])
    if not np.isfinite(hessian).all():
        raise ConvergenceError(
            "The posterior density is zero next to where it was evaluated. Use other Priors."
        )
    return float(value), (plus - minus) / (2 * STEP * scale), hessian, scale
