"""Satterthwaite degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.engines.frequentist.model_based import ModelBased
from msclong.results.point_estimate import FTest

EQUAL_DF = 1e-8
"""Denominator df that differ by less than this are one value (as in R lmerTest)."""


def satterthwaite_df(model: ModelBased, L: np.ndarray) -> np.ndarray:
    """df of each row l of L: 2 (l Phi l')^2 / (g' W g), g_j = d(l Phi l') / dtheta_j.

    Giesbrecht and Burns (1985), Biometrics 41:477; Fai and Cornelius (1996) eq. 4.
    """
    LC = L @ model.C
    # df do not depend on the length of a row; fourth powers of extreme units would overflow.
    LC = LC / np.linalg.norm(LC, axis=1, keepdims=True)
    variance = np.einsum("ip,ip->i", LC, LC)
    gradient = np.sum((LC @ model.P) * LC, axis=2).T
    spread = np.sum((gradient @ model.W) * gradient, axis=1)
    with np.errstate(divide="ignore"):
        return np.where(spread > 0, 2 * variance**2 / spread, np.inf)


@dataclass(frozen=True, eq=False)
class Satterthwaite:
    """Model-based or sandwich standard errors, Satterthwaite degrees of freedom."""

    model: ModelBased

    @property
    def vcov(self) -> np.ndarray:
        return self.model.vcov

    def df(self, L: np.ndarray) -> np.ndarray:
        if self.model.robust is not None:
            return self.model.robust.df(L @ self.model.C)
        return satterthwaite_df(self.model, L)

    def f_test(self, beta: np.ndarray, L: np.ndarray) -> FTest:
        """Split into orthogonal one-row tests, each with its df, and match the mean of the F distribution.

        Fai and Cornelius (1996), Journal of Statistical Computation and Simulation 54:363.
        """
        q = L.shape[0]
        statistic = self.model.wald(beta, L)
        _, vectors = np.linalg.eigh(L @ self.vcov @ L.T)
        df = self.df(vectors.T @ L)
        if np.ptp(df) < EQUAL_DF * df.max():
            return FTest(statistic, q, float(df.mean()))
        if (df <= 2).any():
            return FTest(statistic, q, 2.0)
        total = float(np.sum(df / (df - 2)))
        return FTest(statistic, q, 2 * total / (total - q))


def satterthwaite(model: ModelBased) -> Satterthwaite:
    """Satterthwaite's method for this fit."""
    return Satterthwaite(model)
