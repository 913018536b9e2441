"""Priors of a family's own parameters: independent variables, and the map from them to phi.

Written in operators alone: one definition for the PyMC model and for importance sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import log_expit

from msclong.engines.bayesian.priors.covariance_variables import (
    HalfT,
    Positive,
    StretchedBeta,
    Values,
    Variable,
)
from msclong.families.family import Family, Parameter
from msclong.spec.prior import Priors


@dataclass(frozen=True)
class GammaDistributed(Positive):
    """Positive parameters: Gamma(shape, rate)."""

    shape: float
    rate: float

    def text(self, i: int) -> str:
        return f"Gamma({self.shape:.4g}, {self.rate:.4g})"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.full(len(self.labels), self.rate)

    def constants(self) -> tuple[object, ...]:
        return (self.shape,)

    def log_density(self, u: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        return (self.shape * u - hyper[:, None] * np.exp(u)).sum(axis=0)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.gamma(self.shape, 1 / self.rate, (n, len(self.labels)))


@dataclass(frozen=True)
class OrderedCutpoints(Variable):
    """Ascending cutpoints of a latent logistic or normal variable, by the induced Dirichlet(1) distribution.

    Where the probabilities of the categories are uniform on the simplex, the cutpoints' density is proportional to
    the product of the latent densities at them (Betancourt 2019, Ordinal regression, section 2.2): they are
    distributed as the order statistics of independent latent variables.
    """

    latent: Literal["logistic", "normal"]

    def text(self, i: int) -> str:
        return f"standard {self.latent}, in ascending order"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.zeros(len(self.labels))

    def constants(self) -> tuple[object, ...]:
        return (self.latent,)

    def unconstrained(self, natural: np.ndarray) -> np.ndarray:
        return np.concatenate([natural[:1], np.log(np.diff(natural, axis=0))])

    def constrained(self, u: np.ndarray) -> np.ndarray:
        return np.cumsum(np.concatenate([u[:1], np.exp(u[1:])]), axis=0)

    def log_density(self, u: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        c = self.constrained(u)
        latent = -0.5 * c**2 if self.latent == "normal" else log_expit(c) + log_expit(-c)
        return latent.sum(axis=0) + u[1:].sum(axis=0)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        size = (n, len(self.labels))
        return np.sort(
            rng.standard_normal(size) if self.latent == "normal" else rng.logistic(size=size), axis=1
        )

    def described(self) -> list[tuple[str, str]]:
        return [(self.name, "Dirichlet(1) on probabilities of the categories")]


@dataclass(frozen=True, eq=False)
class FamilyPrior:
    """Independent variables, and phi as a function of them.

    phi : (values, centre) -> {parameter: vector}: of the size that `Design.dispersion_levels` or the number of
    cutpoints gives it. `centre` is the linear predictor at the covariates' means, without the offset: cutpoints are
    counted from there.
    """

    variables: tuple[Variable, ...]
    phi: Callable[[Values, Any], dict[str, Any]]


def family_prior(
    family: Family, sizes: dict[str, int], priors: Priors, s: float, levels: tuple[object, ...] = ("",)
) -> FamilyPrior:
    """The prior of the parameters of `family`.

    sizes : elements of each parameter (`Family.sizes`). s : the outcome scale. levels : `Design.dispersion_levels`; of
    several, each has its own value of the parameters of kind 'scale' and 'positive'.
    """
    variables = tuple(_variable(p, family, sizes[p.name], priors, s, levels) for p in family.parameters)

    def phi(values: Values, centre: Any) -> dict[str, Any]:
        return {
            p.name: values[p.name] + centre if p.kind == "ordered" else values[p.name]
            for p in family.parameters
        }

    return FamilyPrior(variables, phi)


def _variable(
    parameter: Parameter, family: Family, size: int, priors: Priors, s: float, levels: tuple[object, ...]
) -> Variable:
    name = parameter.name
    if parameter.kind == "ordered":
        labels = tuple(f"{name}({i + 1})" for i in range(size))
        return OrderedCutpoints(name, labels, "normal" if family.link == "probit" else "logistic")
    if parameter.kind == "df":
        return GammaDistributed(name, (name,), 2.0, 0.1)  # Juarez and Steel (2010), JBES 28:52
    labels = (name,) if len(levels) == 1 else tuple(f"{name} | {level}" for level in levels)
    if parameter.kind == "unit":
        return StretchedBeta(name, labels, (1.0,) * len(labels), 0.0)
    scale = priors.sd_scale * s if parameter.kind == "scale" else 1.0
    return HalfT(name, labels, (float(scale),) * len(labels), priors.sd_df, (1.0,) * len(labels))
