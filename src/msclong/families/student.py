"""Outcomes with outliers: a Student-t distribution about the linear predictor."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Eta, Family, Parameter, Phi


class Student(Family):
    """(y - eta) / scale ~ Student-t with df degrees of freedom; the mean is eta (for df of one or less, the median)."""

    keyword: ClassVar[str] = "student"
    description: ClassVar[str] = "Student-t about the linear predictor"
    link = "identity"
    parameters = (Parameter("residual scale", "scale"), Parameter("degrees of freedom", "df"))

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        scale, df = phi["residual scale"], phi["degrees of freedom"]
        z = (data["y"] - eta[0]) / scale
        constant = xp.gammaln((df + 1) / 2) - xp.gammaln(df / 2) - 0.5 * xp.log(np.pi * df) - xp.log(scale)
        return constant - (df + 1) / 2 * xp.log1p(z**2 / df)

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return eta[0]

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        df = np.broadcast_to(phi["degrees of freedom"], eta[0].shape)
        return eta[0] + phi["residual scale"] * rng.standard_t(df)

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        return None
