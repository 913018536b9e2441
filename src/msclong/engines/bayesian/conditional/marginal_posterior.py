"""The posterior of a conditional model's parameters with the random effects integrated out, in coordinates u."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from msclong.design.design import Design
from msclong.engines.bayesian.conditional.attenuation import Attenuation, attenuation
from msclong.engines.bayesian.conditional.marginal_likelihood import likelihood_of
from msclong.engines.bayesian.conditional.standardised_means import StandardisedMeans, standardised_means
from msclong.engines.bayesian.conditional.subject_likelihood import ByPoints, SubjectLikelihood
from msclong.engines.bayesian.importance.covariance_coordinates import CovarianceCoordinates, coordinates_at
from msclong.engines.bayesian.priors.conditional_priors import ConditionalPriors
from msclong.engines.bayesian.priors.family_priors import FamilyPrior, OrderedCutpoints
from msclong.engines.bayesian.priors.model_priors import CoefficientPrior, log_prior_of_coefficients
from msclong.errors import ConvergenceError

PRIOR_DRAWS = 1001
"""Draws whose median is where phi and theta start."""

MANY = 0.3
"""Share of censored outcomes above which a covariance matrix is nearer to its prior, by SDs and correlations, than to a
Wishart distribution: of 16 subjects with us over four visits, half of the outcomes censored, 0.46 in place of 0.08 of
the draws were effective."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """S values of all parameters: coefficients (S, p_m) by predictor, phi (S, size) by name, theta (S, k)."""

    coefficients: tuple[np.ndarray, ...]
    phi: dict[str, np.ndarray]
    theta: np.ndarray


@dataclass(frozen=True, eq=False)
class MarginalPosterior:
    """log p(u | y) up to a constant.

    u = (gamma of each predictor, unconstrained coordinates of phi, those of theta); beta = origin + back gamma, with
    origin (p,) the centre of the prior and X back (N, p) orthogonal, its columns of length s, the outcome scale. Where
    there is an attenuation, beta and the cutpoints are larger than those at u by its factors; `standardised` likewise.

    means : the covariates' means, which cutpoints are counted from. n_nodes : of the likelihood (None: its default).
    """

    likelihood: SubjectLikelihood
    origin: tuple[np.ndarray, ...]
    back: tuple[np.ndarray, ...]
    means: np.ndarray
    coefficients: tuple[Sequence[tuple[float, CoefficientPrior]], ...]
    family: FamilyPrior
    covariance: CovarianceCoordinates
    start: np.ndarray
    attenuation: Attenuation | None = None
    standardised: StandardisedMeans | None = None
    n_nodes: int | None = None

    def log_density(self, u: np.ndarray) -> np.ndarray:
        """(S,) of u (S, k); -inf where it is not a number. Raises ConvergenceError where nothing can be computed."""
        try:
            with np.errstate(all="ignore"):  # far out parameters overflow
                parameters, log_prior = self._parameters(u)
                log_likelihood = self.likelihood.log_likelihood(
                    parameters.coefficients, parameters.phi, parameters.theta, self.n_nodes
                )
                value = log_prior + log_likelihood.sum(axis=1)
        except np.linalg.LinAlgError as error:
            raise ConvergenceError(
                f"The posterior density cannot be evaluated far from the data ({error}). Use "
                "Bayesian(sampler='nuts') or tighter Priors."
            ) from error
        return np.where(np.isnan(value), -np.inf, value)

    def parameters(self, u: np.ndarray) -> Parameters:
        """The parameters at u (S, k)."""
        return self._parameters(u)[0]

    def _parameters(self, u: np.ndarray) -> tuple[Parameters, np.ndarray]:
        """The parameters at u (S, k), and the log of the prior density of u, (S,)."""
        own = sum(map(len, self.back)) + sum(len(v.labels) for v in self.family.variables)
        theta, log_prior = self.covariance.theta_and_log_prior(u[:, own:].T)
        s = np.ones(len(u))
        if self.attenuation is not None:
            larger, s = self.attenuation.factors(theta.T)
        coefficients = []
        start = 0
        for origin, back, prior in zip(self.origin, self.back, self.coefficients, strict=True):
            end = start + len(back)
            beta = origin + u[:, start:end] @ back.T
            if self.attenuation is not None:
                beta = (larger @ beta[..., None])[..., 0]
                log_prior = log_prior + np.linalg.slogdet(larger)[1]
            if self.standardised is not None:
                beta, volume = self.standardised.coefficients(theta.T, beta)
                log_prior = log_prior + volume
            coefficients.append(beta)
            log_prior = log_prior + log_prior_of_coefficients(prior, beta)
            start = end
        values = {}
        for variable in self.family.variables:
            end = start + len(variable.labels)
            v = u[:, start:end].T
            if isinstance(variable, OrderedCutpoints):
                v = np.concatenate([s * v[:1], np.log(s) + v[1:]])
                log_prior = log_prior + np.log(s)
            values[variable.name] = variable.constrained(v).T
            log_prior = log_prior + variable.log_density(v, variable.hyperparameters(1.0))
            start = end
        phi = self.family.phi(values, (coefficients[0] @ self.means)[:, None])
        return Parameters(tuple(coefficients), phi, theta.T), log_prior


def marginal_posterior(
    design: Design, priors: ConditionalPriors, rng: np.random.Generator
) -> MarginalPosterior:
    """The marginal posterior of a conditional design; see `likelihood_of`.

    Coefficients start where their priors lie, other parameters at the median of draws from their priors.
    """
    likelihood = likelihood_of(design)
    means = [X.mean(axis=0) for X in likelihood.X]
    # Without an intercept the cutpoints take up the covariates' means.
    centre = 0.0 if design.family.has_intercept else means[0]
    unit = priors.outcome_scale
    # Quadrature serves random effects, about which a subject's rows tell enough: they gain nothing by it.
    by_points = isinstance(likelihood, ByPoints)
    start = [np.zeros(X.shape[1]) for X in likelihood.X]
    start += [
        variable.unconstrained(np.median(variable.draw(PRIOR_DRAWS, rng), axis=0))
        for variable in priors.family.variables
    ]
    middle = {v.name: np.median(v.draw(PRIOR_DRAWS, rng), axis=0) for v in priors.covariance.variables}
    prior = priors.covariance
    if design.censored_normal and np.mean(design.observation["censored"] != 0) > MANY:
        prior = replace(prior, matrices=())
    covariance, u = coordinates_at(prior, 1.0, prior.theta(middle, np))
    return MarginalPosterior(
        likelihood=likelihood,
        origin=tuple(np.linalg.solve(c[0][1].K, c[0][1].location) for c in priors.coefficients),
        back=tuple(unit * np.linalg.inv(np.linalg.qr(X - centre, mode="r")) for X in likelihood.X),
        means=means[0],
        coefficients=priors.coefficients,
        family=priors.family,
        covariance=covariance,
        start=np.concatenate([*start, u]),
        attenuation=attenuation(likelihood.rows, likelihood.X, likelihood.structure) if by_points else None,
        standardised=standardised_means(likelihood.rows, likelihood.X[0], likelihood.structure, unit)
        if design.censored_normal
        else None,
    )
