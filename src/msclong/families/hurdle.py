"""Outcomes of which some are exactly zero and the others positive: salivary flow, alcohol, costs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit

from msclong.errors import DesignError
from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Effect, Eta, Family, Phi, refuse_constant, refuse_outcomes
from msclong.families.gamma import Gamma
from msclong.families.lognormal import Lognormal


class Hurdle(Family):
    """y is 0 with probability expit(eta[1]); else it has the distribution `positive`, of eta[0].

    `mean` is that of all outcomes, zeros included.
    """

    positive: ClassVar[Family]
    link = "log"
    predictors = ("mean", "zero")
    effects: ClassVar[tuple[Effect, ...]] = ("ratio", "difference", "link")

    def points(self, y: np.ndarray) -> tuple[float, ...]:
        return (0.0,)

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        y, zero = data["y"], eta[1]
        inside = {**data, "y": xp.where(y > 0, y, 1.0)}
        return xp.where(
            y > 0, self.positive.log_density(inside, eta, phi, xp) - xp.softplus(zero), -xp.softplus(-zero)
        )

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return expit(-eta[1]) * self.positive.mean(eta, phi, data)

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        zero = rng.random(eta[1].shape) < expit(eta[1])
        return np.where(zero, 0.0, self.positive.draw(eta, phi, data, rng))

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        refuse_outcomes(data["y"] < 0, outcome, rows, self.keyword, "zeros and values above zero")

    def left_to_priors(self, data: Data, outcome: str) -> tuple[str, ...]:
        positive = data["y"][data["y"] > 0]
        if len(positive) < 2:
            raise DesignError(
                f"family={self.keyword!r} needs two or more values above zero to tell how they vary; {outcome!r} has "
                f"{len(positive)}. Model whether it is above zero, by family='bernoulli'."
            )
        refuse_constant(positive, outcome, " where it is not zero")
        if len(positive) < len(data["y"]):
            return ()
        return (
            f"No {outcome} is zero: that zeros are rare is what the data tell, how rare and how much subjects differ "
            f"in it is left to the priors. family={self.positive.keyword!r} is the same model without zeros.",
        )


class HurdleLognormal(Hurdle):
    """Zeros, and log-normal values with geometric mean exp(eta[0])."""

    keyword: ClassVar[str] = "hurdle_lognormal"
    description: ClassVar[str] = (
        "zero with a probability of its own, else log-normal with geometric mean exp(linear predictor)"
    )
    positive = Lognormal()
    parameters = Lognormal.parameters


class HurdleGamma(Hurdle):
    """Zeros, and gamma distributed values with mean exp(eta[0])."""

    keyword: ClassVar[str] = "hurdle_gamma"
    description: ClassVar[str] = (
        "zero with a probability of its own, else gamma with mean exp(linear predictor)"
    )
    positive = Gamma()
    parameters = Gamma.parameters
