"""Covariances of Markov chains: each observation's regression on the one before it says all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class MarkovChain(NamedTuple):
    """w_i given all before it has mean slope_i w_(i-1) and standard deviation exp(log_sd_i), for P patterns of t.

    slope, log_sd, variance : (P, t), variance that of w_i; the first slope is zero. slope_first, log_sd_first :
    (k, P, t) derivatives over theta. slope_second, log_sd_second : (k, k, P, t).
    """

    slope: np.ndarray
    log_sd: np.ndarray
    variance: np.ndarray
    slope_first: np.ndarray
    log_sd_first: np.ndarray
    slope_second: np.ndarray
    log_sd_second: np.ndarray
