"""Gaussian outcomes: y = eta + error. With censoring the error is sampled; without, both engines integrate it out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Eta, Phi
from msclong.families.transformed_gaussian import TransformedGaussian


class Gaussian(TransformedGaussian):
    """y ~ Normal(eta, sd^2)."""

    keyword: ClassVar[str] = "gaussian"
    description: ClassVar[str] = "normal about the linear predictor"
    link = "identity"

    def normal(self, y: Array, xp: Arrays) -> Array:
        return y

    def log_derivative(self, y: Array, xp: Arrays) -> Array:
        return 0 * y

    def outcome(self, normal: np.ndarray) -> np.ndarray:
        return normal

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return eta[0]

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        return None
