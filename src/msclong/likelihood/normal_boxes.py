"""Probabilities that normal vectors lie in boxes, and points within: by separation of variables, in logarithms.

With C = L L' and w standard normal, lower < L w < upper is, one variable after the other, a_j < w_j < b_j with

    a_j = (lower_j - sum over k < j of L_jk w_k) / L_jj,    b_j likewise.

w_j drawn within, as Phi^-1 of Phi(a_j) + u_j (Phi(b_j) - Phi(a_j)), the product of Phi(b_j) - Phi(a_j) is an unbiased
estimate of the probability (Geweke 1991; Hajivassiliou, McFadden and Ruud 1996, J. Econometrics 72:85), whose smooth
integrand suits quasi-random u (Genz 1992, JCGS 1:141). w with that product as its weight is a draw from within the box.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from msclong.families.arrays import NUMPY
from msclong.families.intervals import log_normal_interval


def separated(
    lower: np.ndarray, upper: np.ndarray, root: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log weights (...) and w (m - 1, ...) of points u (m - 1, ...) of the unit cube, of which none is 0 or 1.

    lower, upper : (m, ...), infinite where there is none. root : L (m, m, ...). The last variable is integrated, not
    drawn; u (m, ...) draws it too, and w is (m, ...). All broadcast; NaN where L is.
    """
    w: list[np.ndarray] = []
    log_weight: np.ndarray | float = 0.0
    for j in range(len(lower)):
        shift = sum((root[j, k] * w[k] for k in range(j)), np.zeros(1))
        a, b = (lower[j] - shift) / root[j, j], (upper[j] - shift) / root[j, j]
        log_weight = log_weight + log_normal_interval(a, b, NUMPY)
        if j < len(u):
            w.append(_within(a, b, u[j]))
    return np.asarray(log_weight), np.array(w)


def _within(a: np.ndarray, b: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The quantile u of a standard normal variable between a and b, continuous in all three."""
    above = a > 0  # by symmetry: there Phi is one to all digits
    low, high = np.where(above, -b, a), np.where(above, -a, b)
    from_low, from_high = np.log1p(-u), np.log(u)
    from_low, from_high = np.where(above, from_high, from_low), np.where(above, from_low, from_high)
    log_p = np.logaddexp(log_ndtr(low) + from_low, log_ndtr(high) + from_high)
    found = np.clip(ndtri_exp(log_p), low, high)
    return np.where(above, -found, found)
