"""Kenward-Roger: standard errors corrected for estimating theta, and degrees of freedom to go with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.engines.frequentist.model_based import ModelBased
from msclong.engines.frequentist.satterthwaite import satterthwaite_df
from msclong.errors import HypothesisError
from msclong.likelihood.crossed.gls import CrossedLeastSquares
from msclong.likelihood.crossed.information import second_products as crossed_products
from msclong.likelihood.information import second_products
from msclong.results.point_estimate import FTest
from msclong.results.wald import wald_statistic


def adjustment(model: ModelBased) -> np.ndarray:
    """sum over j, k of W_jk (Q_jk - P_j P_k), (p, p), in coordinates where Phi = I.

    The bracket of Kenward and Roger (1997), Biometrics 53:983, eq. 3 without the second derivatives of Sigma:
    their 'linear' form, exact where Sigma is linear in theta and the default of SAS's kr(linear) elsewhere.
    Q_jk = sum of Z' E_j M E_k Z is never formed for a pair, only its sum weighted by W.
    """
    if isinstance(model.gls, CrossedLeastSquares):
        p = len(model.P[0])
        Q = crossed_products(model.gls)[:, :, :p, :p]
        return np.einsum("jk,jkab->ab", model.W, Q - model.P[:, None] @ model.P)
    total = second_products(model.structure, model.gls, model.W)
    k, p = model.P.shape[:2]
    combined = (model.W @ model.P.reshape(k, -1)).reshape(k * p, p)
    mixed = model.P.transpose(1, 0, 2).reshape(p, k * p) @ combined
    return total - mixed


EXACT = 1e-6
"""Below this, 1 - A2 / q and 1 - c2 B count as zero together; beyond rounding they vanish in exact tests only."""


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
        flat = projected.reshape(len(projected), -1)  # symmetric matrices: products of rows are traces
        A2 = float(np.sum(W * (flat @ flat.T)))
        factor, den_df = scaled_f(A1, A2, q)
        if not (factor > 0 and den_df > 0):
            raise HypothesisError(
                f"Kenward and Roger's F approximation has no answer for this joint test of {q} rows: too few subjects "
                "for so many. Test fewer rows together, or use ml.Frequentist(ddf='satterthwaite')."
            )
        return FTest(factor * statistic, q, den_df)


def scaled_f(A1: float, A2: float, q: int) -> tuple[float, float]:
    """Scale and denominator df of F for q rows, from A1 and A2 of Kenward and Roger (1997), section 3.

    With E = 1 / (1 - A2 / q), V = 2 / q (1 + c1 B) / ((1 - c2 B)^2 (1 - c3 B)) and rho = V / (2 E^2) the paper has
    m = 4 + (q + 2) / (q rho - 1) and scale m / (E (m - 2)). Written with rho = u / v here, so that m = 4 (v = 0) is no
    pole. At m = 2, as for T visits of T + 1 subjects, E is infinite and the scale 0 / 0: where both 1 - A2 / q
    and 1 - c2 B vanish their ratio is one, as it is wherever the test is exact (Hotelling's T^2), and then
    2 u + v = (q + 2) (1 - c2 B) gives the limit.
    """
    B = (A1 + 6 * A2) / (2 * q)
    g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
    scale = 3 * q + 2 * (1 - g)
    c1, c2, c3 = g / scale, (q - g) / scale, (q + 2 - g) / scale
    shrink, pole = 1 - A2 / q, 1 - c2 * B
    exact = max(abs(shrink), abs(pole)) < EXACT
    ratio = 1.0 if exact else shrink / pole
    u, v = ratio**2 * (1 + c1 * B), q * (1 - c3 * B)
    m = 4 + (q + 2) * v / (q * u - v)
    limit = 1 / (q + 2) if exact else shrink / (2 * u + v)
    return m * (q * u - v) / q * limit, m


def kenward_roger(model: ModelBased) -> KenwardRoger:
    """Kenward and Roger's method (linear form) for this fit."""
    return KenwardRoger(model, adjustment(model))
