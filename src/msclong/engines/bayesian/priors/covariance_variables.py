"""What priors of covariance parameters are made of: independent variables, and the map from them to theta."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import log10
from typing import Any

import numpy as np
from scipy.special import expit, log_expit

from msclong.errors import EngineError, listing
from msclong.spec.prior import Priors

Values = Mapping[str, Any]
"""Variable name -> vector of its values."""

Theta = Callable[[Values, Any], Any]
"""(values, xp) -> theta on the natural scale, as a vector; of the prior's `data` its own, where `values` has none."""

Inverse = Callable[[np.ndarray], dict[str, np.ndarray]]
"""theta (S, k) on the natural scale -> the values (S, m) of each variable: the way back of Theta."""

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

    def unconstrained(self, natural: np.ndarray) -> np.ndarray:
        """Coordinates on the whole line, of the same shape: logs of positive parameters, logits of bounded ones."""
        return natural

    def constrained(self, u: np.ndarray) -> np.ndarray:
        """The parameter from its unconstrained coordinates."""
        return u

    def log_density(self, u: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        """Log prior density of the unconstrained coordinates u (m, S), up to a constant, (S,).

        hyper : (m,), the `hyperparameters` in the unit in which the parameter is counted.
        """
        raise NotImplementedError(f"{type(self).__name__} has no density in unconstrained coordinates.")

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """`n` draws from the prior, natural scale, outcome units, (n, m); raises EngineError where it is improper."""
        raise EngineError(f"The prior of {listing(self.labels)} is improper: nothing can be drawn from it.")

    def described(self) -> list[tuple[str, str]]:
        """(label, prior) of each element."""
        return [(label, self.text(i)) for i, label in enumerate(self.labels)]

    def of_group(self, group: str) -> Variable:
        """The same with labels that name a covariance group."""
        return replace(self, labels=tuple(f"{label} | {group}" for label in self.labels))


class Positive(Variable):
    """Positive parameters: unconstrained are their logs, whose density has the Jacobian x."""

    def unconstrained(self, natural: np.ndarray) -> np.ndarray:
        return np.log(natural)

    def constrained(self, u: np.ndarray) -> np.ndarray:
        return np.exp(u)


@dataclass(frozen=True)
class HalfT(Positive):
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
        return (self.df, magnitudes(self.per))

    def log_density(self, u: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        log_square = 2 * (u - np.log(hyper)[:, None]) - np.log(self.df)
        return np.asarray((u - (self.df + 1) / 2 * np.logaddexp(0, log_square)).sum(axis=0))

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.abs(rng.standard_t(self.df, (n, len(self.scale)))) * self.scale


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

    def unconstrained(self, natural: np.ndarray) -> np.ndarray:
        return np.log((natural - self.lower) / (1 - natural))

    def constrained(self, u: np.ndarray) -> np.ndarray:
        return np.asarray(self.natural(expit(u)))

    def log_density(self, u: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        return hyper @ (log_expit(u) + log_expit(-u))

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(self.natural(rng.beta(self.shape, self.shape, (n, len(self.shape)))))

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

    def log_density(self, u: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        return -((u / hyper[:, None]) ** 2).sum(axis=0) / 2

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal((n, len(self.scale))) * self.scale


@dataclass(frozen=True)
class LogNormal(Positive):
    """Ranges in time: log-normal about `median`, in the unit of the times; `sd` of the logarithm."""

    median: tuple[float, ...]
    sd: float

    def text(self, i: int) -> str:
        return f"log-normal(log {self.median[i]:.4g}, {self.sd:.4g})"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.log(self.median)

    def constants(self) -> tuple[object, ...]:
        return (magnitudes(self.median), self.sd)

    def log_density(self, u: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        return -(((u - hyper[:, None]) / self.sd) ** 2).sum(axis=0) / 2

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.exp(self.sd * rng.standard_normal((n, len(self.median)))) * self.median


@dataclass(frozen=True)
class HalfNormal(Positive):
    """Standard deviations: Normal(0, scale[i]) folded to the positive half line, in outcome units; per as in HalfT."""

    scale: tuple[float, ...]
    per: tuple[float, ...]

    def text(self, i: int) -> str:
        return f"half-normal({self.scale[i]:.4g})"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.array(self.scale) / unit

    def constants(self) -> tuple[object, ...]:
        return (magnitudes(self.per),)

    def log_density(self, u: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        return (u - np.exp(2 * (u - np.log(hyper)[:, None])) / 2).sum(axis=0)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.abs(rng.standard_normal((n, len(self.scale)))) * self.scale


@dataclass(frozen=True)
class LogNormalSd(LogNormal):
    """Standard deviations: log-normal about `median`, in outcome units; per as in HalfT."""

    per: tuple[float, ...]

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.log(np.array(self.median) / unit)

    def constants(self) -> tuple[object, ...]:
        return (magnitudes(self.per), self.sd)


@dataclass(frozen=True, eq=False)
class CovariancePrior:
    """Independent variables, theta (k,) on the natural scale as a function of them, and the way back.

    matrices : runs of the variables' elements, one after the other, that stand for a covariance matrix of size m: m
    standard deviations and m (m - 1) / 2 partial correlations, or the diagonal of a Cholesky factor and what is
    below it. data : arrays of the design that theta reads, by name: a compiled model has them among its `values`.
    """

    variables: tuple[Variable, ...]
    theta: Theta
    values: Inverse
    matrices: tuple[slice, ...] = ()
    data: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all that theta reads."""
        return (*(v.name for v in self.variables), *self.data)


def magnitudes(values: tuple[float, ...]) -> tuple[float, ...]:
    """The nearest powers of ten: where chains start is no reason to compile a model again for other data."""
    return tuple(10.0 ** round(log10(value)) for value in values)


@dataclass(frozen=True)
class PriorScale:
    """What a structure's prior may depend on: hyperparameters, outcome scale s, coordinates of the rows.

    coords : (N, m, d), of each of m linear predictors.
    """

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
        span = float(np.ptp(self.coords[..., 0]))
        return LogNormal("range", (name,), (span / 2 if span > 0 else 1.0,), RANGE_LOG_SD)
