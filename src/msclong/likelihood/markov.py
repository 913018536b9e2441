"""Long series with the covariance of a Markov chain: the likelihood and its derivatives, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from msclong.covariance.markov_chain import MarkovChain
from msclong.covariance.structure import CovarianceStructure
from msclong.design.cross_moments import PatternBlock
from msclong.likelihood.derivatives import BlockDerivatives
from msclong.likelihood.grid import GridBlock

LEAST = 1e6
"""P t^3 from which on steps along the series cost less than matrices."""


def runs_along(structure: CovarianceStructure, block: PatternBlock) -> bool:
    """Whether the block is taken step by step."""
    return structure.is_chain and not isinstance(block, GridBlock) and len(block.n) * block.t**3 >= LEAST


def whitened(chain: MarkovChain, rows: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """B w of rows w (R, t, q): (w_i - slope_i w_(i-1)) / sd_i, where M = B'B."""
    white = rows.copy()
    white[:, 1:] -= chain.slope[pattern][:, 1:, None] * rows[:, :-1]
    white *= np.exp(-chain.log_sd[pattern])[:, :, None]
    return white


@dataclass(frozen=True, eq=False)
class MarkovFit:
    """One block of patterns at theta, as `BlockFit`, with V = [Z, e] = M w of the rows w = [X C, y - X beta].

    w, u : (R, t, q) these rows and B w.
    """

    block: PatternBlock
    chain: MarkovChain
    w: np.ndarray
    u: np.ndarray

    @property
    def Z(self) -> np.ndarray:
        """(R, t, p) rows of M X C = B' u."""
        scaled = self.u[..., :-1] * self._inverse
        back = scaled.copy()
        back[:, :-1] -= self._own.slope[:, 1:] * scaled[:, 1:]
        return back

    def derivatives(self, reml: bool) -> BlockDerivatives:
        """What the block adds.

        The information of the regressions is tr(M E_j M E_k) / 2 = sum of slope_j slope_k variance_(i-1) / sd^2 +
        2 logsd_j logsd_k. From w'M w = u'u and its derivatives, with Y as in `_turned`,
            V' E_j V = -(u'u)_j,  V' E_j M E_k V = Y_j' Y_k,  V' E_jk V = Y_j' Y_k + Y_k' Y_j - (u'u)_jk.
        """
        n, chain, u, du, Y = self.block.n.astype(float), self.chain, self.u, self._first, self._turned
        k, q = len(du), u.shape[2]
        earlier = np.exp(-2 * chain.log_sd) * n[:, None]
        earlier[:, 1:] *= chain.variance[:, :-1]
        slopes, sds = chain.slope_first, chain.log_sd_first
        model = 2 * (slopes * earlier).reshape(k, -1) @ slopes.reshape(k, -1).T
        model += 4 * (sds * n[:, None]).reshape(k, -1) @ sds.reshape(k, -1).T
        half = du.reshape(k, -1, q).transpose(0, 2, 1) @ u.reshape(-1, q)
        turned = np.array([[np.einsum("rtq,rtq->q", Y[i], Y[j]) for j in range(k)] for i in range(k)])
        bent = np.array([[self._bent(i, j) for j in range(k)] for i in range(k)])
        second = model + 2 * np.tensordot(chain.log_sd_second.sum(axis=3), n, axes=1)
        return BlockDerivatives(
            model=model - 2 * turned[..., :-1].sum(axis=2) if reml else model,
            scatter=turned[..., -1],
            products=-half - half.transpose(0, 2, 1),
            traces=2 * sds.sum(axis=2) @ n,
            curvature=second - (2 * turned - bent)[..., 0 if reml else -1 :].sum(axis=2),
        )

    def second_products(self, W: np.ndarray) -> np.ndarray:
        """sum over j, k of W_jk Z' E_j M E_k Z, (p, p)."""
        Y = self._turned[..., :-1]
        p = Y.shape[3]
        return Y.reshape(-1, p).T @ (W @ Y.reshape(len(W), -1)).reshape(-1, p)

    @cached_property
    def _own(self) -> MarkovChain:
        """The chain of each row, (..., R, t, 1)."""
        return MarkovChain(
            *(np.take(values, self.block.pattern, axis=-2)[..., None] for values in self.chain)
        )

    @cached_property
    def _inverse(self) -> np.ndarray:
        """1 / sd, (R, t, 1)."""
        return np.exp(-self._own.log_sd)

    @cached_property
    def _earlier(self) -> np.ndarray:
        """w_(i-1) / sd_i, (R, t, q), zero at the first."""
        result = np.zeros_like(self.w)
        result[:, 1:] = self.w[:, :-1] * self._inverse[:, 1:]
        return result

    @cached_property
    def _first(self) -> np.ndarray:
        """u_j, (k, R, t, q)."""
        return -(self._own.slope_first * self._earlier + self._own.log_sd_first * self.u)

    def _bent(self, i: int, j: int) -> np.ndarray:
        """Diagonal of (u'u)_ij, (q,)."""
        own, first = self._own, self._first
        bend = own.slope_second[i, j] - own.slope_first[i] * own.log_sd_first[j]
        second = -(bend * self._earlier + own.log_sd_second[i, j] * self.u + own.log_sd_first[i] * first[j])
        return 2 * np.einsum("rtq,rtq->q", self.u, second) + 2 * np.einsum("rtq,rtq->q", first[i], first[j])

    @cached_property
    def _turned(self) -> np.ndarray:
        """Y_j (k, R, t, q) with V' E_j M E_k V = Y_j' Y_k.

        M E_j M w = -(B_j' u + B' u_j), hence Y_j = -(x + u_j) with B' x = B_j' u, from the last step to the first.
        """
        own, scaled = self._own, self._inverse * self.u
        x = -own.log_sd_first * scaled
        x[:, :, :-1] += ((own.slope * own.log_sd_first - own.slope_first) * scaled)[:, :, 1:]
        for i in reversed(range(x.shape[2] - 1)):
            x[:, :, i] += own.slope[:, i + 1] * x[:, :, i + 1]
        return -(x / self._inverse + self._first)
