"""Outcomes that are normal after a transform, with or without censoring."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from msclong.errors import DesignError
from msclong.families.arrays import NUMPY, Array, Arrays
from msclong.families.family import Data, Eta, Family, Parameter, Phi, refuse_constant
from msclong.families.intervals import log_normal_interval


@dataclass(frozen=True)
class TransformedGaussian(Family):
    """g(y) ~ Normal(eta, sd^2) with an increasing g.

    A censored outcome has the probability of where it lies: below y, above y, or between y and "upper".

    parameters : of sd; empty where eta varies as g(y) does and sd is zero: then means and draws are those given eta,
    and there is no density.
    """

    parameters: tuple[Parameter, ...] = (Parameter("residual sd", "scale"),)
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

    def latent_variance(self, phi: Phi, mean: np.ndarray) -> np.ndarray:
        return np.asarray(phi["residual sd"] ** 2) if self.parameters else np.zeros(len(mean))

    def left_to_priors(self, data: Data, outcome: str) -> tuple[str, ...]:
        censored = data.get("censored", np.zeros(1))
        if (censored == -1).all() or (censored == 1).all():
            side = "left" if censored[0] < 0 else "right"
            raise DesignError(
                f"Every {outcome!r} is censored on the {side}: all lie {'below' if side == 'left' else 'above'} their "
                "limits, and nothing tells how far. Use an outcome that was measured in some rows, or model whether "
                "it passes a limit, by family='bernoulli'."
            )
        # Measured ones are all alike, and no limit says that others are not: the density has no bound.
        y, measured = data["y"], data["y"][censored == 0] if "censored" in data else data["y"]
        if len(measured) > 1 and np.ptp(measured) == 0:
            left, right = censored < 0, censored == 1
            within = np.where(left, y >= measured[0], y <= measured[0])
            if "upper" in data:
                within &= left | right | (data["upper"] >= measured[0])
            if within.all():
                which = " where it is not censored" if len(measured) < len(y) else ""
                refuse_constant(measured, outcome, which)
        if (np.abs(censored) == 1).all():
            return (
                f"No {outcome} is known but for the side of its limit on which it lies: the scale of its variation, "
                "and with it that of all coefficients, is left to the priors where limits are the same.",
            )
        return ()

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        return self.outcome(np.asarray(rng.normal(eta[0], phi.get("residual sd", 0.0))))
