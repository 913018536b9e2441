"""Counts of events whose rates vary more than the model's covariates and subject effects tell."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.special import polygamma

from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Eta, Parameter, Phi
from msclong.families.poisson import Poisson, counts
from msclong.families.stirling import stirling

RATE_CV = "coefficient of variation of the rate"


class NegativeBinomial(Poisson):
    """y ~ Poisson whose rate is gamma distributed with mean exp(eta) and coefficient of variation cv.

    The variance is mu + cv^2 mu^2 (R's size is 1 / cv^2); cv = 0 is Poisson.
    """

    keyword: ClassVar[str] = "negative_binomial"
    description: ClassVar[str] = "negative binomial with mean exp(linear predictor)"
    parameters = (Parameter(RATE_CV, "positive"),)

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        y, size = data["y"], phi[RATE_CV] ** -2
        total = y + size
        # Gamma(y + size) / (Gamma(size) size^y) without its leading terms' cancellation.
        rising = (total - 0.5) * xp.log1p(y / size) - y + stirling(total, xp) - stirling(size, xp)
        return rising - xp.gammaln(y + 1) + y * eta[0] - total * xp.softplus(eta[0] - xp.log(size))

    def latent_variance(self, phi: Phi, mean: np.ndarray) -> np.ndarray:
        return np.asarray(polygamma(1, 1 / (1 / mean + phi[RATE_CV] ** 2)))

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        variance = phi[RATE_CV] ** 2
        return counts(rng.gamma(1 / variance, variance * np.exp(eta[0])), rng)
