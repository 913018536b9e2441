"""Derivatives of the (restricted) log-likelihood over theta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True, eq=False)
class Information:
    """Derivatives of the log-likelihood at theta, k parameters.

    gradient : (k,) of minus twice the log-likelihood. expected, observed : (k, k) information, that is
    minus the expected and the actual second derivatives of the log-likelihood.
    P : (k, p, p) matrices C' (X' M E_j M X) C, with E_j = dSigma / dtheta_j and C C' = Phi. Phi's own
    derivative is C P_j C': small-sample inference needs no more.
    """

    gradient: np.ndarray
    expected: np.ndarray
    observed: np.ndarray
    P: np.ndarray


class BlockDerivatives(NamedTuple):
    """Sums over the patterns of a block, with V = [Z, e] and q = p + 1 columns, E_j = dSigma / dtheta_j.

    model : (k, k) n tr(M E_j M E_k), under REML less 2 tr(B E_j M E_k). scatter : (k, k) tr(S E_j M E_k).
    products : (k, q, q) V' E_j V. traces : (k,) n tr(M E_j). curvature : (k, k) tr((n M - B - S) E_jk), B under REML.
    """

    model: np.ndarray
    scatter: np.ndarray
    products: np.ndarray
    traces: np.ndarray
    curvature: np.ndarray
