"""Degrees of freedom that belong to coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.engines.frequentist.model_based import ModelBased
from msclong.results.point_estimate import FTest

NOTHING = 1e-12
"""A weight below this share of a row's largest is rounding: that coefficient is not involved."""


@dataclass(frozen=True, eq=False)
class CoefficientDf:
    """Model-based or sandwich standard errors; a hypothesis has the least df among the coefficients that it involves.

    coefficient_df : (p,).
    """

    model: ModelBased
    coefficient_df: np.ndarray

    @property
    def vcov(self) -> np.ndarray:
        return self.model.vcov

    def df(self, L: np.ndarray) -> np.ndarray:
        involved = np.abs(L) > NOTHING * np.abs(L).max(axis=1, keepdims=True)
        return np.where(involved, self.coefficient_df, np.inf).min(axis=1)

    def f_test(self, beta: np.ndarray, L: np.ndarray) -> FTest:
        return FTest(self.model.wald(beta, L), L.shape[0], float(self.df(L).min()))
