"""Positive, right-skewed outcomes whose SD is proportional to their mean."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import polygamma

from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Effect, Eta, Family, Parameter, Phi, refuse_outcomes
from msclong.families.stirling import HALF_LOG_2PI, stirling


class Gamma(Family):
    """y ~ Gamma with mean exp(eta) and coefficient of variation cv: shape 1 / cv^2."""

    keyword: ClassVar[str] = "gamma"
    description: ClassVar[str] = (
        "gamma with mean exp(linear predictor) and a constant coefficient of variation"
    )
    link = "log"
    parameters = (Parameter("coefficient of variation", "positive"),)
    effects: ClassVar[tuple[Effect, ...]] = ("ratio", "difference", "link")

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        y, shape = data["y"], phi["coefficient of variation"] ** -2
        log_ratio = xp.log(y) - eta[0]
        normal = 0.5 * xp.log(shape) - HALF_LOG_2PI - stirling(shape, xp)
        return normal + shape * (log_ratio - xp.expm1(log_ratio)) - xp.log(y)

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return np.exp(eta[0])

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        variance = phi["coefficient of variation"] ** 2
        return rng.gamma(1 / variance, variance * np.exp(eta[0]))

    def latent_variance(self, phi: Phi, mean: np.ndarray) -> np.ndarray:
        """Of the logarithm."""
        return np.asarray(polygamma(1, phi["coefficient of variation"] ** -2))

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        refuse_outcomes(data["y"] <= 0, outcome, rows, self.keyword, "values above zero")
