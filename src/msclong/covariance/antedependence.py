"""First-order antedependence: a correlation for each pair of neighbouring visits."""

from __future__ import annotations

import numpy as np

from msclong.covariance.scaled_correlation import ScaledCorrelation
from msclong.covariance.structure import Sigma, Theta


class Antedependence(ScaledCorrelation):
    """ad: R_st = rho_s rho_(s+1) ... rho_(t-1) for s < t over positions of planned visits, with one variance.

    Given the visit before, a visit is independent of all earlier ones (Gabriel 1962; R mmrm's ad).
    """

    keyword = "ad"
    description = (
        "first-order antedependent: one variance, a correlation for each pair of neighbouring visits, "
        "products of these between others"
    )
    heterogeneous = False

    def correlation_names(self) -> tuple[str, ...]:
        labels = self.visit_labels
        return tuple(f"correlation({b}, {a})" for a, b in zip(labels, labels[1:], strict=False))

    def correlation(self, rho: Theta) -> Sigma:
        return self._product(rho, ())

    def correlation_first(self, rho: np.ndarray) -> np.ndarray:
        return np.stack([self._product(rho, (i,)) for i in range(rho.size)])

    def correlation_second(self, rho: np.ndarray) -> np.ndarray:
        result = super().correlation_second(rho)
        for i in range(rho.size):
            for j in range(i):
                result[i, j] = result[j, i] = self._product(rho, (i, j))
        return result

    def _product(self, rho: Theta, by: tuple[int, ...]) -> Sigma:
        """R, or its derivative by the correlations of these positions."""
        position = np.arange(self.n_visits)
        low, high = np.minimum.outer(position, position), np.maximum.outer(position, position)
        product: Sigma = 1.0
        for i in range(self.n_visits - 1):
            between = ((low <= i) & (i < high)).astype(float)
            product = product * (between if i in by else rho[i] * between + (1 - between))
        return product

    def correlation_start(self, sample: np.ndarray) -> np.ndarray:
        return np.diag(sample, 1).clip(-0.9, 0.9)


class HeterogeneousAntedependence(Antedependence):
    """adh: antedependence with a variance for each visit (SAS type=ante(1))."""

    keyword = "adh"
    description = (
        "heterogeneous first-order antedependent: a variance for each visit, a correlation for each pair of "
        "neighbouring visits, products of these between others"
    )
    heterogeneous = True
