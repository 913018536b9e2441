"""Proportions from 0 to 1, both included: visual analogue scales that some patients mark at an end."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit

from msclong.families.arrays import Array, Arrays
from msclong.families.beta import Beta
from msclong.families.family import Data, Effect, Eta, Family, Parameter, Phi, refuse_constant
from msclong.families.intervals import log_logistic_interval
from msclong.families.proportions import refuse_no_proportions


class OrderedBeta(Family):
    """P(y = 0) = expit(c0 - eta), P(y = 1) = expit(eta - c1); else y ~ Beta with mean expit(eta), as in `Beta`.

    Kubinec (2022), Political Analysis 31:519. One linear predictor moves all three.
    """

    keyword: ClassVar[str] = "ordered_beta"
    description: ClassVar[str] = "ordered beta: 0, 1, or beta in between, all three by one linear predictor"
    link = "logit"
    parameters = (*Beta.parameters, Parameter("cutpoint", "ordered"))
    effects: ClassVar[tuple[Effect, ...]] = ("difference", "ratio", "link")
    inside = Beta()

    def points(self, y: np.ndarray) -> tuple[float, ...]:
        return (0.0, 1.0)

    def between(self, i: int) -> str:
        return ("0|between", "between|1")[i]

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        y = data["y"]
        lower, upper = _bounds(eta, phi)
        between = (y > 0) & (y < 1)
        beta = self.inside.log_density({"y": xp.where(between, y, 0.5)}, eta, phi, xp)
        ends = xp.where(y > 0, -xp.softplus(upper), -xp.softplus(-lower))
        return xp.where(between, log_logistic_interval(lower, upper, xp) + beta, ends)

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        lower, upper = _bounds(eta, phi)
        one = expit(-upper)
        return one + (expit(-lower) - one) * self.inside.mean(eta, phi, data)

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        lower, upper = _bounds(eta, phi)
        u = rng.logistic(size=eta[0].shape)
        beta = self.inside.draw(eta, phi, data, rng)
        return np.where(u < lower, 0.0, np.where(u > upper, 1.0, beta))

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        refuse_no_proportions(data["y"], outcome, rows, self.keyword, ends=True)

    def left_to_priors(self, data: Data, outcome: str) -> tuple[str, ...]:
        y = data["y"]
        refuse_constant(y, outcome)
        between = y[(y > 0) & (y < 1)]
        if len(between) > 1:
            refuse_constant(between, outcome, " where it is neither 0 nor 1")
        if not len(between):
            return (
                f"No {outcome} lies between 0 and 1: the dispersion is left to its prior. family='bernoulli' is for "
                "0 and 1 alone.",
            )
        if len(between) < len(y):
            return ()
        return (
            f"No {outcome} is 0 or 1: that these are rare is what the data tell, how rare is left to the priors of the "
            "cutpoints. family='beta' is the same model without them.",
        )

    def sizes(self, y: np.ndarray) -> dict[str, int]:
        return {"dispersion": 1, "cutpoint": 2}


def _bounds(eta: Eta, phi: Phi) -> tuple[Array, Array]:
    """What a standard logistic variable is below where y = 0, and above where y = 1."""
    cutpoint = phi["cutpoint"]
    return cutpoint[..., 0:1] - eta[0], cutpoint[..., 1:2] - eta[0]
