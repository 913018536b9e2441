"""Maximum of a design's (restricted) likelihood, found in coordinates where it is well conditioned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.identification import undetermined
from msclong.covariance.structure import Recoordinated
from msclong.design.cross_moments import CrossMoments
from msclong.design.design import Design
from msclong.engines.frequentist.optimize import Optimum, maximise, residual_scatter
from msclong.errors import ConvergenceError, DesignError, listing
from msclong.likelihood.gls import generalised_least_squares
from msclong.likelihood.information import information
from msclong.likelihood.standardised import Standardised, standardise


@dataclass(frozen=True, eq=False)
class MaximumLikelihood:
    """The optimum, in standardised units and in the coordinates and parameters of `there`.

    moments : what was fitted, in those units and coordinates. iterations : Newton steps of all passes.
    """

    standardised: Standardised
    there: Recoordinated
    moments: CrossMoments
    optimum: Optimum
    iterations: int


def maximum_likelihood(design: Design, reml: bool) -> MaximumLikelihood:
    """Maximise; raises DesignError or ConvergenceError where that cannot be done."""
    standardised = standardise(design.moments)
    there = design.structure.recoordinated(residual_scatter(standardised.moments))
    moments = standardised.moments.with_coordinates(there.coords)
    try:
        optimum = maximise(there.structure, moments, reml)
    except ConvergenceError:
        _refuse_unidentified(design, there, moments, reml)
        raise
    iterations = optimum.iterations
    centre = there.structure.centred(optimum.gls.theta)
    if centre is not None:  # a step or two from the optimum, with all digits of the information
        there = Recoordinated(centre.structure, there.coords, there.theta @ centre.theta)
        optimum = maximise(there.structure, moments, reml)
        iterations += optimum.iterations
    return MaximumLikelihood(standardised, there, moments, optimum, iterations)


def _refuse_unidentified(design: Design, there: Recoordinated, moments: CrossMoments, reml: bool) -> None:
    """Raise DesignError where the mean leaves some covariance parameter without information: the reason for a failure.

    A random effect of the visit has none, for example, where the mean has a parameter for each visit.
    """
    start = there.structure.start(residual_scatter(moments))
    gls = generalised_least_squares(there.structure, start, moments)
    if gls is None:
        return
    expected = information(there.structure, gls, reml).expected
    if_mean_known = np.diag(information(there.structure, gls, reml=False).expected)
    if names := undetermined(expected, there.theta, design.structure.parameter_names, if_mean_known):
        raise DesignError(
            f"With this fixed part the data say nothing of {listing(names)}: the fixed effects already take up all of "
            "that variation. Take these random effects out, or the fixed effects that they vary by."
        )
