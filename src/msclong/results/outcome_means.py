"""Posterior draws of marginal means on the outcome's own scale, subjects' effects integrated out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from msclong.contrasts.mean_contrasts import MeanContrasts
from msclong.covariance.batch import batched_sigma
from msclong.design.cells import completed, dispersion_of
from msclong.design.design import Design
from msclong.families.family import Eta, Phi
from msclong.families.transformed_gaussian import TransformedGaussian
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.latent_average import MOST_VALUES, latent_average
from msclong.results.posterior_draws import PosteriorDraws

Value = Callable[[Eta, Phi], np.ndarray]
"""What is averaged: a function of the linear predictors and the family's parameters, elementwise."""


@dataclass(eq=False)
class OutcomeScale:
    """The posterior of a design's cells on the outcome's scale.

    A cell's value is E f(x'beta + u) over new subjects' effects u ~ N(0, Sigma of the cell), at every draw. Sigma is
    computed once for cells with equal coordinates.
    """

    design: Design
    estimate: PosteriorDraws
    _covariances: dict[bytes, np.ndarray] = field(default_factory=dict)

    def means(self, asked: MeanContrasts, of: Value | None = None) -> np.ndarray:
        """Draws (chains, draws, M) of the weighted means over cells; `of` as for `cells`."""
        chains, draws = self.estimate.draws.shape[:2]
        total, size = np.zeros((chains * draws, len(asked.weights))), max(1, MOST_VALUES // (chains * draws))
        for batch, weights in asked.batches():
            for part in range(0, len(batch), size):
                chosen = slice(part, part + size)
                total += self.cells(batch.iloc[chosen], of) @ weights[:, chosen].T
        return total.reshape(chains, draws, -1)

    def cells(
        self, cells: pd.DataFrame, of: Value | None = None, offset: np.ndarray | None = None
    ) -> np.ndarray:
        """Draws (S, G) of the value of each of G rows of covariates; of a rate, per unit of exposure without `offset`.

        of : what is averaged in place of the outcome's mean; a function of the last linear predictor.
        """
        cells = completed(self.design, cells)
        eta = self._linear_predictors(cells)
        if offset is not None:
            eta = (eta[0] + offset, *eta[1:])
        phi = {}
        if isinstance(self.estimate, ConditionalDraws):
            phi = self.estimate.phi_of(dispersion_of(self.design, cells))
        covariance = self._covariance(cells)
        family = self.design.family
        if of is None and isinstance(family, TransformedGaussian):
            # The residual is normal on the scale of the latent effects, whether it is part of Sigma or of phi.
            if "residual sd" in phi:
                covariance = covariance + phi["residual sd"][..., None, None] ** 2
            return latent_average(lambda x, _: family.outcome(x[0]), eta, covariance, family.link == "log")
        if of is None and family.link == "identity":
            return eta[0]

        def value(x: Eta, draws: np.ndarray) -> np.ndarray:
            # Parameters get an axis for the nodes, where there are any.
            at = {
                name: values[draws].reshape(len(draws), *(1,) * (x[0].ndim - 2), -1)
                for name, values in phi.items()
            }
            return family.mean(x, at, {}) if of is None else of(x, at)

        return latent_average(value, eta, covariance, of is None and family.link == "log")

    def _linear_predictors(self, cells: pd.DataFrame) -> Eta:
        eta = self.estimate.flat @ self.design.fixed.matrix(cells).T
        if not isinstance(self.estimate, ConditionalDraws) or self.estimate.flat_zero is None:
            return (eta,)
        assert self.design.zero is not None  # hurdle families have both
        return eta, self.estimate.flat_zero @ self.design.zero.matrix(cells).T

    def _covariance(self, cells: pd.DataFrame) -> np.ndarray:
        """Sigma of the linear predictors of each draw and cell, (S, G, m, m)."""
        coords = self.design.latent_coords(cells)
        distinct, where = np.unique(coords, axis=0, return_inverse=True)
        each = []
        for one in distinct:
            if (key := one.tobytes()) not in self._covariances:
                theta = self.estimate.flat_theta.T
                self._covariances[key] = batched_sigma(self.design.structure, theta, one[None])[0]
            each.append(self._covariances[key])
        return np.stack(each)[where.reshape(-1)].transpose(3, 0, 1, 2)
