"""Maximum of a design's (restricted) likelihood, found in coordinates where it is well conditioned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

from msclong.covariance.structure import Recoordinated
from msclong.design.cross_moments import CrossMoments
from msclong.design.degeneracy import refuse_unidentified_random_effects
from msclong.design.design import Design
from msclong.design.rotation import rotated
from msclong.engines.frequentist.crossed import crossed_maximum
from msclong.engines.frequentist.optimize import ROUGH, Optimum, maximise, newton, start_values
from msclong.engines.frequentist.scoring import scored
from msclong.engines.frequentist.uninformed import refuse_uninformed
from msclong.likelihood.grid import arranged
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

    @cached_property
    def in_blocks(self) -> CrossMoments:
        """`moments` in the blocks in which the likelihood costs least."""
        moments = self.moments
        return arranged(self.there.structure, moments) if isinstance(moments, CrossMoments) else moments


def maximum_likelihood(design: Design, reml: bool) -> MaximumLikelihood:
    """Maximise; raises DesignError or ConvergenceError where that cannot be done."""
    if design.crossed is not None:
        refuse_unidentified_random_effects(design)
        return MaximumLikelihood(*crossed_maximum(design.structure, design.crossed, reml))
    standardised = standardise(rotated(design.structure, design.moments))
    there = design.structure.recoordinated(residual_scatter(standardised.moments))
    moments = standardised.moments.with_coordinates(there.coords)
    fitted = arranged(there.structure, moments)
    start = start_values(there.structure, moments)
    first = scored(there.structure, fitted, reml, start)
    if not first.informed:
        refuse_unidentified_random_effects(design)
        refuse_uninformed(there, fitted, reml, design.structure.parameter_names, start)
    iterations, theta = first.steps, there.structure.working.to_theta(first.w)
    begin, centre = first.w, there.structure.centred(theta)
    if centre is not None and not first.near:
        rough = maximise(there.structure, fitted, reml, begin, partial(newton, tolerance=ROUGH), near=False)
        begin, iterations = rough.w, iterations + rough.iterations
        centre = there.structure.centred(rough.gls.theta)
    if centre is None:
        optimum = maximise(there.structure, fitted, reml, begin, near=False)
        return MaximumLikelihood(standardised, there, moments, optimum, iterations + optimum.iterations)
    # A few steps from the optimum, with all digits of the information.
    there = Recoordinated(centre.structure, there.coords, there.theta @ centre.theta)
    optimum = maximise(there.structure, fitted, reml)
    return MaximumLikelihood(standardised, there, moments, optimum, iterations + optimum.iterations)
