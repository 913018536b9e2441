"""The posterior of a joint model whose changes are pooled: theta, and the changes' heterogeneity tau beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from msclong.engines.bayesian.gaussian.beta_priors import BetaPriors
from msclong.engines.bayesian.gaussian.collapsed_batch import CollapsedBatch, collapsed_batch
from msclong.engines.bayesian.gaussian.gaussian_posterior import GaussianPosterior
from msclong.engines.bayesian.joint.pooled_changes import PooledChanges
from msclong.engines.bayesian.priors.covariance_variables import Values, Variable
from msclong.errors import SpecError, listing


@dataclass(frozen=True, eq=False)
class PooledPriors(BetaPriors):
    """The prior of beta given tau: the rows that are pooled changes have variances tau^2 + shared.

    squares (C, W) : of all other rows. changes (G, W) : of the pooled rows of each kind, those with one variance, for a
    variance of one. shared, counts (G,) : of each kind.
    """

    tau: Variable
    changes: np.ndarray
    shared: np.ndarray
    counts: np.ndarray

    @property
    def variables(self) -> tuple[Variable, ...]:
        return (self.tau,)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        return self.log_weights, self.squares, self.changes, self.shared, self.counts

    def given(self, values: Values, arrays: Sequence[Any], xp: Any) -> tuple[Any, Any]:
        log_weights, squares, changes, shared, counts = arrays
        variances = values[self.tau.name] ** 2 + shared[:, None]
        log_det = (counts[:, None] * xp.log(variances)).sum(axis=0)
        return log_weights[:, None] - log_det / 2, squares[:, :, None] + changes.T @ (1 / variances)


@dataclass(frozen=True, eq=False)
class PooledPosterior(GaussianPosterior):
    """p(u, x | y), x = log(tau / scale of its prior) the last coordinate; given tau the prior of beta is normal.

    log_weights, squares : those at tau = scale.
    """

    pooled: PooledChanges
    given_tau: PooledPriors

    @property
    def beta_priors(self) -> BetaPriors:
        return self.given_tau

    def log_density(self, u: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            theta, log_prior = self.coordinates.theta_and_log_prior(u[:, :-1].T)
            log_prior = log_prior + self.pooled.log_prior(self._tau(u))
            log_weights, squares = self._prior(u)
            found = collapsed_batch(self.structure, theta, self.moments, squares).log_likelihood
        return np.asarray(log_prior + np.logaddexp.reduce(found + log_weights))

    def centred(self, u: np.ndarray) -> GaussianPosterior:
        coordinates, start = self.coordinates.centred(u[:-1])
        return replace(self, coordinates=coordinates, start=np.append(start, u[-1]))

    def theta(self, u: np.ndarray) -> np.ndarray:
        return super().theta(u[:, :-1])

    def collapsed(self, u: np.ndarray) -> CollapsedBatch:
        theta = self.coordinates.theta(u[:, :-1].T)
        return collapsed_batch(self.structure, theta, self.moments, self._prior(u)[1])

    def _tau(self, u: np.ndarray) -> np.ndarray:
        return np.asarray(self.pooled.heterogeneity.scale * np.exp(u[:, -1]))

    def _prior(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        prior = self.given_tau
        return prior.given({prior.tau.name: self._tau(u)}, prior.arrays, np)


def pooled_posterior(
    posterior: GaussianPosterior, pooled: PooledChanges, stated: Sequence[str] = ()
) -> PooledPosterior:
    """`posterior` with the prior of the changes replaced by the pooled one.

    stated : coefficients with a prior of their own; raises SpecError where pooling takes it away.
    """
    own = posterior.priors.components
    priors = replace(posterior.priors, components=pooled.given(pooled.heterogeneity.scale, own))
    gone = set(own[0][1].names) - set(priors.coefficients.names)
    if lost := [name for name in stated if name in gone]:
        raise SpecError(
            f"Priors.coefficients states a prior of {listing(map(repr, lost))}, which pooling replaces; leave it out."
        )
    M = sum(map(len, pooled.rows))
    each = priors.prior_rows(posterior.standardised)
    log_weights = np.array([weight for weight, _ in each])
    changes = each[0][1][:M] * priors.coefficients.sd[:M, None]
    shared, kind, counts = np.unique(pooled.shared_variances, return_inverse=True, return_counts=True)
    given_tau = PooledPriors(
        log_weights=log_weights,
        squares=np.stack([_squares(rows[M:]) for _, rows in each]),
        tau=pooled.tau,
        changes=np.stack([_squares(changes[kind == g]) for g in range(len(shared))]),
        shared=shared,
        counts=counts.astype(float),
    )
    inherited = {field.name: getattr(posterior, field.name) for field in fields(GaussianPosterior)}
    return PooledPosterior(
        **inherited
        | {
            "priors": priors,
            "log_weights": log_weights,
            "squares": np.stack([_squares(rows) for _, rows in each]),
            "start": np.append(posterior.start, 0.0),
        },
        pooled=pooled,
        given_tau=given_tau,
    )


def _squares(rows: np.ndarray) -> np.ndarray:
    """Half-vectorised cross-products (W,) of rows (m, q)."""
    return (rows.T @ rows)[np.tril_indices(rows.shape[1])]
