"""Priors of covariance parameters, by structure: independent variables, and the map from them to theta.

Every map is written with an array namespace `xp` (numpy or pytensor.tensor), so that the sampler's graph and the
conversion of draws are one definition. A structure without an entry in COVARIANCE_PRIORS gets the generic prior.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.autoregressive import Autoregressive, HeterogeneousAutoregressive
from msclong.covariance.compound_symmetry import CompoundSymmetry
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.toeplitz import HeterogeneousToeplitz
from msclong.covariance.unstructured import Unstructured
from msclong.covariance.working import CholeskyFactor, Elementwise, Joined, Working
from msclong.errors import EngineError
from msclong.spec.prior import Priors

Values = Mapping[str, Any]
"""Variable name -> vector of its values."""

Theta = Callable[[Values, Any], Any]
"""(values, xp) -> theta on the natural scale, as a vector."""


@dataclass(frozen=True)
class Variable(ABC):
    """A vector of independent parameters; `labels` name its elements."""

    name: str
    labels: tuple[str, ...]

    @abstractmethod
    def text(self, i: int) -> str:
        """The prior of element i in the field's notation, in outcome units."""

    @abstractmethod
    def hyperparameters(self, unit: float) -> np.ndarray:
        """The numbers that enter the sampler as data, one an element, where the outcome is counted in `unit`."""

    def constants(self) -> tuple[object, ...]:
        """What is compiled into the sampler's code."""
        return ()

    def natural(self, sampled: Any) -> Any:
        """The parameter from what the sampler draws."""
        return sampled

    def described(self) -> list[tuple[str, str]]:
        """(label, prior) of each element."""
        return [(label, self.text(i)) for i, label in enumerate(self.labels)]


@dataclass(frozen=True)
class HalfT(Variable):
    """Standard deviations: half-Student-t(df, 0, scale[i]), in outcome units.

    per : (the SD of a covariate) that each is counted by; a plain standard deviation has 1.
    """

    scale: tuple[float, ...]
    df: float
    per: tuple[float, ...]

    def text(self, i: int) -> str:
        return f"half-Student-t({self.df:.4g}, 0, {self.scale[i]:.4g})"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.array(self.scale) / unit

    def constants(self) -> tuple[object, ...]:
        return (self.df, self.per)


@dataclass(frozen=True)
class StretchedBeta(Variable):
    """Correlations: Beta(shape[i], shape[i]) stretched to (lower, 1); the sampler draws the Beta on (0, 1).

    joint : how to describe the vector as a whole, where the elements by themselves say little.
    """

    shape: tuple[float, ...]
    lower: float = -1.0
    joint: tuple[tuple[str, str], ...] = ()

    def text(self, i: int) -> str:
        if self.shape[i] == 1:
            return f"Uniform({self.lower:.4g}, 1)"
        return f"Beta({self.shape[i]:.4g}, {self.shape[i]:.4g}) on ({self.lower:.4g}, 1)"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.array(self.shape)

    def constants(self) -> tuple[object, ...]:
        return (self.lower,)

    def natural(self, sampled: Any) -> Any:
        return self.lower + (1 - self.lower) * sampled

    def described(self) -> list[tuple[str, str]]:
        return list(self.joint) or super().described()


@dataclass(frozen=True)
class Gaussian(Variable):
    """Covariances of a structure that this engine does not know: Normal(0, scale[i]), in squared outcome units."""

    scale: tuple[float, ...]

    def text(self, i: int) -> str:
        return f"Normal(0, {self.scale[i]:.4g})"

    def hyperparameters(self, unit: float) -> np.ndarray:
        return np.array(self.scale) / unit**2


@dataclass(frozen=True, eq=False)
class CovariancePrior:
    """Independent variables, and theta (k,) on the natural scale as a function of them."""

    variables: tuple[Variable, ...]
    theta: Theta


@dataclass(frozen=True)
class PriorScale:
    """What a structure's prior may depend on: hyperparameters, outcome scale s, coordinates (N, d) of the rows."""

    priors: Priors
    s: float
    coords: np.ndarray

    def sds(self, name: str, labels: tuple[str, ...], per: np.ndarray | None = None) -> HalfT:
        """Half-t standard deviations, element i per `per[i]` of a covariate."""
        divisors = np.ones(len(labels)) if per is None else per
        scale = tuple(float(self.priors.sd_scale * self.s / unit) for unit in divisors)
        return HalfT(name, labels, scale, self.priors.sd_df, tuple(map(float, divisors)))


def covariance_prior(
    structure: CovarianceStructure, priors: Priors, s: float, coords: np.ndarray
) -> CovariancePrior:
    """The prior of a structure's parameters, in outcome units.

    Raises EngineError for a structure whose working coordinates have no generic prior.
    """
    build = COVARIANCE_PRIORS.get(type(structure), generic)
    return build(structure, PriorScale(priors, s, coords))


def unstructured(structure: Unstructured, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviation for each visit, LKJ correlation matrix."""
    sds = scale.sds("sd", tuple(f"sd({visit})" for visit in structure.visit_labels))
    return _sds_and_lkj(sds, scale.priors.correlation_eta)


def random_effects(structure: RandomEffects, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviation for each effect, per SD of its covariate; LKJ correlation matrix."""
    spread = scale.coords.std(axis=0)
    size = np.abs(scale.coords).max(axis=0)
    constant = spread <= 1e-12 * size
    per = np.where(constant, np.where(size > 0, size, 1.0), spread)
    sds = scale.sds("sd", tuple(f"sd({effect})" for effect in structure.effects), per)
    return _sds_and_lkj(sds, scale.priors.correlation_eta)


def independent(structure: Independent, scale: PriorScale) -> CovariancePrior:
    """Half-t residual standard deviation."""
    return CovariancePrior((scale.sds("sd", ("residual sd",)),), lambda v, xp: v["sd"] ** 2)


def compound_symmetry(structure: CompoundSymmetry, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviation; correlation uniform where the matrix is positive definite."""
    lower = -1 / (structure.n_visits - 1)

    def theta(v: Values, xp: Any) -> Any:
        variance, rho = v["sd"][0] ** 2, v["correlation"][0]
        return xp.stack([rho * variance, (1 - rho) * variance])

    sds = scale.sds("sd", ("sd (every visit)",))
    return CovariancePrior((sds, StretchedBeta("correlation", ("correlation",), (1.0,), lower)), theta)


def autoregressive(structure: Autoregressive, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviations; correlation of neighbours uniform on (-1, 1)."""
    labels = (
        tuple(f"sd({v})" for v in structure.visit_labels)
        if structure.heterogeneous
        else ("sd (every visit)",)
    )
    return CovariancePrior(
        (scale.sds("sd", labels), StretchedBeta("correlation", structure.correlation_names(), (1.0,))),
        lambda v, xp: xp.concatenate([v["sd"] ** 2, v["correlation"]]),
    )


def toeplitz(structure: HeterogeneousToeplitz, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviations; partial autocorrelations uniform on (-1, 1).

    Partial autocorrelations reach every positive definite Toeplitz correlation matrix and no other
    (Barndorff-Nielsen and Schou 1973, Journal of Multivariate Analysis 3:408).
    """
    lags = structure.n_visits - 1
    partial = StretchedBeta(
        "partial", tuple(f"partial autocorrelation(lag {lag})" for lag in range(1, lags + 1)), (1.0,) * lags
    )

    def theta(v: Values, xp: Any) -> Any:
        rho = autocorrelations([v["partial"][lag] for lag in range(lags)])
        return xp.concatenate([v["sd"] ** 2, xp.stack(rho)])

    sds = scale.sds("sd", tuple(f"sd({visit})" for visit in structure.visit_labels))
    return CovariancePrior((sds, partial), theta)


def additive(structure: Additive, scale: PriorScale) -> CovariancePrior:
    """The parts' priors side by side, their variables numbered by part."""
    parts = [
        covariance_prior(part, scale.priors, scale.s, scale.coords[:, columns])
        for part, _, columns in structure.split()
    ]
    return _side_by_side(parts)


def generic(structure: CovarianceStructure, scale: PriorScale) -> CovariancePrior:
    """For structures that others register, read off their working coordinates.

    'log' parameters are variances: half-t on their roots; 'atanh' ones correlations: uniform on (-1, 1);
    'identity' ones covariances: Normal(0, (sd_scale s)^2); Cholesky factors: half-t standard deviations and LKJ.
    Where Sigma is not positive definite the prior is zero.
    """
    return _from_working(structure.working, structure.parameter_names, scale)


COVARIANCE_PRIORS: dict[type, Callable[[Any, PriorScale], CovariancePrior]] = {
    Unstructured: unstructured,
    RandomEffects: random_effects,
    Independent: independent,
    CompoundSymmetry: compound_symmetry,
    Autoregressive: autoregressive,
    HeterogeneousAutoregressive: autoregressive,
    HeterogeneousToeplitz: toeplitz,
    Additive: additive,
}
"""Structures with a prior of their own (exact type, for a subclass may mean something else by theta)."""


def covariance_from_partials(sd: Any, partial: Any, size: int, xp: Any) -> Any:
    """vech of D R D from `size` standard deviations and the canonical partial correlations below them, row by row.

    Row i of R's Cholesky factor is z_i1, z_i2 sqrt(1 - z_i1^2), ... (Lewandowski, Kurowicka and Joe 2009, section 2).
    """
    row, column = np.tril_indices(size)
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    below = i > j
    position = np.where(below, i * (i - 1) // 2 + j, 0)
    z = partial[position] * below + np.eye(size)
    left = np.ones(size)
    columns = []
    for m in range(size):
        columns.append(z[:, m] * left * (np.arange(size) >= m))
        left = left * (1 - (z[:, m] * (np.arange(size) > m)) ** 2) ** 0.5
    factor = sd[:, None] * xp.stack(columns, axis=1)
    return (factor[row] * factor[column]).sum(axis=1)


def autocorrelations(partial: list[Any]) -> list[Any]:
    """rho_1 .. rho_m from partial autocorrelations, by the Durbin-Levinson recursion."""
    rho: list[Any] = []
    phi: list[Any] = []
    for a in partial:
        predicted = sum((f * r for f, r in zip(phi, reversed(rho), strict=True)), 0.0)
        left = 1 - sum((f * r for f, r in zip(phi, rho, strict=True)), 0.0)
        rho.append(predicted + a * left)
        phi = [f - a * g for f, g in zip(phi, reversed(phi), strict=True)] + [a]
    return rho


def _sds_and_lkj(sds: HalfT, eta: float) -> CovariancePrior:
    """LKJ(eta): independent partial correlations, Beta(eta + (T - 1 - m) / 2) in the m-th column of the vine."""
    size = len(sds.labels)
    if size == 1:
        return CovariancePrior((sds,), lambda v, xp: v["sd"] ** 2)
    row, column = np.tril_indices(size, -1)
    partial = StretchedBeta(
        "partial",
        tuple(f"partial({i + 1}, {j + 1})" for i, j in zip(row, column, strict=True)),
        tuple(float(eta + (size - 2 - j) / 2) for j in column),
        joint=(("correlation matrix", f"LKJ({eta:.4g})"),),
    )
    return CovariancePrior(
        (sds, partial), lambda v, xp: covariance_from_partials(v["sd"], v["partial"], size, xp)
    )


def _side_by_side(parts: list[CovariancePrior]) -> CovariancePrior:
    variables = tuple(replace(v, name=f"{v.name}{i}") for i, part in enumerate(parts) for v in part.variables)

    def theta(values: Values, xp: Any) -> Any:
        return xp.concatenate(
            [
                part.theta({v.name: values[f"{v.name}{i}"] for v in part.variables}, xp)
                for i, part in enumerate(parts)
            ]
        )

    return CovariancePrior(variables, theta)


def _from_working(working: Working, names: tuple[str, ...], scale: PriorScale) -> CovariancePrior:
    if isinstance(working, Joined):
        ends = np.cumsum(working.sizes)
        return _side_by_side(
            [
                _from_working(part, names[end - size : end], scale)
                for part, size, end in zip(working.parts, working.sizes, ends, strict=True)
            ]
        )
    if isinstance(working, CholeskyFactor):
        sds = scale.sds("sd", tuple(f"sd({i + 1})" for i in range(working.size)))
        return _sds_and_lkj(sds, scale.priors.correlation_eta)
    if not isinstance(working, Elementwise):
        raise EngineError(
            f"ml.Bayesian() has no prior for working coordinates of type {type(working).__name__}; use Elementwise, "
            "CholeskyFactor or Joined, or add the structure to COVARIANCE_PRIORS."
        )
    return _side_by_side(
        [_elementwise(kind, name, scale) for kind, name in zip(working.kinds, names, strict=True)]
    )


def _elementwise(kind: str, name: str, scale: PriorScale) -> CovariancePrior:
    if kind == "log":
        return CovariancePrior((scale.sds("sd", (f"square root of {name}",)),), lambda v, xp: v["sd"] ** 2)
    if kind == "atanh":
        return CovariancePrior(
            (StretchedBeta("correlation", (name,), (1.0,)),), lambda v, xp: v["correlation"]
        )
    covariance = Gaussian("covariance", (name,), ((scale.priors.sd_scale * scale.s) ** 2,))
    return CovariancePrior((covariance,), lambda v, xp: v["covariance"])
