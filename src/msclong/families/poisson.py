"""Counts of events."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import polygamma

from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Effect, Eta, Family, Phi, no_events, refuse_outcomes

LARGEST = 9e18
"""NumPy's Poisson variables end here."""


class Poisson(Family):
    """y ~ Poisson with mean exp(eta)."""

    keyword: ClassVar[str] = "poisson"
    description: ClassVar[str] = "Poisson with mean exp(linear predictor)"
    link = "log"
    effects: ClassVar[tuple[Effect, ...]] = ("ratio", "difference", "link")
    reads: ClassVar[tuple[str, ...]] = ("offset",)

    def points(self, y: np.ndarray) -> tuple[float, ...]:
        return tuple(map(float, range(int(y.max()) + 1)))

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        y = data["y"]
        return y * eta[0] - xp.exp(eta[0]) - xp.gammaln(y + 1)

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return np.exp(eta[0])

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        return counts(np.exp(eta[0]), rng)

    def latent_variance(self, phi: Phi, mean: np.ndarray) -> np.ndarray:
        """Of the logarithm of a gamma variable with the counts' mean and variance."""
        return np.asarray(polygamma(1, mean))

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        y = data["y"]
        refuse_outcomes((y < 0) | (y != np.round(y)), outcome, rows, self.keyword, "whole numbers from 0")

    def left_to_priors(self, data: Data, outcome: str) -> tuple[str, ...]:
        return no_events(outcome, "rate") if not data["y"].any() else ()


def counts(rate: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Poisson variables as floats."""
    return rng.poisson(np.minimum(rate, LARGEST)).astype(float)
