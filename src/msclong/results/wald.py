"""Wald statistics, and the small-sample method that needs no theory: one df for everything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.results.point_estimate import FTest


def wald_statistic(beta: np.ndarray, vcov: np.ndarray, L: np.ndarray) -> float:
    """beta' L' (L vcov L')^-1 L beta / q, for L (q, p) of full row rank."""
    value = L @ beta
    return float(value @ np.linalg.solve(L @ vcov @ L.T, value)) / L.shape[0]


@dataclass(frozen=True, eq=False)
class FixedDf:
    """Standard errors from `vcov` (p, p) with the same degrees of freedom for every hypothesis."""

    vcov: np.ndarray
    common_df: float

    def df(self, L: np.ndarray) -> np.ndarray:
        return np.full(L.shape[0], self.common_df)

    def f_test(self, beta: np.ndarray, L: np.ndarray) -> FTest:
        return FTest(wald_statistic(beta, self.vcov, L), L.shape[0], self.common_df)
