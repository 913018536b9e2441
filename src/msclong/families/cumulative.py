"""Ordered grades 0, 1, ..., K - 1 as a latent variable cut at K - 1 points."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr

from msclong.errors import DataError, listing
from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Effect, Eta, Family, Parameter, Phi, refuse_outcomes
from msclong.families.intervals import log_logistic_interval, log_normal_interval

MOST_GRADES = 30
"""More distinct grades than this look like a measurement."""


@dataclass(frozen=True)
class Cumulative(Family):
    """P(y <= k) = F(cutpoint k - eta); `mean` is the expected grade.

    McCullagh (1980), JRSS B 42:109. The cutpoints stand in the place of an intercept.

    lowest : the grade of code 0; densities read codes, means and draws are grades.
    """

    lowest: int = 0

    parameters = (Parameter("cutpoint", "ordered"),)
    has_intercept = False

    latent: ClassVar[float]
    """Variance of the distribution F."""

    @abstractmethod
    def cdf(self, x: np.ndarray) -> np.ndarray:
        """F."""

    @abstractmethod
    def log_cdf(self, x: Array, xp: Arrays) -> Array:
        """log F(x) = log(1 - F(-x))."""

    @abstractmethod
    def log_interval(self, lower: Array, upper: Array, xp: Arrays) -> Array:
        """log(F(upper) - F(lower))."""

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        cutpoint, y = phi["cutpoint"], data["y"].astype("int64")
        lowest, highest = y <= 0, y >= cutpoint.shape[-1]
        lower = cutpoint[..., y - 1 + lowest] - eta[0]
        upper = cutpoint[..., y - highest] - eta[0]
        # Each branch sees harmless values where another is taken.
        inside = self.log_interval(
            xp.where(lowest, upper - 1, lower), xp.where(highest, lower + 1, upper), xp
        )
        return xp.where(lowest, self.log_cdf(upper, xp), xp.where(highest, self.log_cdf(-lower, xp), inside))

    def probabilities(self, eta: Eta, phi: Phi) -> np.ndarray:
        """The probability of each grade, (..., N, K)."""
        return -np.diff(self._above(eta, phi), axis=-1, prepend=1.0, append=0.0)

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return np.asarray(self.lowest + self._above(eta, phi).sum(axis=-1))

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        u = rng.random(eta[0].shape)
        return self.lowest + (u[..., None] < self._above(eta, phi)).sum(axis=-1).astype(float)

    def latent_variance(self, phi: Phi, mean: np.ndarray) -> np.ndarray:
        return np.full(len(mean), self.latent)

    def fitted(self, y: np.ndarray) -> Family:
        return replace(self, lowest=int(np.floor(y.min())))

    def coded(self, y: np.ndarray) -> np.ndarray:
        return y - self.lowest

    def points(self, y: np.ndarray) -> tuple[float, ...]:
        return tuple(map(float, range(self.lowest, self.lowest + int(y.max()) + 1)))

    def between(self, i: int) -> str:
        return f"{self.lowest + i}|{self.lowest + i + 1}"

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        y = data["y"]
        refuse_outcomes(
            (y < 0) | (y != np.round(y)), outcome, rows, self.keyword, "grades that are whole numbers from 0"
        )
        if np.ptp(y) == 0:
            raise DataError(
                f"Every {outcome!r} is the grade {y[0]:g}; a model of grades needs two or more that occur."
            )
        if np.ptp(y) >= MOST_GRADES:
            raise DataError(
                f"family={self.keyword!r} is for up to {MOST_GRADES} grades; {outcome!r} runs from {y.min():g} to "
                f"{y.max():g}. Group its values, or choose a family of measurements or counts."
            )

    def left_to_priors(self, data: Data, outcome: str) -> tuple[str, ...]:
        empty = np.setdiff1d(np.arange(data["y"].max()), data["y"])
        if not len(empty):
            return ()
        return (
            f"No {outcome} is of grade {listing(f'{self.lowest + code:g}' for code in empty)}: how rare that is, is "
            "left to the prior of the cutpoints.",
        )

    def sizes(self, y: np.ndarray) -> dict[str, int]:
        return {"cutpoint": int(y.max())}

    def _above(self, eta: Eta, phi: Phi) -> np.ndarray:
        """P(y > k) for each cutpoint, (..., N, K - 1)."""
        return self.cdf(eta[0][..., :, None] - phi["cutpoint"][..., None, :])


class CumulativeLogit(Cumulative):
    """F is the standard logistic distribution: proportional odds."""

    keyword: ClassVar[str] = "cumulative_logit"
    description: ClassVar[str] = "ordered grades with proportional odds"
    link = "logit"
    latent: ClassVar[float] = np.pi**2 / 3
    effects: ClassVar[tuple[Effect, ...]] = ("difference", "link", "conditional-odds-ratio")

    def cdf(self, x: np.ndarray) -> np.ndarray:
        return expit(x)

    def log_cdf(self, x: Array, xp: Arrays) -> Array:
        return -xp.softplus(-x)

    def log_interval(self, lower: Array, upper: Array, xp: Arrays) -> Array:
        return log_logistic_interval(lower, upper, xp)


class CumulativeProbit(Cumulative):
    """F is the standard normal distribution."""

    keyword: ClassVar[str] = "cumulative_probit"
    description: ClassVar[str] = "ordered grades of a latent normal variable"
    link = "probit"
    latent: ClassVar[float] = 1.0

    def cdf(self, x: np.ndarray) -> np.ndarray:
        return ndtr(x)

    def log_cdf(self, x: Array, xp: Arrays) -> Array:
        return xp.log_ndtr(x)

    def log_interval(self, lower: Array, upper: Array, xp: Arrays) -> Array:
        return log_normal_interval(lower, upper, xp)
