"""Proportions between 0 and 1 whose logit is normal: cell percentages."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit

from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Effect, Eta, Phi
from msclong.families.proportions import refuse_no_proportions
from msclong.families.transformed_gaussian import TransformedGaussian

NODES = np.linspace(-9.0, 9.0, 61)
"""Of the trapezoidal rule over a standard normal variable: its error for a logistic function of it, which has poles at
a distance of pi / sd, is about exp(-2 pi^2 / (0.3 sd)): below 1e-9 up to an sd of 3, 2e-6 at 5."""

WEIGHTS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()


class Logitnormal(TransformedGaussian):
    """logit y ~ Normal(eta, sd^2): expit(eta) is the median; the mean has no closed form."""

    transform_name: ClassVar[str] = "logit"
    keyword: ClassVar[str] = "logitnormal"
    description: ClassVar[str] = "logit-normal with median expit(linear predictor)"
    link = "logit"
    effects: ClassVar[tuple[Effect, ...]] = ("odds-ratio", "difference", "ratio", "link")

    def normal(self, y: Array, xp: Arrays) -> Array:
        return xp.log(y) - xp.log1p(-y)

    def log_derivative(self, y: Array, xp: Arrays) -> Array:
        return -xp.log(y) - xp.log1p(-y)

    def outcome(self, normal: np.ndarray) -> np.ndarray:
        return expit(normal)

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        total = 0.0
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            total = total + weight * expit(eta[0] + phi.get("residual sd", 0.0) * node)
        return np.asarray(total)

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        refuse_no_proportions(data["y"], outcome, rows, self.keyword)
