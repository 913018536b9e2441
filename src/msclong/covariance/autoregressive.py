"""First-order autoregressive covariance, with one variance (ar1) or one for each visit (ar1h)."""

from __future__ import annotations

import numpy as np

from msclong.covariance.scaled_correlation import ScaledCorrelation
from msclong.covariance.structure import Sigma, Theta


class Autoregressive(ScaledCorrelation):
    """ar1: R_st = rho^|s - t| over positions of planned visits (equally spaced by position, as in SAS type=ar(1))."""

    keyword = "ar1"
    description = "first-order autoregressive: one variance, correlation rho^|s-t| between visits s and t"
    heterogeneous = False

    @property
    def _lag(self) -> np.ndarray:
        position = np.arange(self.n_visits)
        return np.abs(position[:, None] - position[None, :])

    def correlation_names(self) -> tuple[str, ...]:
        return ("correlation",)

    def correlation(self, rho: Theta) -> Sigma:
        return rho[0] ** self._lag

    def correlation_first(self, rho: np.ndarray) -> np.ndarray:
        lag = self._lag
        return (lag * rho[0] ** np.maximum(lag - 1, 0))[None]

    def correlation_second(self, rho: np.ndarray) -> np.ndarray:
        lag = self._lag
        return (lag * (lag - 1) * rho[0] ** np.maximum(lag - 2, 0))[None, None]

    def correlation_start(self, sample: np.ndarray) -> np.ndarray:
        return np.array([np.clip(np.mean(np.diag(sample, 1)), -0.9, 0.9)])


class HeterogeneousAutoregressive(Autoregressive):
    """ar1h: ar1 correlation with a variance for each visit (SAS type=arh(1))."""

    keyword = "ar1h"
    description = (
        "heterogeneous first-order autoregressive: a variance for each visit, "
        "correlation rho^|s-t| between visits s and t"
    )
    heterogeneous = True
