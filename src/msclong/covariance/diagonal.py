"""Independent visits, with a variance each (diag) or one for all (homdiag)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from msclong.covariance.structure import Scatter, Sigma, Theta, pooled_variance
from msclong.covariance.visit_structure import (
    ZERO,
    VisitStructure,
    pairwise_covariance,
    positive_variances,
)
from msclong.covariance.working import Elementwise, Working


class Diagonal(VisitStructure):
    """diag: Sigma = diag(variances), linear: residuals of a random-effects model that spread more at some visits.

    R nlme's varIdent(~ 1 | visit), SAS's type=un(1).
    """

    keyword = "diag"
    description = "diagonal: a variance for each visit, visits independent"
    linear = True

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(f"variance({visit})" for visit in self.visit_labels)

    @property
    def working(self) -> Working:
        return Elementwise(("log",) * self.n_parameters)

    def grid(self, theta: Theta) -> Sigma:
        return theta[:, None] * np.eye(self.n_visits)

    def grid_first(self, theta: np.ndarray) -> np.ndarray:
        unit = np.eye(self.n_visits)
        return unit[:, :, None] * unit[:, None, :]

    def is_singular(self, theta: np.ndarray, coords_rms: np.ndarray) -> bool:
        return bool(np.any(theta < ZERO))

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        return positive_variances(pairwise_covariance(scatter, self.n_visits))


class HomogeneousDiagonal(Diagonal):
    """homdiag: Sigma = sigma^2 I, linear. As `homdiag(visit | arm / subject)`, a residual variance in each arm."""

    keyword = "homdiag"
    description = "diagonal: one variance, visits independent"

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return ("variance",)

    def grid_first(self, theta: np.ndarray) -> np.ndarray:
        return np.eye(self.n_visits)[None]

    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        return np.array([pooled_variance(scatter)])
