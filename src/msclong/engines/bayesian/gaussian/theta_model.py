"""The PyMC model of theta, the covariance parameters of a Gaussian model, and its sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.gaussian.collapsed import CollapsedMoments
from msclong.engines.bayesian.gaussian.collapsed_op import CollapsedLogLikelihood
from msclong.engines.bayesian.nuts.compiled import compiled_model, sample, step_stats
from msclong.engines.bayesian.nuts.declared import declare, hyperparameters, shapes
from msclong.engines.bayesian.priors.covariance_variables import CovariancePrior

BetaPriors = tuple[np.ndarray, np.ndarray]
"""Log weights (C,), constants included, and half-vectorised squares (C, W) of the components of beta's prior."""


@dataclass(frozen=True, eq=False)
class ThetaDraws:
    """theta : (chains, draws, k) natural scale, in the units of the moments. stats : of the steps, see `step_stats`."""

    theta: np.ndarray
    stats: dict[str, np.ndarray]


def sample_theta(
    structure: CovarianceStructure,
    prior: CovariancePrior,
    moments: CollapsedMoments,
    unit: float,
    beta_priors: BetaPriors | None = None,
    *,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    target_accept: float,
    progress: bool,
) -> ThetaDraws:
    """Draws from p(theta | y) by the No-U-Turn sampler; moments are in units of `unit` outcome units.

    beta_priors : the components of a mixture prior of beta; None takes the one of the moments.
    """
    trace = sample(
        _compile(structure, prior, moments, unit, _mixture(moments, beta_priors), progress),
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        target_accept=target_accept,
        progress=progress,
    )
    values = {v.name: v.natural(trace.posterior[v.name].to_numpy()) for v in prior.variables}
    flat = {name: value.reshape(chains * draws, -1) for name, value in values.items()}
    theta = np.stack([prior.theta({n: v[i] for n, v in flat.items()}, np) for i in range(chains * draws)])
    return ThetaDraws(theta.reshape(chains, draws, -1), step_stats(trace))


def theta_model(
    structure: CovarianceStructure,
    prior: CovariancePrior,
    moments: CollapsedMoments,
    unit: float,
    beta_priors: BetaPriors | None = None,
) -> pm.Model:
    """The PyMC model: a prior for each variable, and the collapsed likelihood of theta.

    Data and hyperparameters enter as one `pm.Data` vector, so that a compiled model serves every outcome and prior of
    this shape (one vector, because each shared variable adds half a second to the compilation). Under a mixture prior
    of beta the likelihood is the weighted sum of those under its components.
    """
    mixture = _mixture(moments, beta_priors)
    with pm.Model(check_bounds=False) as model:
        vector = pm.Data("data", packed(prior, moments, unit, mixture))
        hyper, n, log_weights, beta_prior, products = _unpacked(vector, prior, moments, mixture)
        values = declare(prior.variables, hyper)
        sigma = structure.sigma(prior.theta(values, pt), moments.coords)
        terms = [
            log_weights[c] + CollapsedLogLikelihood()(sigma, moments.size, n, products, beta_prior[c])[0]
            for c in range(len(mixture[0]))
        ]
        pm.Potential("log likelihood", terms[0] if len(terms) == 1 else pt.logsumexp(pt.stack(terms)))
    return model


def packed(prior: CovariancePrior, moments: CollapsedMoments, unit: float, mixture: BetaPriors) -> np.ndarray:
    """Hyperparameters in units of the moments, n, log weights and priors of beta, and products, as one vector."""
    hyper = hyperparameters(prior.variables, unit)
    return np.concatenate([hyper, moments.n, *map(np.ravel, mixture), moments.products.ravel()])


def _mixture(moments: CollapsedMoments, beta_priors: BetaPriors | None) -> BetaPriors:
    return (np.zeros(1), moments.prior[None]) if beta_priors is None else beta_priors


def _unpacked(
    vector: Any, prior: CovariancePrior, moments: CollapsedMoments, mixture: BetaPriors
) -> list[Any]:
    lengths = [sum(len(v.labels) for v in prior.variables), len(moments.n), *(part.size for part in mixture)]
    a, b, c, d = np.cumsum(lengths)
    return [
        vector[:a],
        vector[a:b],
        vector[b:c],
        vector[c:d].reshape(mixture[1].shape),
        vector[d:].reshape(moments.products.shape),
    ]


def _compile(
    structure: CovarianceStructure,
    prior: CovariancePrior,
    moments: CollapsedMoments,
    unit: float,
    mixture: BetaPriors,
    progress: bool,
) -> Any:
    """The compiled model of this shape, with these data: from this process's store, or compiled now."""
    key = (
        structure,
        shapes(prior.variables),
        moments.coords.tobytes(),
        moments.size.tobytes(),
        moments.coords.shape,
        moments.products.shape,
        mixture[1].shape,
    )
    return compiled_model(
        key,
        lambda: theta_model(structure, prior, moments, unit, mixture),
        {"data": packed(prior, moments, unit, mixture)},
        progress,
    )
