"""Proportions between 0 and 1, both excluded."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit

from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Effect, Eta, Family, Parameter, Phi
from msclong.families.proportions import refuse_no_proportions


class Beta(Family):
    """y ~ Beta with mean mu = expit(eta) and variance mu (1 - mu) dispersion^2.

    Ferrari and Cribari-Neto (2004), J Applied Statistics 31:799, whose precision is 1 / dispersion^2 - 1. At a
    dispersion of one all mass lies at 0 and 1.
    """

    keyword: ClassVar[str] = "beta"
    description: ClassVar[str] = "beta, the logit of the mean being the linear predictor"
    link = "logit"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("dispersion", "unit"),)
    effects: ClassVar[tuple[Effect, ...]] = ("difference", "odds-ratio", "ratio", "link")

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        y, precision = data["y"], _precision(phi)
        a = precision * xp.exp(-xp.softplus(-eta[0]))
        b = precision * xp.exp(-xp.softplus(eta[0]))
        constant = xp.gammaln(precision) - xp.gammaln(a) - xp.gammaln(b)
        return constant + (a - 1) * xp.log(y) + (b - 1) * xp.log1p(-y)

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return np.asarray(expit(eta[0]))

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        precision = _precision(phi)
        return rng.beta(precision * expit(eta[0]), precision * expit(-eta[0]))

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        refuse_no_proportions(data["y"], outcome, rows, self.keyword)


def _precision(phi: Phi) -> Array:
    dispersion = phi["dispersion"]
    return (1 - dispersion) * (1 + dispersion) / dispersion**2
