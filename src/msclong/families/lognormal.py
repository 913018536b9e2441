"""Positive outcomes whose logarithm is normal: titres, concentrations, antibody levels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Effect, Eta, Phi, refuse_outcomes
from msclong.families.transformed_gaussian import TransformedGaussian


class Lognormal(TransformedGaussian):
    """log y ~ Normal(eta, sd^2): exp(eta) is the median and the geometric mean, exp(eta + sd^2 / 2) the mean."""

    transform_name: ClassVar[str] = "log"
    keyword: ClassVar[str] = "lognormal"
    description: ClassVar[str] = "log-normal with geometric mean exp(linear predictor)"
    link = "log"
    effects: ClassVar[tuple[Effect, ...]] = ("ratio", "difference", "link")

    def normal(self, y: Array, xp: Arrays) -> Array:
        return xp.log(y)

    def log_derivative(self, y: Array, xp: Arrays) -> Array:
        return -xp.log(y)

    def outcome(self, normal: np.ndarray) -> np.ndarray:
        return np.exp(normal)

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return np.exp(eta[0] + phi.get("residual sd", 0.0) ** 2 / 2)

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        refuse_outcomes(data["y"] <= 0, outcome, rows, self.keyword, "values above zero")
