"""Events of an outcome that have a probability of their own: a grade, a count, or one that is at least so large."""

from __future__ import annotations

import numpy as np

from msclong.design.design import Design
from msclong.errors import EngineError, HypothesisError, listing
from msclong.families.arrays import NUMPY
from msclong.families.family import Eta, Phi
from msclong.results.outcome_means import Value


def possible_outcomes(design: Design) -> tuple[float, ...]:
    """The outcomes with a probability of their own; raises EngineError where the family has none."""
    points = design.family.points(design.observation["y"])
    if not points:
        raise EngineError(
            f"Family {design.family.keyword!r} has no outcomes with a probability of their own, as grades, counts, yes "
            "or no, and the zeros of a hurdle have."
        )
    return points


def event(design: Design, outcome: float, at_least: bool = False) -> Value:
    """P(y = outcome), or P(y >= outcome), of one trial or one unit of exposure, given the linear predictors.

    Raises HypothesisError for an outcome without such a probability.
    """
    points = possible_outcomes(design)
    if outcome not in points:
        raise HypothesisError(
            f"{outcome!r} has no probability of its own; these outcomes have one: {listing(points, 20)}."
        )
    if at_least and not np.isin(design.observation["y"], design.family.coded(np.array(points))).all():
        raise HypothesisError(
            f"at_least is for grades and counts; outcomes of family {design.family.keyword!r} lie between "
            f"{listing(points)} too."
        )
    summed = [point for point in points if point < outcome] if at_least else [outcome]
    codes = design.family.coded(np.array(summed))

    def probability(eta: Eta, phi: Phi) -> np.ndarray:
        total, n = np.zeros(eta[0].shape), eta[0].shape[-1]
        for code in codes:
            data = {"y": np.full(n, code), "trials": np.ones(n)}
            with np.errstate(all="ignore"):  # branches of the density that are not taken
                total = total + np.exp(design.family.log_density(data, eta, phi, NUMPY))
        return 1 - total if at_least else total

    return probability
