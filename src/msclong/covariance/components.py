"""The terms of a sum of covariances: random effects, correlated residuals, independent residuals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.by_group import ByGroup
from msclong.covariance.diagonal import Diagonal
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.wrapped import Wrapped


@dataclass(frozen=True)
class Component:
    """One term with its slices of theta and of the coordinates.

    core : the structure inside masks, weights and groups.
    """

    structure: CovarianceStructure
    theta: slice
    coords: slice

    @property
    def core(self) -> CovarianceStructure:
        inner = self.structure
        while isinstance(inner, (Wrapped, ByGroup)):
            inner = inner.part if isinstance(inner, Wrapped) else inner.parts[0]
        return inner

    @property
    def is_random(self) -> bool:
        """Whether the term is that of random effects."""
        return isinstance(self.core, RandomEffects)

    @property
    def is_independent(self) -> bool:
        """Whether each observation has an error of its own, also where one visit is measured twice."""
        return isinstance(self.core, (Independent, Diagonal))

    def sigma(self, theta: np.ndarray, coords: np.ndarray) -> np.ndarray:
        """The term's share of Sigma, (P, t, t), from all of theta and coords (P, t, d)."""
        share: np.ndarray = self.structure.sigma(theta[self.theta], coords[:, :, self.coords])
        return share


def components(structure: CovarianceStructure) -> tuple[Component, ...]:
    """The terms that add up to `structure`; one where it is no sum."""
    if isinstance(structure, Additive) and not isinstance(structure, ByGroup):
        return tuple(Component(*term) for term in structure.split())
    return (Component(structure, slice(0, structure.n_parameters), slice(0, structure.coordinates)),)


def sum_of(chosen: Iterable[Component], theta: np.ndarray, coords: np.ndarray) -> np.ndarray:
    """Sigma of the chosen terms alone, (P, t, t); zero where there are none."""
    total = np.zeros((*coords.shape[:2], coords.shape[1]))
    for component in chosen:
        total = total + component.sigma(theta, coords)
    return total
