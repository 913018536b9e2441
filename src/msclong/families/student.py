"""Outcomes with outliers: a Student-t distribution about the linear predictor."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Eta, Family, Parameter, Phi
from msclong.families.stirling import HALF_LOG_2PI, stirling


class Student(Family):
    """(y - eta) / scale ~ Student-t with df degrees of freedom; the mean is eta (for df of one or less, the median)."""

    keyword: ClassVar[str] = "student"
    description: ClassVar[str] = "Student-t about the linear predictor"
    link = "identity"
    parameters = (Parameter("residual scale", "scale"), Parameter("degrees of freedom", "df"))

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        scale, df = phi["residual scale"], phi["degrees of freedom"]
        z = (data["y"] - eta[0]) / scale
        gammas = stirling((df + 1) / 2, xp) - stirling(df / 2, xp) + 0.5 * df * xp.log1p(1 / df) - 0.5
        return gammas - HALF_LOG_2PI - xp.log(scale) - (df + 1) / 2 * xp.log1p(z**2 / df)

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return eta[0]

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        df = np.broadcast_to(phi["degrees of freedom"], eta[0].shape)
        return eta[0] + phi["residual scale"] * rng.standard_t(df)

    def latent_variance(self, phi: Phi, mean: np.ndarray) -> np.ndarray:
        """The squared scale: that of the normal core, for the t distribution itself may have none."""
        return np.asarray(phi["residual scale"] ** 2)

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        return None
