"""Kenward-Roger: standard errors corrected for estimating theta, and degrees of freedom to go with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.engines.frequentist.model_based import ModelBased
from msclong.engines.frequentist.satterthwaite import satterthwaite_df
from msclong.results.point_estimate import FTest
from msclong.results.wald import wald_statistic


def adjustment(model: ModelBased) -> np.ndarray:
    """sum over j, k of W_jk (Q_jk - P_j P_k), (p, p), in coordinates where Phi = I.

    The bracket of Kenward and Roger (1997), Biometrics 53:983, eq. 3 without the second derivatives of Sigma:
    their 'linear' form, exact where Sigma is linear in theta and the default of SAS's kr(linear) elsewhere.
    Q_jk = sum of Z' E_j M E_k Z is never formed for a pair: with W = G G' the sum over pairs is
    sum over l of F_l M F_l, F_l = sum over j of G_jl E_j, one t x t matrix a pattern.
    """
    values, vectors = np.linalg.eigh(model.W)
    G = vectors * np.sqrt(values.clip(0, None))
    total = np.zeros(model.P.shape[1:])
    for fit in model.gls.blocks:
        E = model.structure.first(model.gls.theta, fit.block.coords)
        F = np.einsum("jl,jpab->lpab", G, E)
        middle = (F @ fit.M @ F).sum(axis=0)
        flat = (fit.Z.shape[0] * fit.Z.shape[1], fit.Z.shape[2])
        total += fit.Z.reshape(flat).T @ (middle[fit.block.pattern] @ fit.Z).reshape(flat)
    mixed = np.einsum("jl,jpq->lpq", G, model.P)
    return total - (mixed @ mixed).sum(axis=0)


@dataclass(frozen=True, eq=False)
class KenwardRoger:
    """Kenward-Roger inference. vcov = C (I + 2 adjustment) C'."""

    model: ModelBased
    adjustment: np.ndarray

    @property
    def vcov(self) -> np.ndarray:
        C = self.model.C
        return C @ (np.eye(C.shape[0]) + 2 * self.adjustment) @ C.T

    def df(self, L: np.ndarray) -> np.ndarray:
        """For one row Kenward and Roger's df reduce to Satterthwaite's (A1 = A2 gives m = 2 / A2, lambda = 1)."""
        return satterthwaite_df(self.model, L)

    def f_test(self, beta: np.ndarray, L: np.ndarray) -> FTest:
        """Scaled F: moments of the Wald statistic matched as in Kenward and Roger (1997), section 3."""
        q = L.shape[0]
        statistic = wald_statistic(beta, self.vcov, L)
        if q == 1:
            return FTest(statistic, 1, float(self.df(L)[0]))
        LC = L @ self.model.C
        # With K = LC, Theta Phi P_j Phi of the paper is similar to A P_j A', A'A the projection on K's rows.
        basis = np.linalg.qr(LC.T)[0]
        projected = basis.T @ self.model.P @ basis
        traces = np.einsum("jaa->j", projected)
        W = self.model.W
        A1 = float(traces @ W @ traces)
        A2 = float(np.einsum("jk,jab,kba->", W, projected, projected))
        B = (A1 + 6 * A2) / (2 * q)
        g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
        scale = 3 * q + 2 * (1 - g)
        c1, c2, c3 = g / scale, (q - g) / scale, (q + 2 - g) / scale
        expectation = 1 / (1 - A2 / q)
        variance = 2 / q * (1 + c1 * B) / ((1 - c2 * B) ** 2 * (1 - c3 * B))
        rho = variance / (2 * expectation**2)
        m = 4 + (q + 2) / (q * rho - 1)
        factor = m / (expectation * (m - 2))
        return FTest(factor * statistic, q, m)


def kenward_roger(model: ModelBased) -> KenwardRoger:
    """Kenward and Roger's method (linear form) for this fit."""
    return KenwardRoger(model, adjustment(model))
