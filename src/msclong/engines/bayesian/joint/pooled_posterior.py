"""The posterior of a joint model whose changes are pooled: theta, and the changes' heterogeneity tau beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from msclong.engines.bayesian.gaussian.collapsed_batch import CollapsedBatch, collapsed_batch
from msclong.engines.bayesian.gaussian.gaussian_posterior import GaussianPosterior
from msclong.engines.bayesian.joint.pooled_changes import PooledChanges
from msclong.errors import SpecError, listing


@dataclass(frozen=True, eq=False)
class PooledPosterior(GaussianPosterior):
    """p(u, x | y), x = log(tau / scale of its prior) the last coordinate; given tau the prior of beta is normal.

    first (G,) : the first row of each kind of the prior's pooled rows, those of a kind having one SD. changes (G, W) :
    the squares of the rows of each kind for an SD of one. kept (C, W) : the squares of all other rows. log_weights,
    squares : those at tau = scale.
    """

    pooled: PooledChanges
    first: np.ndarray
    changes: np.ndarray
    kept: np.ndarray

    def log_density(self, u: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            theta, log_prior = self.coordinates.theta_and_log_prior(u[:, :-1].T)
            sds = self._sds(u)
            log_prior = log_prior + self.pooled.log_prior(u[:, -1]) - np.log(sds).sum(axis=1)
            found = self._collapsed(theta, sds).log_likelihood + self.log_weights[:, None]
        return np.asarray(log_prior + np.logaddexp.reduce(found))

    def centred(self, u: np.ndarray) -> GaussianPosterior:
        coordinates, start = self.coordinates.centred(u[:-1])
        return replace(self, coordinates=coordinates, start=np.append(start, u[-1]))

    def theta(self, u: np.ndarray) -> np.ndarray:
        return super().theta(u[:, :-1])

    def collapsed(self, u: np.ndarray) -> CollapsedBatch:
        return self._collapsed(self.coordinates.theta(u[:, :-1].T), self._sds(u))

    def _sds(self, u: np.ndarray) -> np.ndarray:
        return self.pooled.sds(self.pooled.heterogeneity.scale * np.exp(u[:, -1]))

    def _collapsed(self, theta: np.ndarray, sds: np.ndarray) -> CollapsedBatch:
        changes = self.changes.T @ (1 / sds[:, self.first].T ** 2)
        return collapsed_batch(self.structure, theta, self.moments, self.kept[:, :, None] + changes)


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
    rows = each[0][1][:M] * priors.coefficients.sd[:M, None]
    _, first, kind = np.unique(pooled.sds(np.zeros(())), return_index=True, return_inverse=True)
    inherited = {field.name: getattr(posterior, field.name) for field in fields(GaussianPosterior)}
    return PooledPosterior(
        **inherited
        | {
            "priors": priors,
            "log_weights": np.array([weight for weight, _ in each]),
            "squares": np.stack([_squares(rows) for _, rows in each]),
            "start": np.append(posterior.start, 0.0),
        },
        pooled=pooled,
        first=first,
        changes=np.stack([_squares(rows[kind == g]) for g in range(len(first))]),
        kept=np.stack([_squares(full[M:]) for _, full in each]),
    )


def _squares(rows: np.ndarray) -> np.ndarray:
    """Half-vectorised cross-products (W,) of rows (m, q)."""
    return (rows.T @ rows)[np.tril_indices(rows.shape[1])]
