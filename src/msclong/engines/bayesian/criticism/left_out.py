"""The log density of each unit's outcomes, at each draw of a posterior, and the weights that leave the unit out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.design.design import Design
from msclong.engines.bayesian.conditional.marginal_likelihood import marginal_log_likelihood
from msclong.engines.bayesian.criticism.unit_predictive import UnitPredictive
from msclong.engines.bayesian.importance.pareto_smoothing import pareto_smooth
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.posterior_draws import PosteriorDraws


@dataclass(frozen=True, eq=False)
class LeftOut:
    """S draws and U units: log densities of each unit's outcomes given a draw's parameters, (S, U) each.

    without, within : of a Gaussian model log p(y_i | other units, theta) and log p(y_i | all units, theta), beta
    integrated out. Else both are log p(y_i | parameters), random effects integrated out.
    """

    without: np.ndarray
    within: np.ndarray

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Log weights (S, U) of the draws under the posterior without each unit, and their Pareto k-hat (U,)."""
        smoothed = [pareto_smooth(-density) for density in self.without.T]
        return np.stack([weights for weights, _ in smoothed], axis=1), np.array(
            [khat for _, khat in smoothed]
        )


def left_out(design: Design, estimate: PosteriorDraws, only: int | None = None) -> LeftOut:
    """The densities of the outcomes of `design` at the draws of `estimate`.

    only : the code of the one unit that is wanted; the others may be NaN. Raises EngineError for a conditional model
    whose random effects quadrature does not integrate.
    """
    theta = estimate.flat_theta
    if not isinstance(estimate, ConditionalDraws):
        return LeftOut(*UnitPredictive(design).log_density(theta, only))
    density = marginal_log_likelihood(design, estimate.flat, estimate.flat_zero, estimate.flat_phi, theta)
    return LeftOut(density, density)
