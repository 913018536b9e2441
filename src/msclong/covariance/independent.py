"""Independent residuals with one variance: R of a random-effects model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from msclong.covariance.structure import CovarianceStructure, Scatter, Sigma, Theta, pooled_variance
from msclong.covariance.working import Elementwise, Working


@dataclass(frozen=True)
class Independent(CovarianceStructure):
    """sigma^2 I; theta = (sigma^2,), linear. Reads no coordinates."""

    keyword = "residual"
    description = "diagonal: independent residuals with one variance"
    coordinates = 0
    linear = True

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return ("residual variance",)

    @property
    def working(self) -> Working:
        return Elementwise(("log",))

    def sigma(self, theta: Theta, coords: np.ndarray) -> Sigma:
        n_patterns, t = coords.shape[:2]
        return theta[0] * np.broadcast_to(np.eye(t), (n_patterns, t, t))

    def first(self, theta: np.ndarray, coords: np.ndarray) -> np.ndarray:
        n_patterns, t = coords.shape[:2]
        return np.broadcast_to(np.eye(t), (1, n_patterns, t, t))

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        return np.array([pooled_variance(scatter)])
