"""Outcomes that are normal after a transform, with or without censoring."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from msclong.families.arrays import NUMPY, Array, Arrays
from msclong.families.family import Data, Eta, Family, Parameter, Phi
from msclong.families.intervals import log_normal_interval


class TransformedGaussian(Family):
    """g(y) ~ Normal(eta, sd^2) with an increasing g.

    A censored outcome has the probability of where it lies: below y, above y, or between y and "upper".
    """

    parameters = (Parameter("residual sd", "scale"),)
    reads: ClassVar[tuple[str, ...]] = ("censored",)
    transformed_gaussian = True

    @abstractmethod
    def normal(self, y: Array, xp: Arrays) -> Array:
        """g(y)."""

    @abstractmethod
    def log_derivative(self, y: Array, xp: Arrays) -> Array:
        """log dg / dy."""

    @abstractmethod
    def outcome(self, normal: np.ndarray) -> np.ndarray:
        """The y of a g(y)."""

    def transform(self, y: np.ndarray) -> np.ndarray:
        return self.normal(y, NUMPY)

    def log_jacobian(self, y: np.ndarray) -> np.ndarray:
        return self.log_derivative(y, NUMPY)

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        y, sd = data["y"], phi["residual sd"]
        z = (self.normal(y, xp) - eta[0]) / sd
        exact = self.log_derivative(y, xp) - 0.5 * z**2 - xp.log(sd) - 0.5 * np.log(2 * np.pi)
        if "censored" not in data:
            return exact
        censored = data["censored"]
        between = censored > 1
        upper = (self.normal(xp.where(between, data["upper"], y), xp) - eta[0]) / sd
        # Each branch sees harmless values where another is taken.
        interval = log_normal_interval(z, xp.where(between, upper, z + 1), xp)
        above = xp.where(between, interval, xp.log_ndtr(-z))
        return xp.where(censored < 0, xp.log_ndtr(z), xp.where(censored > 0, above, exact))

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        return self.outcome(np.asarray(rng.normal(eta[0], phi["residual sd"])))
