"""The PyMC model of theta, the covariance parameters of a Gaussian model, and its sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.gaussian.beta_priors import BetaPriors
from msclong.engines.bayesian.gaussian.collapsed import CollapsedMoments
from msclong.engines.bayesian.gaussian.collapsed_op import CollapsedLogLikelihood
from msclong.engines.bayesian.gaussian.gaussian_posterior import GaussianPosterior
from msclong.engines.bayesian.nuts.compiled import compiled_model, sample, step_stats
from msclong.engines.bayesian.nuts.declared import declare, hyperparameters, shapes
from msclong.engines.bayesian.priors.covariance_variables import CovariancePrior, Variable


@dataclass(frozen=True, eq=False)
class ThetaDraws:
    """Draws on the natural scale, and `stats` of the steps, see `step_stats`.

    theta : (chains, draws, k), in the units of the moments. of_beta : of beta's prior, (m, chains * draws) each.
    """

    theta: np.ndarray
    of_beta: dict[str, np.ndarray]
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

    beta_priors : None takes the one of the moments.
    """
    beta = _of_beta(moments, beta_priors)
    trace = sample(
        _compile(structure, prior, moments, unit, beta, progress),
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        target_accept=target_accept,
        progress=progress,
    )

    def natural(variable: Variable) -> np.ndarray:
        drawn = trace.posterior[variable.name].to_numpy()
        return np.asarray(variable.natural(drawn).reshape(chains * draws, -1))

    flat = {v.name: natural(v) for v in prior.variables}
    theta = np.stack([prior.theta({n: v[i] for n, v in flat.items()}, np) for i in range(chains * draws)])
    of_beta = {v.name: natural(v).T for v in beta.variables}
    return ThetaDraws(theta.reshape(chains, draws, -1), of_beta, step_stats(trace))


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
    of beta the likelihood is the weighted sum of those under its components. What the prior of beta depends on is
    declared too.
    """
    beta = _of_beta(moments, beta_priors)
    with pm.Model(check_bounds=False) as model:
        arrays = _arrays(prior, moments, unit, beta)
        vector = pm.Data("data", packed(arrays))
        hyper, hyper_of_beta, n, products, *rest = _unpacked(vector, arrays)
        of_prior, of_beta = rest[: len(prior.data)], rest[len(prior.data) :]
        values = {**declare(prior.variables, hyper), **dict(zip(prior.data, of_prior, strict=True))}
        log_weights, squares = beta.given(declare(beta.variables, hyper_of_beta), of_beta, pt)
        sigma = structure.sigma(prior.theta(values, pt), moments.coords)
        terms = [
            log_weights[c] + CollapsedLogLikelihood()(sigma, moments.size, n, products, squares[c].ravel())[0]
            for c in range(len(beta.log_weights))
        ]
        pm.Potential("log likelihood", terms[0] if len(terms) == 1 else pt.logsumexp(pt.stack(terms)))
    return model


def model_of(posterior: GaussianPosterior) -> pm.Model:
    """The PyMC model of a posterior."""
    return theta_model(
        posterior.structure,
        posterior.priors.covariance,
        posterior.moments,
        posterior.standardised.scale,
        posterior.beta_priors,
    )


def packed(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """All numbers that a model of one shape does not compile in, as one vector."""
    return np.concatenate([np.ravel(one) for one in arrays])


def _of_beta(moments: CollapsedMoments, beta_priors: BetaPriors | None) -> BetaPriors:
    return BetaPriors(np.zeros(1), moments.prior[None]) if beta_priors is None else beta_priors


def _arrays(
    prior: CovariancePrior, moments: CollapsedMoments, unit: float, beta: BetaPriors
) -> tuple[np.ndarray, ...]:
    """Hyperparameters in units of the moments, those of beta's prior, subjects, products; data of both priors."""
    return (
        hyperparameters(prior.variables, unit),
        hyperparameters(beta.variables, 1.0),
        moments.n,
        moments.products,
        *prior.data.values(),
        *beta.arrays,
    )


def _unpacked(vector: Any, arrays: Sequence[np.ndarray]) -> list[Any]:
    ends = np.cumsum([one.size for one in arrays])
    return [vector[end - one.size : end].reshape(one.shape) for one, end in zip(arrays, ends, strict=True)]


def _compile(
    structure: CovarianceStructure,
    prior: CovariancePrior,
    moments: CollapsedMoments,
    unit: float,
    beta: BetaPriors,
    progress: bool,
) -> Any:
    """The compiled model of this shape, with these data: from this process's store, or compiled now."""
    arrays = _arrays(prior, moments, unit, beta)
    key = (
        structure,
        shapes(prior.variables),
        shapes(beta.variables),
        moments.coords.tobytes(),
        moments.size.tobytes(),
        moments.coords.shape,
        *(one.shape for one in arrays),
    )
    return compiled_model(
        key,
        lambda: theta_model(structure, prior, moments, unit, beta),
        {"data": packed(arrays)},
        progress,
    )
