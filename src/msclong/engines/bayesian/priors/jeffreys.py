"""Priors of an unstructured covariance matrix that are powers of its determinant: Jeffreys', and one that matches t."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from msclong.covariance.unstructured import Unstructured
from msclong.covariance.working import unvech
from msclong.design.degeneracy import refuse_degenerate_unstructured
from msclong.design.design import Design
from msclong.engines.bayesian.priors.covariance_variables import CovariancePrior, Positive, Values, Variable
from msclong.errors import EngineError


@dataclass(frozen=True)
class PowerLaw(Positive):
    """Positive parameters with the improper density x^power[i]; the sampler draws log x."""

    power: tuple[float, ...]
    joint: tuple[tuple[str, str], ...] = ()

    def text(self, i: int) -> str:
        return f"density proportional to x^{self.power[i]:g}"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.array(self.power)

    def natural(self, sampled: Any) -> Any:
        return np.e**sampled

    def log_density(self, u: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        return (1 + hyper) @ u

    def described(self) -> list[tuple[str, str]]:
        return list(self.joint) or super().described()


@dataclass(frozen=True)
class Flat(Variable):
    """Parameters with a constant density on the whole line."""

    def text(self, i: int) -> str:
        return "flat"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.zeros(len(self.labels))

    def log_density(self, u: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        return np.zeros(u.shape[1])

    def described(self) -> list[tuple[str, str]]:
        return []


def power_of_determinant(design: Design) -> CovariancePrior:
    """p(Sigma) proportional to |Sigma|^(-e), e = (T + 1) / 2 for 'jeffreys' and T for 'matching'.

    Of n complete subjects Sigma is then inverse Wishart, and a contrast between visits Student's t with
    n + 2 e - 2 T - 1 degrees of freedom, n - T and n - 1; jointly, the first gives Hotelling's T^2. Geisser and
    Cornfield (1963), JRSS B 25:368. In Sigma's Cholesky factor L the volume element is 2^T prod L_ii^(T - i + 1) dL, so
    that the density of L is prod L_ii^(T - i + 1 - 2 e): constant in the elements below the diagonal, a power law in
    those on it.

    Raises EngineError for any other structure, DesignError where the posterior would be improper: where the
    restricted likelihood has no maximum.
    """
    structure, name = design.structure, design.spec.priors.covariance
    if not isinstance(structure, Unstructured):
        raise EngineError(
            f"Priors(covariance={name!r}) is for an unstructured covariance, us(visit | subject); "
            f"for {structure.keyword!r} leave it out."
        )
    refuse_degenerate_unstructured(design)
    size = structure.n_visits
    exponent = (size + 1) / 2 if name == "jeffreys" else size
    row, column = np.tril_indices(size)
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    strictly = i > j
    position = np.where(strictly, i * (i - 1) // 2 + j, 0)
    diagonal = PowerLaw(
        "root",
        tuple(f"L({visit}, {visit})" for visit in range(1, size + 1)),
        tuple(size - visit + 1 - 2.0 * exponent for visit in range(1, size + 1)),
        joint=(("covariance matrix", f"{name.capitalize()}, |Sigma|^(-{exponent:g})"),),
    )
    below = Flat(
        "below", tuple(f"L({a + 1}, {b + 1})" for a, b in zip(*np.tril_indices(size, -1), strict=True))
    )

    def theta(values: Values, xp: Any) -> Any:
        factor = values["root"][:, None] * np.eye(size) + values["below"][position] * strictly
        return (factor[row] * factor[column]).sum(axis=1)

    def values(theta: np.ndarray) -> dict[str, np.ndarray]:
        factor = np.linalg.cholesky(unvech(theta.T, size).transpose(2, 0, 1))
        i, j = np.tril_indices(size, -1)
        return {"root": np.einsum("sii->si", factor), "below": factor[:, i, j]}

    return CovariancePrior((diagonal, below), theta, values, (slice(0, len(row)),))
