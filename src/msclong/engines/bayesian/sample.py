"""The PyMC model of theta, compiled once for each shape, and its sampling by nutpie."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from os import cpu_count
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import pytensor
import pytensor.tensor as pt

from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.collapsed import CollapsedMoments
from msclong.engines.bayesian.collapsed_op import CollapsedLogLikelihood
from msclong.engines.bayesian.covariance_variables import (
    CovariancePrior,
    Gaussian,
    HalfT,
    LogNormal,
    StretchedBeta,
    Variable,
)
from msclong.engines.bayesian.jeffreys import Flat, PowerLaw
from msclong.errors import ConvergenceError

MOST_COMPILED = 8
"""Compiled models kept in this process; the least recently used goes first."""

_compiled: OrderedDict[tuple[object, ...], Any] = OrderedDict()


@dataclass(frozen=True, eq=False)
class ThetaDraws:
    """theta : (chains, draws, k) natural scale, in the units of the moments. divergences : after tuning."""

    theta: np.ndarray
    divergences: int


def sample_theta(
    structure: CovarianceStructure,
    prior: CovariancePrior,
    moments: CollapsedMoments,
    unit: float,
    *,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    target_accept: float,
    progress: bool,
) -> ThetaDraws:
    """Draws from p(theta | y) by the No-U-Turn sampler; moments are in units of `unit` outcome units."""
    compiled = _compile(structure, prior, moments, unit)
    try:
        trace = nutpie.sample(
            compiled,
            draws=draws,
            tune=tune,
            chains=chains,
            cores=min(chains, cpu_count() or 1),
            seed=seed,
            target_accept=target_accept,
            progress_bar=progress,
            save_warmup=False,
        )
    except RuntimeError as error:
        raise ConvergenceError(
            f"The sampler could not start or go on ({error}). Use a structure with fewer parameters (ar1h, cs), "
            "fewer random effects or tighter Priors; look for an outcome that hardly varies."
        ) from error
    values = {v.name: v.natural(trace.posterior[v.name].to_numpy()) for v in prior.variables}
    flat = {name: value.reshape(chains * draws, -1) for name, value in values.items()}
    theta = np.stack([prior.theta({n: v[i] for n, v in flat.items()}, np) for i in range(chains * draws)])
    return ThetaDraws(theta.reshape(chains, draws, -1), int(trace.sample_stats["diverging"].sum()))


def theta_model(
    structure: CovarianceStructure, prior: CovariancePrior, moments: CollapsedMoments, unit: float
) -> pm.Model:
    """The PyMC model: a prior for each variable, and the collapsed likelihood of theta.

    Data and hyperparameters enter as one `pm.Data` vector, so that a compiled model serves every outcome and prior of
    this shape (one vector, because each shared variable adds half a second to the compilation).
    """
    with pm.Model(check_bounds=False) as model:
        vector = pm.Data("data", packed(prior, moments, unit))
        hyperparameters, n, beta_prior, products = _unpacked(vector, prior, moments)
        values = {}
        start = 0
        for variable in prior.variables:
            end = start + len(variable.labels)
            values[variable.name] = variable.natural(_declare(variable, hyperparameters[start:end]))
            start = end
        sigma = structure.sigma(prior.theta(values, pt), moments.coords)
        pm.Potential(
            "log likelihood", CollapsedLogLikelihood()(sigma, moments.size, n, products, beta_prior)[0]
        )
    return model


def packed(prior: CovariancePrior, moments: CollapsedMoments, unit: float) -> np.ndarray:
    """Hyperparameters in units of the moments, then n, prior and products of the moments, as one vector."""
    hyperparameters = [variable.hyperparameters(unit) for variable in prior.variables]
    return np.concatenate([*hyperparameters, moments.n, moments.prior, moments.products.ravel()])


def _unpacked(vector: Any, prior: CovariancePrior, moments: CollapsedMoments) -> list[Any]:
    lengths = [sum(len(v.labels) for v in prior.variables), len(moments.n), len(moments.prior)]
    a, b, c = np.cumsum(lengths)
    return [vector[:a], vector[a:b], vector[b:c], vector[c:].reshape(moments.products.shape)]


def _declare(variable: Variable, hyper: Any) -> Any:
    """The variable as a PyMC random variable; chains start around one: the moments are in units of a residual SD."""
    name, size = variable.name, len(variable.labels)
    match variable:
        case HalfT():
            start = 1 / np.array(variable.per)
            return pm.HalfStudentT(name, nu=variable.df, sigma=hyper, shape=size, initval=start)
        case StretchedBeta():
            return pm.Beta(name, alpha=hyper, beta=hyper, shape=size, initval=np.full(size, 0.5))
        case LogNormal():
            return pm.LogNormal(
                name, mu=hyper, sigma=variable.sd, shape=size, initval=np.array(variable.median)
            )
        case Gaussian():
            return pm.Normal(name, 0.0, sigma=hyper, shape=size, initval=np.zeros(size))
        case Flat():
            return pm.Flat(name, shape=size, initval=np.zeros(size))
        case PowerLaw():
            log = pm.Flat(name, shape=size, initval=np.zeros(size))
            pm.Potential(f"prior of {name}", ((1 + hyper) * log).sum())
            return log
    raise TypeError(f"no PyMC distribution for {type(variable).__name__}")


def _compile(
    structure: CovarianceStructure, prior: CovariancePrior, moments: CollapsedMoments, unit: float
) -> Any:
    """The compiled model of this shape, with these data: from this process's store, or compiled now."""
    shapes = tuple((type(v), v.name, len(v.labels), v.constants()) for v in prior.variables)
    key = (
        structure,
        shapes,
        moments.coords.tobytes(),
        moments.size.tobytes(),
        moments.coords.shape,
        moments.products.shape,
    )
    if key in _compiled:
        _compiled.move_to_end(key)
        return _compiled[key].with_data(data=packed(prior, moments, unit))
    model = theta_model(structure, prior, moments, unit)
    # Without fast-math the code that is compiled and the code that is read back from disk give equal draws.
    with pytensor.config.change_flags(numba__fastmath=False):
        compiled = nutpie.compile_pymc_model(model)
    _compiled[key] = compiled
    if len(_compiled) > MOST_COMPILED:
        _compiled.popitem(last=False)
    return compiled
