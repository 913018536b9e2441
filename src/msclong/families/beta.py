"""Proportions between 0 and 1, both excluded."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit, polygamma

from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Effect, Eta, Family, Parameter, Phi
from msclong.families.proportions import refuse_no_proportions
from msclong.families.stirling import HALF_LOG_2PI, stirling

NARROW = 1e4
"""The precision from which on the density is written without cancellation, which takes twice as long: up to here 1e-11
of it is lost at most."""

LEAST = 1e-300
"""Added to means, whose logarithm is exact, so that none is zero."""


class Beta(Family):
    """y ~ Beta with mean mu = expit(eta) and variance mu (1 - mu) dispersion^2.

    Ferrari and Cribari-Neto (2004), J Applied Statistics 31:799, whose precision is 1 / dispersion^2 - 1. At a
    dispersion of one all mass lies at 0 and 1.
    """

    keyword: ClassVar[str] = "beta"
    description: ClassVar[str] = "beta, the logit of the mean being the linear predictor"
    link = "logit"
    parameters: tuple[Parameter, ...] = (Parameter("dispersion", "unit"),)
    effects: ClassVar[tuple[Effect, ...]] = (
        "difference",
        "odds-ratio",
        "ratio",
        "link",
        "conditional-odds-ratio",
    )

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        y, precision = data["y"], _precision(phi)
        log_mean, log_rest = -xp.softplus(-eta[0]), -xp.softplus(eta[0])
        mean, rest = xp.exp(log_mean) + LEAST, xp.exp(log_rest) + LEAST
        a, b = precision * mean, precision * rest
        if not xp.may_exceed(precision, NARROW):
            constant = xp.gammaln(precision) - xp.gammaln(a) - xp.gammaln(b)
            return constant + (a - 1) * xp.log(y) + (b - 1) * xp.log1p(-y)
        constant = stirling(precision, xp) - stirling(a, xp) - stirling(b, xp)
        normal = 0.5 * (xp.log(precision) + log_mean + log_rest) - HALF_LOG_2PI
        away = a * _log_excess(y, mean, log_mean, xp) + b * _log_excess(1 - y, rest, log_rest, xp)
        return constant + normal + away - xp.log(y) - xp.log1p(-y)

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return np.asarray(expit(eta[0]))

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        precision = _precision(phi)
        return rng.beta(precision * expit(eta[0]), precision * expit(-eta[0]))

    def latent_variance(self, phi: Phi, mean: np.ndarray) -> np.ndarray:
        """Of the logit."""
        precision = _precision(phi)
        return np.asarray(polygamma(1, precision * mean) + polygamma(1, precision * (1 - mean)))

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        refuse_no_proportions(data["y"], outcome, rows, self.keyword)


def _log_excess(x: Array, m: Array, log_m: Array, xp: Arrays) -> Array:
    """log(x / m) - x / m + 1, zero at x = m and there without cancellation; log_m = log(m)."""
    t = (x - m) / m
    return xp.where(t > -0.5, xp.log1p(xp.maximum(t, -0.5)), xp.log(x) - log_m) - t


def _precision(phi: Phi) -> Array:
    dispersion = phi["dispersion"]
    return (1 - dispersion) * (1 + dispersion) / dispersion**2
