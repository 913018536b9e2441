"""The distributions that a prior may have, as data: frozen, checked, to and from plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import isfinite
from numbers import Real
from typing import Any, ClassVar

from msclong.errors import SpecError, listing

WEIGHTS_SUM = 1e-6
"""How far from one the weights of a mixture may add up: 1/3 written with six digits."""


@dataclass(frozen=True)
class Distribution:
    """A distribution with numbers as parameters; `positive` names those that must be above zero."""

    positive: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for entry in fields(self):
            value: Any = getattr(self, entry.name)
            if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value):
                raise SpecError(f"{type(self).__name__}.{entry.name} must be a finite number; got {value!r}.")
            if entry.name in self.positive and value <= 0:
                raise SpecError(f"{type(self).__name__}.{entry.name} must be positive; got {value!r}.")
            object.__setattr__(self, entry.name, float(value))

    def to_dict(self) -> dict[str, Any]:
        """The distribution's name and parameters as plain data."""
        return {"distribution": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class Normal(Distribution):
    """Normal(mean, sd).

    Examples
    --------
    >>> import msclong as ml
    >>> ml.Priors(coefficients={"month[T.12]": ml.Normal(-2, 1)}).coefficients["month[T.12]"]
    Normal(mean=-2.0, sd=1.0)
    """

    mean: float
    sd: float

    positive: ClassVar[tuple[str, ...]] = ("sd",)

    def __str__(self) -> str:
        return f"Normal({self.mean:.4g}, {self.sd:.4g})"


@dataclass(frozen=True)
class HalfT(Distribution):
    """Half-Student-t with `df` degrees of freedom and `scale`, from zero upwards (Gelman 2006).

    Examples
    --------
    >>> import msclong as ml
    >>> ml.Priors(sds={"residual sd": ml.HalfT(3, 4)}).sds["residual sd"]
    HalfT(df=3.0, scale=4.0)
    """

    df: float
    scale: float

    positive: ClassVar[tuple[str, ...]] = ("df", "scale")


@dataclass(frozen=True)
class HalfNormal(Distribution):
    """Normal(0, scale) folded to the positive half line; its median is 0.674 scale.

    Examples
    --------
    >>> import msclong as ml
    >>> ml.Priors(sds={"sd(Intercept)": ml.HalfNormal(5)}).sds["sd(Intercept)"]
    HalfNormal(scale=5.0)
    """

    scale: float

    positive: ClassVar[tuple[str, ...]] = ("scale",)


@dataclass(frozen=True)
class LogNormal(Distribution):
    """The logarithm is Normal(log(median), sd): 95 % lies within a factor exp(1.96 sd) of the median.

    Examples
    --------
    >>> import msclong as ml
    >>> ml.Priors(ranges={"range": ml.LogNormal(3, 1)}).ranges["range"]
    LogNormal(median=3.0, sd=1.0)
    """

    median: float
    sd: float

    positive: ClassVar[tuple[str, ...]] = ("median", "sd")


@dataclass(frozen=True)
class LKJ(Distribution):
    """Density of a correlation matrix proportional to |R|^(eta - 1) (Lewandowski, Kurowicka and Joe 2009).

    eta = 1 is uniform, larger values draw towards no correlation. One correlation by itself, on (a, 1): Beta(eta, eta)
    stretched to that interval, which for two visits is the same.

    Examples
    --------
    >>> import msclong as ml
    >>> ml.Priors(correlations={"correlation matrix": ml.LKJ(1)}).correlations["correlation matrix"]
    LKJ(eta=1.0)
    """

    eta: float

    positive: ClassVar[tuple[str, ...]] = ("eta",)


@dataclass(frozen=True, init=False)
class Mixture:
    """A weighted mixture of normal distributions: Mixture([(0.8, Normal(-2, 0.5)), (0.2, Normal(0, 5))]).

    weights : positive, adding up to one. normals : as many.
    Raises SpecError for anything else.

    Examples
    --------
    >>> import msclong as ml
    >>> prior = ml.Mixture([(0.8, ml.Normal(-2, 0.5)), (0.2, ml.Normal(0, 5))])
    >>> round(prior.mean, 2), round(prior.sd, 2)
    (-1.6, 2.42)
    """

    weights: tuple[float, ...]
    normals: tuple[Normal, ...]

    def __init__(self, components: Sequence[tuple[float, Normal]]) -> None:
        try:
            pairs: list[tuple[Any, Any]] = [(weight, normal) for weight, normal in components]
        except (TypeError, ValueError):
            raise SpecError(
                f"Mixture takes pairs (weight, Normal(mean, sd)) in a list; got {components!r}."
            ) from None
        if not pairs:
            raise SpecError("Mixture needs at least one pair (weight, Normal(mean, sd)).")
        for weight, normal in pairs:
            if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 < float(weight) <= 1:
                raise SpecError(f"A weight of a Mixture lies above 0 and at most at 1; got {weight!r}.")
            if not isinstance(normal, Normal):
                raise SpecError(f"A Mixture is of Normal(mean, sd) components; got {normal!r}.")
        total = sum(float(weight) for weight, _ in pairs)
        if abs(total - 1) > WEIGHTS_SUM:
            raise SpecError(f"The weights of a Mixture must add up to 1; these add up to {total:.6g}.")
        object.__setattr__(self, "weights", tuple(float(weight) for weight, _ in pairs))
        object.__setattr__(self, "normals", tuple(normal for _, normal in pairs))

    @property
    def mean(self) -> float:
        """The mean of the mixture."""
        return sum(w * n.mean for w, n in self)

    @property
    def sd(self) -> float:
        """The standard deviation of the mixture."""
        return sum(w * (n.sd**2 + (n.mean - self.mean) ** 2) for w, n in self) ** 0.5

    def __iter__(self) -> Any:
        return iter(zip(self.weights, self.normals, strict=True))

    def __len__(self) -> int:
        return len(self.weights)

    def __repr__(self) -> str:
        return f"Mixture({list(self)!r})"

    def __str__(self) -> str:
        return " + ".join(f"{weight:.4g} {normal}" for weight, normal in self)

    def to_dict(self) -> dict[str, Any]:
        """Weights and components as plain data."""
        return {
            "distribution": "Mixture",
            "components": [{"weight": weight, **asdict(normal)} for weight, normal in self],
        }


DISTRIBUTIONS: dict[str, type[Distribution]] = {
    kind.__name__: kind for kind in (Normal, HalfT, HalfNormal, LogNormal, LKJ)
}


def distribution_from_dict(record: Any) -> Distribution | Mixture:
    """The distribution of `to_dict`. Raises SpecError for a record that is none."""
    values = dict(record) if isinstance(record, Mapping) else {}
    name = values.pop("distribution", None)
    try:
        if name == "Mixture":
            return Mixture([(c["weight"], Normal(c["mean"], c["sd"])) for c in values["components"]])
        if name in DISTRIBUTIONS:
            return DISTRIBUTIONS[name](**values)
    except (TypeError, KeyError):
        pass
    raise SpecError(
        f"Not a distribution: {record!r}; known are {listing([*DISTRIBUTIONS, 'Mixture'])}, with their parameters."
    )
