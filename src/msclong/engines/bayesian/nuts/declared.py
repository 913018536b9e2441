"""The variables of priors as PyMC random variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions import transforms

from msclong.engines.bayesian.priors.covariance_variables import (
    Gaussian,
    HalfNormal,
    HalfT,
    LogNormal,
    LogNormalSd,
    StretchedBeta,
    Variable,
    magnitudes,
)
from msclong.engines.bayesian.priors.family_priors import GammaDistributed, OrderedCutpoints
from msclong.engines.bayesian.priors.jeffreys import Flat, PowerLaw


def declare(variables: Sequence[Variable], hyperparameters: Any, larger: Any = 1.0) -> dict[str, Any]:
    """Each variable's values on the natural scale, by name, within a PyMC model.

    hyperparameters : one for each element of each variable, side by side. larger : cutpoints are so many times what
    is sampled.
    """
    values = {}
    start = 0
    for variable in variables:
        end = start + len(variable.labels)
        values[variable.name] = variable.natural(
            _random_variable(variable, hyperparameters[start:end], larger)
        )
        start = end
    return values


def hyperparameters(variables: Sequence[Variable], unit: float) -> np.ndarray:
    """What `declare` reads, where the outcome is counted in `unit`."""
    return np.concatenate([np.zeros(0), *(variable.hyperparameters(unit) for variable in variables)])


def shapes(variables: Sequence[Variable]) -> tuple[object, ...]:
    """What of the variables is compiled into a model."""
    return tuple((type(v), v.name, len(v.labels), v.constants()) for v in variables)


def _random_variable(variable: Variable, hyper: Any, larger: Any) -> Any:
    """Chains start around one: the model counts outcomes in units of a residual SD, or of the outcome scale."""
    name, size = variable.name, len(variable.labels)
    match variable:
        case HalfT():
            return pm.HalfStudentT(
                name, nu=variable.df, sigma=hyper, shape=size, initval=1 / np.array(magnitudes(variable.per))
            )
        case StretchedBeta():
            return pm.Beta(name, alpha=hyper, beta=hyper, shape=size, initval=np.full(size, 0.5))
        case HalfNormal():
            return pm.HalfNormal(
                name, sigma=hyper, shape=size, initval=1 / np.array(magnitudes(variable.per))
            )
        case LogNormalSd():
            return pm.LogNormal(
                name, mu=hyper, sigma=variable.sd, shape=size, initval=1 / np.array(magnitudes(variable.per))
            )
        case LogNormal():
            return pm.LogNormal(
                name, mu=hyper, sigma=variable.sd, shape=size, initval=np.array(magnitudes(variable.median))
            )
        case GammaDistributed():
            start = np.full(size, variable.shape / variable.rate)
            return pm.Gamma(name, alpha=variable.shape, beta=hyper, shape=size, initval=start)
        case OrderedCutpoints():
            return _cutpoints(variable, larger)
        case Gaussian():
            return pm.Normal(name, 0.0, sigma=hyper, shape=size, initval=np.zeros(size))
        case Flat():
            return pm.Flat(name, shape=size, initval=np.zeros(size))
        case PowerLaw():
            log = pm.Flat(name, shape=size, initval=np.zeros(size))
            pm.Potential(f"prior of {name}", ((1 + hyper) * log).sum())
            return log
    raise TypeError(f"no PyMC distribution for {type(variable).__name__}")


def _cutpoints(variable: OrderedCutpoints, larger: Any) -> Any:
    """Order statistics of latent variables."""
    size = len(variable.labels)
    share = np.arange(1, size + 1) / (size + 1)
    start = np.log(share / (1 - share))
    c = larger * pm.Flat(variable.name, shape=size, transform=transforms.ordered, initval=start)
    latent = -0.5 * c**2 if variable.latent == "normal" else -pt.softplus(c) - pt.softplus(-c)
    pm.Potential(f"prior of {variable.name}", latent.sum() + size * pt.log(larger))
    return c
