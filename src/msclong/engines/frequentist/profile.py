"""Profile likelihood of a function of the covariance parameters: fix it, maximise over the rest, find the limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri

from msclong.engines.frequentist.maximum_likelihood import MaximumLikelihood
from msclong.engines.frequentist.optimize import LINE_SEARCH_NOISE, newton_step
from msclong.engines.frequentist.variance_functions import VarianceFunction
from msclong.errors import ConvergenceError
from msclong.likelihood.gls import GeneralisedLeastSquares, generalised_least_squares
from msclong.likelihood.information import information

TOLERANCE = 1e-10
"""Maximised when the Newton decrement, in units of minus twice the log-likelihood, is below this."""

EDGE = 1e-4
"""A limit is looked for up to this share of the way from a bound (a zero variance, a correlation of one)."""

ROUNDING = 1e-7
"""A variance near zero is a small difference of large numbers, known to about this share."""

MAX_ITERATIONS = 100
MAX_HALVINGS = 40
MAX_STEPS_OUT = 40


class _OutOfReachError(Exception):
    """No parameters give the function this value, or none that the search finds."""


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile of one function of theta.

    found : the maximum of the (restricted) likelihood. to_natural : (k, k), theta in the outcome's units is
    to_natural @ theta of `found`.
    """

    found: MaximumLikelihood
    to_natural: np.ndarray
    reml: bool
    function: VarianceFunction

    def interval(self, level: float) -> tuple[float, float]:
        """The values whose deviance is below the chi-squared quantile of `level`, on the profiled scale.

        A limit is the function's bound where the deviance does not rise that far on the way there. Raises
        ConvergenceError where the rest cannot be maximised.
        """
        # On the way to a bound, or to no bound at all, working coordinates leave the range of numbers: steps back.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._interval(level)

    def _interval(self, level: float) -> tuple[float, float]:
        function, w = self.function, self.found.optimum.w
        curvature = self.found.optimum.hessian / 2
        size = np.sqrt(np.abs(np.diag(curvature))) + 1e-300
        centre = function.value(self._theta(w))
        if np.isnan(centre):  # a correlation with a variance of zero: any value is as likely as any other
            return function.low, function.high
        if centre == 0 and function.kind == "sd":  # where its slope has no direction
            w = w + 1e-8 / size
        slope = self._slopes(w)[0] / size
        spread = slope @ np.linalg.lstsq(curvature / np.outer(size, size), slope, rcond=1e-9)[0]
        target = float(chdtri(1, 1 - level))
        step = float(np.sqrt(abs(spread) * target))
        return self._limit(centre, w, -step, target), self._limit(centre, w, step, target)

    def _limit(self, centre: float, w: np.ndarray, step: float, target: float) -> float:
        """The value on the side of `step` where the deviance reaches `target`."""
        bound = self.function.low if step < 0 else self.function.high
        if abs(bound - centre) <= 1e-6 * abs(step):
            return bound
        edge = bound + EDGE * (centre - bound) if np.isfinite(bound) else bound
        visited = {centre: (0.0, w)}

        def deviance(value: float) -> float:
            if value not in visited:
                nearest = min(visited, key=lambda known: abs(known - value))
                visited[value] = self._constrained(value, visited[nearest][1])
            return visited[value][0]

        inner, outer = centre, centre + step
        for _ in range(MAX_STEPS_OUT):
            outer = max(outer, edge) if step < 0 else min(outer, edge)
            try:
                reached = deviance(outer)
            except _OutOfReachError:
                outer = (inner + outer) / 2
                continue
            if reached >= target:
                tolerance = 1e-9 * abs(outer - centre)
                try:
                    return float(brentq(lambda value: deviance(value) - target, inner, outer, xtol=tolerance))
                except _OutOfReachError:
                    raise self._failure(outer) from None
            if outer == edge:
                return bound
            inner = outer
            outer = centre + (outer - centre) * min(4.0, 1.1 * np.sqrt(target / max(reached, 1e-3 * target)))
        # Halved down to the end of the parameter space, or stepped out without end.
        return inner if abs(outer - inner) < 1e-6 * abs(step) else bound

    def _constrained(self, value: float, w: np.ndarray) -> tuple[float, np.ndarray]:
        """Deviance of `function` = value, and the working coordinates of its maximum; searched from `w`.

        Newton steps along the surface where the function has this value, each followed by a return to it.
        """
        structure, best = self.found.there.structure, self.found.optimum
        working = structure.working
        w = self._returned(value, w)
        gls = self._gls(w)
        if gls is None:
            raise _OutOfReachError
        for _ in range(MAX_ITERATIONS):
            derivatives = information(structure, gls, self.reml)
            J = working.jacobian(w)
            gradient = J.T @ derivatives.gradient
            fisher = 2 * J.T @ derivatives.expected @ J
            hessian = 2 * J.T @ derivatives.observed @ J + working.curvature(w, derivatives.gradient)
            slope, bend = self._slopes(w)
            # Units in which the surface's normal and its tangents are told apart.
            size = np.sqrt(np.abs(np.diag(hessian)) + 1e-3 * np.diag(fisher)) + 1e-300
            normal = slope / size
            multiplier = normal @ (gradient / size) / (normal @ normal)
            tangent = np.linalg.qr(normal[:, None], mode="complete")[0][:, 1:] / size[:, None]
            if not tangent.size:
                break
            step, curved = newton_step(
                tangent.T @ (hessian - multiplier * bend) @ tangent,
                tangent.T @ fisher @ tangent,
                tangent.T @ gradient,
            )
            decrement = float(-(tangent.T @ gradient) @ step)
            if curved and decrement < TOLERANCE:
                break
            w, gls = self._line_search(value, w, gls, tangent @ step, decrement)
        else:
            raise self._failure(value)
        return max(0.0, gls.minus2(self.reml) - best.gls.minus2(self.reml)), w

    def _failure(self, value: float) -> ConvergenceError:
        return ConvergenceError(
            f"The profile of {self.function.name!r} near {self.function.shown(value):.6g} has not converged; use "
            "method='bootstrap', or a structure with fewer parameters."
        )

    def _line_search(
        self, value: float, w: np.ndarray, gls: GeneralisedLeastSquares, step: np.ndarray, decrement: float
    ) -> tuple[np.ndarray, GeneralisedLeastSquares]:
        for halving in range(MAX_HALVINGS):
            try:
                trial = self._returned(value, w + step / 2**halving)
            except _OutOfReachError:
                continue
            there = self._gls(trial)
            if there is not None:
                gain = gls.minus2(self.reml) - there.minus2(self.reml)
                if gain >= 1e-4 * decrement / 2**halving or decrement < LINE_SEARCH_NOISE:
                    return trial, there
        raise _OutOfReachError

    def _returned(self, value: float, w: np.ndarray) -> np.ndarray:
        """The nearest w, in units of the likelihood's curvature, where the function has this value."""
        metric = np.abs(np.diag(self.found.optimum.hessian)) + 1e-300
        gap = self.function.value(self._theta(w)) - value
        for _ in range(MAX_ITERATIONS):
            if abs(gap) <= 1e-12 * max(abs(value), abs(gap + value)):
                return w
            slope = self._slopes(w)[0]
            step = -gap * (slope / metric) / (slope @ (slope / metric))
            for _ in range(MAX_HALVINGS):
                left = self.function.value(self._theta(w + step)) - value
                if abs(left) < abs(gap):
                    break
                step = step / 2
            else:  # rounding decides
                break
            w, gap = w + step, left
        if abs(gap) <= ROUNDING * abs(value):
            return w
        raise _OutOfReachError

    def _theta(self, w: np.ndarray) -> np.ndarray:
        """theta at w, on the natural scale and in the outcome's units."""
        return self.to_natural @ self.found.there.structure.working.to_theta(w)

    def _slopes(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (k,) and Hessian (k, k) of the function over w."""
        working = self.found.there.structure.working
        gradient, hessian = self.function.derivatives(self._theta(w))
        inner, J = self.to_natural.T @ gradient, self.to_natural @ working.jacobian(w)
        return J.T @ gradient, J.T @ hessian @ J + working.curvature(w, inner)

    def _gls(self, w: np.ndarray) -> GeneralisedLeastSquares | None:
        structure = self.found.there.structure
        theta = structure.working.to_theta(w)
        return (
            generalised_least_squares(structure, theta, self.found.in_blocks)
            if np.isfinite(theta).all()
            else None
        )
