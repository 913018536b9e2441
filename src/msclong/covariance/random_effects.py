"""Random effects as a covariance: Z G Z'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from msclong.covariance.structure import (
    SINGULAR,
    CovarianceStructure,
    Recoordinated,
    Scatter,
    Sigma,
    Theta,
    pooled_variance,
)
from msclong.covariance.working import (
    CholeskyFactor,
    Working,
    congruence,
    lower_triangle,
    unvech,
    vech_names,
    vech_positions,
)


@dataclass(frozen=True)
class RandomEffects(CovarianceStructure):
    """Covariance Z G Z' of correlated random effects; theta = vech(G), linear.

    The coordinates of an observation are its row of Z, as many columns as `effects`. Planned visits and
    irregular times are the same code: subjects with equal Z share a pattern.
    """

    effects: tuple[str, ...]

    keyword = "random"
    description = "from random effects: Z G Z'"
    linear = True

    @property
    def coordinates(self) -> int:
        return len(self.effects)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return vech_names(self.effects)

    @property
    def working(self) -> Working:
        return CholeskyFactor(len(self.effects))

    def sigma(self, theta: Theta, coords: np.ndarray) -> Sigma:
        size = len(self.effects)
        g = theta[vech_positions(size)]
        total = 0.0
        # Written as a sum over G's few elements: broadcasting alone, the same for NumPy and PyTensor.
        for i in range(size):
            for j in range(size):
                total = total + g[i, j] * (coords[:, :, None, i] * coords[:, None, :, j])
        return total

    def first(self, theta: np.ndarray, coords: np.ndarray) -> np.ndarray:
        result = np.empty((self.n_parameters, *coords.shape[:2], coords.shape[1]))
        for found, i, j in zip(result, *lower_triangle(len(self.effects)), strict=True):
            np.multiply(coords[:, :, None, i], coords[:, None, :, j], out=found)
            if i != j:
                found += coords[:, :, None, j] * coords[:, None, :, i]
        return result

    def recoordinated(self, scatter: Sequence[Scatter]) -> Recoordinated:
        # Z = Q R: effects of the orthonormal columns of Q, whose covariance is R G R'.
        triangle = np.linalg.qr(_weighted_rows(scatter), mode="r")
        # Of columns of length one: their units are no reason to leave them as they are.
        length = np.linalg.norm(triangle, axis=0)
        if len(triangle) < self.coordinates or not length.all() or np.linalg.cond(triangle / length) > 1e10:
            return super().recoordinated(scatter)
        back = np.linalg.inv(triangle)
        return Recoordinated(self, back, congruence(back))

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        # The residual variance, shared equally by the effects at their typical size.
        mean_square = np.sum(_weighted_rows(scatter) ** 2, axis=0)
        g = np.diag(pooled_variance(scatter) / (len(self.effects) * np.maximum(mean_square, 1e-300)))
        return g[lower_triangle(len(self.effects))]

    def is_singular(self, theta: np.ndarray, coords_rms: np.ndarray) -> bool:
        g = unvech(theta, len(self.effects)) * np.outer(coords_rms, coords_rms)
        return bool(np.linalg.eigvalsh(g)[0] < SINGULAR)


def _weighted_rows(scatter: Sequence[Scatter]) -> np.ndarray:
    """Rows of Z such that their cross-product is the mean of z z' over all observations."""
    weight = np.concatenate([np.repeat(part.n, part.coords.shape[1]) for part in scatter])
    rows = np.concatenate([part.coords.reshape(-1, part.coords.shape[2]) for part in scatter])
    return rows * np.sqrt(weight / weight.sum())[:, None]
