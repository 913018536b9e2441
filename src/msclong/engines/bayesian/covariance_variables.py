"""What priors of covariance parameters are made of: independent variables, and the map from them to theta."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from msclong.spec.prior import Priors

Values = Mapping[str, Any]
"""Variable name -> vector of its values."""

Theta = Callable[[Values, Any], Any]
"""(values, xp) -> theta on the natural scale, as a vector."""

RANGE_LOG_SD = 1.5
"""SD of log(range). With the median at half the span of times, 95 % lie between 1/38 of the span and 9.5 spans: the
correlation exp(-d / range) over a third of the span has median 0.51, quartiles 0.16 and 0.78, 95 % below 0.97."""


@dataclass(frozen=True)
class Variable(ABC):
    """A vector of independent parameters; `labels` name its elements."""

    name: str
    labels: tuple[str, ...]

    @abstractmethod
    def text(self, i: int) -> str:
        """The prior of element i in the field's notation, in outcome units."""

    @abstractmethod
    def hyperparameters(self, unit: float) -> np.ndarray:
        """The numbers that enter the sampler as data, one an element, where the outcome is counted in `unit`."""

    def constants(self) -> tuple[object, ...]:
        """What is compiled into the sampler's code."""
        return ()

    def natural(self, sampled: Any) -> Any:
        """The parameter from what the sampler draws."""
        return sampled

    def described(self) -> list[tuple[str, str]]:
        """(label, prior) of each element."""
        return [(label, self.text(i)) for i, label in enumerate(self.labels)]

    def of_group(self, group: str) -> Variable:
        """The same with labels that name a covariance group."""
        return replace(self, labels=tuple(f"{label} | {group}" for label in self.labels))


@dataclass(frozen=True)
class HalfT(Variable):
    """Standard deviations: half-Student-t(df, 0, scale[i]), in outcome units.

    per : (the SD of a covariate) that each is counted by; a plain standard deviation has 1.
    """

    scale: tuple[float, ...]
    df: float
    per: tuple[float, ...]

    def text(self, i: int) -> str:
        return f"half-Student-t({self.df:.4g}, 0, {self.scale[i]:.4g})"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.array(self.scale) / unit

    def constants(self) -> tuple[object, ...]:
        return (self.df, self.per)


@dataclass(frozen=True)
class StretchedBeta(Variable):
    """Correlations: Beta(shape[i], shape[i]) stretched to (lower, 1); the sampler draws the Beta on (0, 1).

    joint : how to describe the vector as a whole, where the elements by themselves say little.
    """

    shape: tuple[float, ...]
    lower: float = -1.0
    joint: tuple[tuple[str, str], ...] = ()

    def text(self, i: int) -> str:
        if self.shape[i] == 1:
            return f"Uniform({self.lower:.4g}, 1)"
        return f"Beta({self.shape[i]:.4g}, {self.shape[i]:.4g}) on ({self.lower:.4g}, 1)"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.array(self.shape)

    def constants(self) -> tuple[object, ...]:
        return (self.lower,)

    def natural(self, sampled: Any) -> Any:
        return self.lower + (1 - self.lower) * sampled

    def described(self) -> list[tuple[str, str]]:
        return list(self.joint) or super().described()

    def of_group(self, group: str) -> Variable:
        joint = tuple((f"{label} | {group}", text) for label, text in self.joint)
        return replace(self, labels=tuple(f"{label} | {group}" for label in self.labels), joint=joint)


@dataclass(frozen=True)
class Gaussian(Variable):
    """Covariances of a structure that this engine does not know: Normal(0, scale[i]), in squared outcome units."""

    scale: tuple[float, ...]

    def text(self, i: int) -> str:
        return f"Normal(0, {self.scale[i]:.4g})"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.array(self.scale) / unit**2


@dataclass(frozen=True)
class LogNormal(Variable):
    """Ranges in time: log-normal about `median`, in the unit of the times; `sd` of the logarithm."""

    median: tuple[float, ...]
    sd: float

    def text(self, i: int) -> str:
        return f"log-normal(log {self.median[i]:.4g}, {self.sd:.4g})"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.log(self.median)

    def constants(self) -> tuple[object, ...]:
        return (self.median, self.sd)


@dataclass(frozen=True, eq=False)
class CovariancePrior:
    """Independent variables, and theta (k,) on the natural scale as a function of them."""

    variables: tuple[Variable, ...]
    theta: Theta


@dataclass(frozen=True)
class PriorScale:
    """What a structure's prior may depend on: hyperparameters, outcome scale s, coordinates (N, d) of the rows."""

    priors: Priors
    s: float
    coords: np.ndarray

    def sds(self, name: str, labels: tuple[str, ...], per: np.ndarray | None = None) -> HalfT:
        """Half-t standard deviations, element i per `per[i]` of a covariate."""
        divisors = np.ones(len(labels)) if per is None else per
        scale = tuple(float(self.priors.sd_scale * self.s / unit) for unit in divisors)
        return HalfT(name, labels, scale, self.priors.sd_df, tuple(map(float, divisors)))

    def range(self, name: str) -> LogNormal:
        """A range in time: median half the span of all times, the logarithm with RANGE_LOG_SD."""
        span = float(np.ptp(self.coords[:, 0]))
        return LogNormal("range", (name,), (span / 2 if span > 0 else 1.0,), RANGE_LOG_SD)
