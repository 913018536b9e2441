"""Tail probabilities of the largest of jointly distributed t statistics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import fdtrc, gammaincc, ndtri

from msclong.contrasts import one_factor
from msclong.contrasts.student_t import t_quantile, t_tail

RANK_TOLERANCE = 1e-10
"""Share of a row's variance below which it counts as a combination of the rows before it."""

DIRECTIONS, CHUNK = 2**20, 2**15
"""Quasi-random directions; how many at a time."""

BINS = 8192
"""Cells of [-1, 1] in which cosines are counted: too fine to matter (relative error below 1e-6)."""

RARE = 0.2
"""Below this expected number of exceedances, their overlap is subtracted from it; above, exceedances are counted."""

SEED = 20090209
"""The directions are fixed: the same table gives the same figures."""


@dataclass(frozen=True, eq=False)
class MaxT:
    """The largest of m statistics, T ~ multivariate t with correlation R (m, m), singular or not.

    two_sided : whether the largest |T_j| is meant, or the largest T_j. nested : whether the largest over the rows
    from any one on will be asked for (step-down tests), not only over all.

    Where R has one factor, as for comparisons with one control, exact quadrature. Else integration over radius and
    direction (Deak 1980, Numerische Mathematik 35:369): with R = A A' of rank r, T = (rho / s) A w for a uniform
    direction w, and (rho / s)^2 / r ~ F(r, df) exactly; directions are a scrambled Sobol set of 2^20 points.
    The directions serve every bound and df. Measured standard error (9 rows against a control, 45 pairs): 1e-5 for a
    probability of 0.05, 2e-6 for 0.01, in proportion below; 5e-5 at most.
    """

    R: np.ndarray
    two_sided: bool = True
    nested: bool = False

    def exceedance(self, bound: float, df: float, first: int = 0) -> float:
        """P(max >= bound) over the rows from `first` on, with `df` degrees of freedom (infinite: normal)."""
        if self.two_sided and bound <= 0:
            return 1.0
        R = self.R[first:, first:]
        m = len(R)
        one = float(t_tail(df, bound)) * (2 if self.two_sided else 1)
        if np.abs(R).min() > 1 - RANK_TOLERANCE:  # multiples of one row, of either sign
            return one if self.two_sided or (R > 0).all() else min(1.0, 2 * one)
        if self._loadings is not None:
            found = one_factor.exceedance(bound, self._loadings[first:], df, self.two_sided)
        else:
            largest, overlap = (counts[first] for counts in self._cosines)
            beyond = self._beyond(bound, df)
            found = m * one - overlap @ beyond if m * one < RARE else largest @ beyond
        return float(np.clip(found, one, min(1.0, m * one)))

    def critical(self, probability: float, df: float) -> float:
        """The bound that the largest exceeds with `probability`."""
        sides = 2 if self.two_sided else 1
        low, high = (-float(t_quantile(df, probability / sides / m)) for m in (1, len(self.R)))
        if high == low or self.exceedance(low, df) <= probability:  # one test, or several copies of one
            return low
        from scipy.optimize import brentq  # a fit that adjusts nothing does not wait for it

        return float(brentq(lambda c: self.exceedance(c, df) - probability, low, high, xtol=1e-10))

    @cached_property
    def _loadings(self) -> np.ndarray | None:
        return one_factor.loadings(self.R)

    @cached_property
    def _cosines(self) -> tuple[np.ndarray, np.ndarray]:
        """Distribution over BINS of the largest cosine a_j'w of rows k, ..., m - 1, (m or 1, BINS).

        Second: that of all their cosines, summed over rows, less the first: exceedances counted more than once.
        """
        from scipy.stats import qmc  # takes half a second to import

        A = square_root(self.R)
        m, r = A.shape
        sobol = qmc.Sobol(r, scramble=True, rng=np.random.default_rng(SEED))
        starts = m if self.nested else 1
        largest, every = np.zeros((starts, BINS)), np.zeros((starts, BINS))
        for _ in range(DIRECTIONS // CHUNK):
            g = ndtri(np.clip(sobol.random(CHUNK), 1e-16, 1 - 1e-16))
            cosine = A @ (g / np.linalg.norm(g, axis=1, keepdims=True)).T
            if self.two_sided:
                cosine = np.abs(cosine)
            cell = ((cosine + 1) * (BINS / 2 * (1 - 1e-12))).astype(np.int16)
            most = cell[starts:].max(axis=0, initial=0)
            for k in reversed(range(starts)):
                most = np.maximum(most, cell[k])
                largest[k] += np.bincount(most, minlength=BINS)
                every[k] += np.bincount(cell[k], minlength=BINS)
            every[-1] += np.bincount(cell[starts:].ravel(), minlength=BINS)
        every = np.cumsum(every[::-1], axis=0)[::-1]
        return largest / DIRECTIONS, (every - largest) / DIRECTIONS

    def _beyond(self, bound: float, df: float) -> np.ndarray:
        """P(rho / s times the cosine >= bound) for the middle of each cell, (BINS,)."""
        r = square_root(self.R).shape[1]
        positive = np.arange(BINS) >= BINS // 2
        # To a positive bound only positive cosines lead, from a negative one only negative ones below it.
        reach = positive if bound > 0 else ~positive
        cosine = (np.flatnonzero(reach) + 0.5) * (2 / BINS) - 1
        square = (bound / cosine) ** 2 / r
        far = gammaincc(r / 2, r * square / 2) if np.isinf(df) else fdtrc(r, df, square)
        result = np.where(positive, 1.0, 0.0) if bound <= 0 else np.zeros(BINS)
        result[reach] = far if bound > 0 else 1 - far
        return result


def square_root(R: np.ndarray) -> np.ndarray:
    """A (m, r) with A A' = R, r the rank of R."""
    values, vectors = np.linalg.eigh(R)
    kept = values > RANK_TOLERANCE * len(R)
    return vectors[:, kept] * np.sqrt(values[kept])
