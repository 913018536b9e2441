"""Maximum of a design's (restricted) likelihood, found in coordinates where it is well conditioned."""

from __future__ import annotations

from dataclasses import dataclass

from msclong.covariance.structure import Recoordinated
from msclong.design.cross_moments import CrossMoments
from msclong.design.design import Design
from msclong.engines.frequentist.optimize import Optimum, maximise
from msclong.engines.frequentist.uninformed import refuse_uninformed
from msclong.likelihood.residual_scatter import residual_scatter
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
    refuse_uninformed(there, moments, reml, design.structure.parameter_names)
    optimum = maximise(there.structure, moments, reml)
    iterations = optimum.iterations
    centre = there.structure.centred(optimum.gls.theta)
    if centre is not None:  # a step or two from the optimum, with all digits of the information
        there = Recoordinated(centre.structure, there.coords, there.theta @ centre.theta)
        optimum = maximise(there.structure, moments, reml)
        iterations += optimum.iterations
    return MaximumLikelihood(standardised, there, moments, optimum, iterations)
