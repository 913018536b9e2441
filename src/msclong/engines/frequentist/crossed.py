"""The climb to the maximum where crossed or nested random effects tie many observations together."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from msclong.covariance.identification import plainly_determined
from msclong.covariance.structure import CovarianceStructure, Recoordinated
from msclong.design.crossed_moments import AnyMoments, CrossedMoments
from msclong.engines.frequentist.optimize import (
    ADVICE,
    MAX_ITERATIONS,
    TOLERANCE,
    Climb,
    Optimum,
    in_working,
    line_search,
    maximise,
    newton_step,
    solution,
)
from msclong.engines.frequentist.uninformed import refuse_uninformed
from msclong.errors import ConvergenceError
from msclong.likelihood.crossed.information import average_information
from msclong.likelihood.information import information
from msclong.likelihood.residual_scatter import residual_scatter
from msclong.likelihood.standardised import Standardised, standardise

THERE = 1e-17
"""Newton decrement below which no further step is taken."""

AVERAGE_THERE = 1e-20
"""The same for steps by the average information, of which one more costs next to nothing."""

SLOW = 0.2
"""Where a step leaves more than this share of the decrement, the exact Hessian pays for its cost."""


def crossed_maximum(
    structure: CovarianceStructure, crossed: CrossedMoments, reml: bool
) -> tuple[Standardised, Recoordinated, Any, Optimum, int]:
    """What MaximumLikelihood holds; raises DesignError or ConvergenceError as `maximum_likelihood` does."""
    standardised = standardise(crossed)
    there = structure.recoordinated(residual_scatter(standardised.moments))
    moments: Any = cast(Any, standardised.moments).with_coordinates(there.coords, there.structure)
    start = there.structure.working.from_theta(there.structure.start(residual_scatter(moments)))
    try:
        optimum = maximise(there.structure, moments, reml, start, climb=crossed_climb)
    except ConvergenceError:
        refuse_uninformed(there, moments, reml, structure.parameter_names, start)
        raise
    if not plainly_determined(optimum.information.expected):
        refuse_uninformed(there, moments, reml, structure.parameter_names, start)
    return standardised, there, moments, optimum, optimum.iterations


def climb_for(moments: AnyMoments) -> Climb | None:
    """The climb that these moments need, for `maximise`."""
    return crossed_climb if isinstance(moments, CrossedMoments) else None


def crossed_climb(structure: CovarianceStructure, moments: Any, reml: bool, w: np.ndarray) -> Optimum:
    """From working coordinates to the maximum; raises ConvergenceError.

    Steps by the average information (Gilmour, Thompson and Cullis 1995), which costs little and is all but the Hessian
    near the maximum; Newton steps where that is slow; and the exact Hessian in any case at the end.
    moments : CrossedMoments.
    """
    working = structure.working
    gls: Any = solution(structure, moments, w)
    exact, decrement, before = False, np.nan, np.inf
    for iteration in range(1, MAX_ITERATIONS + 1):
        if gls is None:
            break
        if exact:
            derivatives = information(structure, gls, reml)
            gradient, hessian, fisher = in_working(working, w, derivatives)
        else:
            slope, average = average_information(gls, reml)
            J = working.jacobian(w)
            gradient, fisher = J.T @ slope, 2 * J.T @ average @ J
            hessian = fisher + working.curvature(w, slope)
        if not np.isfinite(hessian).all():
            break
        step, curved = newton_step(hessian, fisher, gradient)
        decrement = float(-gradient @ step)
        if exact and curved and decrement < THERE:
            return Optimum(gls, derivatives, w, hessian, decrement, iteration)
        if not exact and (decrement < AVERAGE_THERE or decrement > SLOW * before):
            exact = True
            continue
        if exact and curved and decrement < TOLERANCE:
            final = solution(structure, moments, w + step)
            if final is not None:
                w, gls = w + step, final
                derivatives = information(structure, gls, reml)
            return Optimum(gls, derivatives, w, hessian, decrement, iteration)
        before = decrement
        moved = line_search(structure, moments, reml, w, step, decrement, gls.minus2(reml))
        if moved is None:
            if exact:
                break
            exact = True
            continue
        w, gls = moved
    raise ConvergenceError(
        f"The {'restricted ' if reml else ''}likelihood of this {structure.keyword!r} covariance has not "
        f"converged after {iteration} iterations (Newton decrement {decrement:.1e}). {ADVICE}"
    )
