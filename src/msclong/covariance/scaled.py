"""A covariance whose observations are multiplied by known numbers: weights, or membership of a group."""

from __future__ import annotations

import numpy as np

from msclong.covariance.wrapped import Wrapped


class Scaled(Wrapped):
    """Sigma_st u_s u_t, where u, the first coordinate, is 1 / sqrt(weight), or 1 within a group and 0 outside it.

    Weights are those of SAS PROC MIXED's WEIGHT statement and of R's lme4 and mmrm: the residual covariance is
    W^(-1/2) R W^(-1/2).
    """

    def factor(self, lead: np.ndarray) -> np.ndarray:
        return lead[:, :, None] * lead[:, None, :]

    def pieces(self, lead: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        where = np.flatnonzero(lead)
        return [(where, lead[where])]
