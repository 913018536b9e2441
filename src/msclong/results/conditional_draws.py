"""Posterior draws of a model whose outcomes are independent given their linear predictors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from msclong.families.family import Family
from msclong.results.posterior_draws import PosteriorDraws


@dataclass(frozen=True, eq=False, kw_only=True)
class ConditionalDraws(PosteriorDraws):
    """Draws of everything that the distribution of a new subject's outcomes depends on.

    draws, theta : of the first predictor's coefficients, (chains, draws, p), and of the latent effects' covariance,
    as for any posterior. theta is required.
    family : the distribution of an outcome given its linear predictors.
    phi : draws of each of the family's parameters by name, (chains, draws, size): its value at each level of
    `Design.dispersion_levels`, or its cutpoints.
    zero : (chains, draws, q) draws of the coefficients of a hurdle's zero part, named by `zero_names`; else None.
    """

    family: Family
    phi: Mapping[str, np.ndarray]
    zero: np.ndarray | None = None
    zero_names: tuple[str, ...] = ()

    @property
    def flat_phi(self) -> dict[str, np.ndarray]:
        """The draws of phi that belong to `flat`, each (chains * draws, size)."""
        return {name: draws.reshape(-1, draws.shape[2]) for name, draws in self.phi.items()}

    def phi_of(self, dispersion: np.ndarray) -> dict[str, np.ndarray]:
        """`flat_phi` for G rows with these dispersion codes: (S, G) of parameters that may vary, else (S, size)."""
        varies = {parameter.name for parameter in self.family.parameters if parameter.varies}
        return {
            name: values[:, dispersion] if name in varies else values
            for name, values in self.flat_phi.items()
        }

    @property
    def flat_zero(self) -> np.ndarray | None:
        """The draws of the zero part that belong to `flat`, (chains * draws, q); None without one."""
        return None if self.zero is None else self.zero.reshape(-1, self.zero.shape[2])
