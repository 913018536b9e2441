"""The posterior of a Gaussian design: p(theta | y) with beta integrated out, and beta given theta."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from msclong.covariance.batch import batched
from msclong.covariance.structure import CovarianceStructure
from msclong.design.cross_moments import CrossMoments
from msclong.design.design import Design
from msclong.engines.bayesian.gaussian.beta_priors import BetaPriors
from msclong.engines.bayesian.gaussian.collapsed import CollapsedMoments, collapse
from msclong.engines.bayesian.gaussian.collapsed_batch import (
    CollapsedBatch,
    collapsed_batch,
    most_at_once,
    numbers,
)
from msclong.engines.bayesian.gaussian.rotated import rotated
from msclong.engines.bayesian.importance.covariance_coordinates import CovarianceCoordinates, coordinates_at
from msclong.engines.bayesian.priors.model_priors import ModelPriors, model_priors
from msclong.likelihood.residual_scatter import residual_scatter
from msclong.likelihood.standardised import Standardised, standardise


@dataclass(frozen=True, eq=False)
class GaussianPosterior:
    """p(u | y) of the unconstrained coordinates u of theta, in the units of the standardised moments.

    moments : hold the first component of beta's prior. log_weights (C,), squares (C, W) : of all its components, as
    `collapsed_batch` takes them. start : (k,), u near the data's moments.
    """

    structure: CovarianceStructure
    standardised: Standardised
    priors: ModelPriors
    moments: CollapsedMoments
    log_weights: np.ndarray
    squares: np.ndarray
    coordinates: CovarianceCoordinates
    start: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """The p coefficients."""
        return self.standardised.moments.names[:-1]

    @property
    def beta_priors(self) -> BetaPriors:
        """The prior of beta, as the PyMC model takes it."""
        return BetaPriors(self.log_weights, self.squares)

    @property
    def numbers(self) -> int:
        """Numbers that the likelihood needs for each row of u."""
        return numbers(self.moments, len(self.squares))

    @property
    def at_once(self) -> int:
        """Rows of u that one pass may take."""
        return most_at_once(self.moments, len(self.squares))

    def log_density(self, u: np.ndarray) -> np.ndarray:
        """log p(u | y) up to a constant, (S, k) -> (S,)."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # far out: density zero
            theta, log_prior = self.coordinates.theta_and_log_prior(u.T)
        found = collapsed_batch(self.structure, theta, self.moments, self.squares).log_likelihood
        found = found + self.log_weights[:, None]
        return np.asarray(log_prior + np.logaddexp.reduce(found))

    def centred(self, u: np.ndarray) -> GaussianPosterior:
        """The same in coordinates around u (k,), where that makes a difference."""
        coordinates, start = self.coordinates.centred(u)
        return replace(self, coordinates=coordinates, start=start)

    def theta(self, u: np.ndarray) -> np.ndarray:
        """theta (S, k) at the rows of u, in outcome units."""
        return self.in_outcome_units(self.coordinates.theta(u.T).T)

    def in_outcome_units(self, theta: np.ndarray) -> np.ndarray:
        """theta (S, k) from the units of the moments."""
        return batched(lambda one: self.structure.scale(one, self.standardised.scale), theta.T).T

    def coefficients(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of beta given u, in outcome units: shares (S, C), means (S, C, p), roots of covariances (S, C, p, p)."""
        parts = []
        for i in range(0, len(u), self.at_once):
            found = self.collapsed(u[i : i + self.at_once])
            mean, root = found.coefficients()
            parts.append(
                (found.shares(self.log_weights).T, mean.transpose(2, 0, 1), root.transpose(2, 3, 0, 1))
            )
        # The draws last: one product of matrices serves them all, here and in every table.
        shares, means, roots = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
        back = self.standardised.scale * self.standardised.back
        means = np.tensordot(back, means, 1) + self.standardised.ols[:, None, None]
        return shares.T, means.T, np.tensordot(back, roots, 1).transpose(3, 2, 0, 1)

    def collapsed(self, u: np.ndarray) -> CollapsedBatch:
        """The collapsed likelihood at the rows of u."""
        return collapsed_batch(self.structure, self.coordinates.theta(u.T), self.moments, self.squares)


def gaussian_posterior(design: Design) -> GaussianPosterior:
    """The posterior of a design.

    Raises DesignError where the mean fits the outcome without error or the posterior is improper, EngineError for too
    many distinct patterns.
    """
    return posterior_of(design.structure, design.moments, model_priors(design))


def posterior_of(
    structure: CovarianceStructure, moments: CrossMoments, priors: ModelPriors
) -> GaussianPosterior:
    """The posterior of the model of `moments` with this covariance and these priors; raises as `gaussian_posterior`."""
    standardised = standardise(moments)
    components = priors.prior_rows(standardised)
    lower = np.tril_indices(standardised.moments.n_fixed + 1)
    theta = structure.start(residual_scatter(standardised.moments))
    coordinates, start = coordinates_at(priors.covariance, standardised.scale, theta)
    return GaussianPosterior(
        structure=structure,
        standardised=standardised,
        priors=priors,
        moments=collapse(rotated(structure, standardised.moments), components[0][1]),
        log_weights=np.array([log_weight for log_weight, _ in components]),
        squares=np.stack([(rows.T @ rows)[lower] for _, rows in components]),
        coordinates=coordinates,
        start=start,
    )
