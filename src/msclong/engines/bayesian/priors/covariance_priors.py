"""Priors of covariance parameters, by structure: independent variables, and the map from them to theta.

Every map is written with an array namespace `xp` (numpy or pytensor.tensor), so that the sampler's graph and the
conversion of draws are one definition. A structure without an entry in COVARIANCE_PRIORS gets the generic prior.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.antedependence import Antedependence, HeterogeneousAntedependence
from msclong.covariance.autoregressive import Autoregressive, HeterogeneousAutoregressive
from msclong.covariance.by_group import ByGroup
from msclong.covariance.compound_symmetry import CompoundSymmetry, HeterogeneousCompoundSymmetry
from msclong.covariance.diagonal import Diagonal, HomogeneousDiagonal
from msclong.covariance.independent import Independent
from msclong.covariance.partial_autocorrelations import (
    Autocovariances,
    PartialAutocorrelations,
    autocorrelations,
    partial_autocorrelations,
)
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.scaled import Scaled
from msclong.covariance.scaled_correlation import ScaledCorrelation
from msclong.covariance.spatial import SpatialExponential, SpatialGaussian
from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.toeplitz import HeterogeneousToeplitz, Toeplitz
from msclong.covariance.unstructured import Unstructured
from msclong.covariance.visit_structure import VisitStructure
from msclong.covariance.within_groups import WithinGroups
from msclong.covariance.working import CholeskyFactor, Elementwise, Joined, Working, congruence
from msclong.covariance.wrapped import Wrapped
from msclong.engines.bayesian.priors.centred_columns import AT_MEANS
from msclong.engines.bayesian.priors.centred_effects import centred_effects
from msclong.engines.bayesian.priors.covariance_variables import (
    CovariancePrior,
    Gaussian,
    HalfT,
    PriorScale,
    StretchedBeta,
    Values,
)
from msclong.engines.bayesian.priors.partial_correlations import (
    covariance_from_partials,
    factor_from_partials,
    partials_from_covariance,
    vech_of_square,
)
from msclong.errors import EngineError
from msclong.spec.prior import Priors

EVERY_VISIT = "sd (every visit)"
"""Label of a standard deviation that all visits share."""

TO_ZEROS = "to zeros"
"""Name of T among the `data` of the prior of random effects, see `centred_effects`."""


def covariance_prior(
    structure: CovarianceStructure, priors: Priors, s: float, coords: np.ndarray
) -> CovariancePrior:
    """The prior of a structure's parameters, in outcome units.

    coords : (N, d) of the rows, or (N, m, d) where they have m linear predictors.
    Raises EngineError for a structure whose working coordinates have no generic prior.
    """
    build = COVARIANCE_PRIORS.get(type(structure), generic)
    return build(structure, PriorScale(priors, s, coords if coords.ndim == 3 else coords[:, None]))


def unstructured(structure: Unstructured, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviation for each visit, LKJ correlation matrix."""
    sds = scale.sds("sd", _by_visit(structure))
    return sds_and_lkj(sds, scale.priors.correlation_eta)


def random_effects(structure: RandomEffects, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviation for each effect, per SD of its covariate; LKJ correlation matrix.

    Of the effects at the covariates' means (see `centred_effects`): the prior does not depend on where a covariate
    has its zero. A standard deviation that the priors name 'sd(Intercept)' is that of the intercept as it is written.
    """
    labels = [f"sd({effect})" for effect in structure.effects]
    per, T = centred_effects(scale.coords, [label in scale.priors.sds for label in labels])
    moved = (np.eye(len(T)) != T).any(axis=1)
    labels = [f"{label} {AT_MEANS}" if at else label for label, at in zip(labels, moved, strict=True)]
    return correlated_effects(scale.sds("sd", tuple(labels), per), scale.priors.correlation_eta, T)


def independent(structure: Independent, scale: PriorScale) -> CovariancePrior:
    """Half-t residual standard deviation."""
    return _variances(scale.sds("sd", ("residual sd",)))


def compound_symmetry(structure: CompoundSymmetry, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviation; correlation uniform where the matrix is positive definite."""
    lower = -1 / (structure.n_visits - 1)

    def theta(v: Values, xp: Any) -> Any:
        variance, rho = v["sd"][0] ** 2, v["correlation"][0]
        return xp.stack([rho * variance, (1 - rho) * variance])

    def values(theta: np.ndarray) -> dict[str, np.ndarray]:
        variance = theta.sum(axis=1, keepdims=True)
        return {"sd": np.sqrt(variance), "correlation": theta[:, :1] / variance}

    sds = scale.sds("sd", (EVERY_VISIT,))
    return CovariancePrior(
        (sds, StretchedBeta("correlation", ("correlation",), (1.0,), lower)), theta, values
    )


def scaled_correlation(
    structure: ScaledCorrelation, scale: PriorScale, lower: float = -1.0
) -> CovariancePrior:
    """Half-t standard deviations; correlations uniform on (lower, 1): every one of them is possible by itself."""
    names = structure.correlation_names()
    sds = _sds(structure, scale)
    m = len(sds.labels)
    return CovariancePrior(
        (sds, StretchedBeta("correlation", names, (1.0,) * len(names), lower)),
        lambda v, xp: xp.concatenate([v["sd"] ** 2, v["correlation"]]),
        lambda theta: {"sd": np.sqrt(theta[:, :m]), "correlation": theta[:, m:]},
    )


def heterogeneous_compound_symmetry(
    structure: HeterogeneousCompoundSymmetry, scale: PriorScale
) -> CovariancePrior:
    """Half-t standard deviations; correlation uniform where the matrix is positive definite."""
    return scaled_correlation(structure, scale, lower=-1 / (structure.n_visits - 1))


def heterogeneous_toeplitz(structure: HeterogeneousToeplitz, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviations; partial autocorrelations uniform on (-1, 1).

    Partial autocorrelations reach every positive definite Toeplitz correlation matrix and no other
    (Barndorff-Nielsen and Schou 1973, Journal of Multivariate Analysis 3:408).
    """
    lags = structure.n_visits - 1
    return CovariancePrior(
        (_sds(structure, scale), _partials(lags)),
        lambda v, xp: xp.concatenate([v["sd"] ** 2, _autocorrelations(v, lags, xp)]),
        lambda theta: {"sd": np.sqrt(theta[:, :-lags]), "partial": _partials_of(theta[:, -lags:])},
    )


def toeplitz(structure: Toeplitz, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviation; partial autocorrelations uniform on (-1, 1)."""
    return _autocovariances(structure.n_visits - 1, scale)


def diagonal(structure: Diagonal, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviation for each visit."""
    return _variances(scale.sds("sd", _by_visit(structure)))


def homogeneous_diagonal(structure: HomogeneousDiagonal, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviation."""
    return _variances(scale.sds("sd", (EVERY_VISIT,)))


def spatial(structure: SpatialExponential, scale: PriorScale) -> CovariancePrior:
    """Half-t standard deviation; log-normal range."""
    return CovariancePrior(
        (scale.sds("sd", (EVERY_VISIT,)), scale.range("range")),
        lambda v, xp: xp.concatenate([v["sd"] ** 2, v["range"]]),
        lambda theta: {"sd": np.sqrt(theta[:, :1]), "range": theta[:, 1:]},
    )


def additive(structure: Additive, scale: PriorScale) -> CovariancePrior:
    """The parts' priors side by side, their variables numbered by part; by group, labelled by it."""
    parts = [
        covariance_prior(part, scale.priors, scale.s, scale.coords[..., columns])
        for part, _, columns in structure.split()
    ]
    if isinstance(structure, ByGroup):
        parts = [labelled(part, group) for part, group in zip(parts, structure.groups, strict=True)]
    return side_by_side(parts)


def wrapped(structure: Wrapped, scale: PriorScale) -> CovariancePrior:
    """The part's own prior; with observation weights, that of an observation of weight one."""
    return covariance_prior(structure.part, scale.priors, scale.s, scale.coords[..., 1:])


def generic(structure: CovarianceStructure, scale: PriorScale) -> CovariancePrior:
    """For structures that others register, read off their working coordinates.

    'log' parameters are variances: half-t on their roots; 'atanh' ones correlations: uniform on (-1, 1); 'range' ones
    ranges in time: log-normal; 'identity' ones covariances: Normal(0, (sd_scale s)^2); Cholesky factors: half-t
    standard deviations and LKJ; partial autocorrelations: uniform on (-1, 1).
    Where Sigma is not positive definite the prior is zero.
    """
    return _from_working(structure.working, structure.parameter_names, scale)


COVARIANCE_PRIORS: dict[type, Callable[[Any, PriorScale], CovariancePrior]] = {
    Unstructured: unstructured,
    RandomEffects: random_effects,
    Independent: independent,
    CompoundSymmetry: compound_symmetry,
    HeterogeneousCompoundSymmetry: heterogeneous_compound_symmetry,
    Autoregressive: scaled_correlation,
    HeterogeneousAutoregressive: scaled_correlation,
    Antedependence: scaled_correlation,
    HeterogeneousAntedependence: scaled_correlation,
    Toeplitz: toeplitz,
    HeterogeneousToeplitz: heterogeneous_toeplitz,
    SpatialExponential: spatial,
    SpatialGaussian: spatial,
    Diagonal: diagonal,
    HomogeneousDiagonal: homogeneous_diagonal,
    Additive: additive,
    ByGroup: additive,
    WithinGroups: wrapped,
    Scaled: wrapped,
}
"""Structures with a prior of their own (exact type, for a subclass may mean something else by theta)."""


def _by_visit(structure: VisitStructure) -> tuple[str, ...]:
    return tuple(f"sd({visit})" for visit in structure.visit_labels)


def _sds(structure: ScaledCorrelation, scale: PriorScale) -> HalfT:
    return scale.sds("sd", _by_visit(structure) if structure.heterogeneous else (EVERY_VISIT,))


def _variances(sds: HalfT) -> CovariancePrior:
    return CovariancePrior((sds,), lambda v, xp: v["sd"] ** 2, lambda theta: {"sd": np.sqrt(theta)})


def _partials(lags: int) -> StretchedBeta:
    names = tuple(f"partial autocorrelation(lag {lag})" for lag in range(1, lags + 1))
    return StretchedBeta("partial", names, (1.0,) * lags)


def _autocorrelations(values: Values, lags: int, xp: Any) -> Any:
    return xp.stack(autocorrelations([values["partial"][lag] for lag in range(lags)]))


def _partials_of(rho: np.ndarray) -> np.ndarray:
    return np.array([partial_autocorrelations(row) for row in rho])


def _autocovariances(lags: int, scale: PriorScale) -> CovariancePrior:
    return CovariancePrior(
        (scale.sds("sd", (EVERY_VISIT,)), _partials(lags)),
        lambda v, xp: v["sd"][0] ** 2 * xp.concatenate([np.ones(1), _autocorrelations(v, lags, xp)]),
        lambda theta: {"sd": np.sqrt(theta[:, :1]), "partial": _partials_of(theta[:, 1:] / theta[:, :1])},
    )


def sds_and_lkj(sds: HalfT, eta: float) -> CovariancePrior:
    """LKJ(eta): independent partial correlations, Beta(eta + (T - 1 - m) / 2) in the m-th column of the vine."""
    size = len(sds.labels)
    if size == 1:
        return _variances(sds)
    row, column = np.tril_indices(size, -1)
    partial = StretchedBeta(
        "partial",
        tuple(f"partial({i + 1}, {j + 1})" for i, j in zip(row, column, strict=True)),
        tuple(float(eta + (size - 2 - j) / 2) for j in column),
        joint=(("correlation matrix", f"LKJ({eta:.4g})"),),
    )
    return CovariancePrior(
        (sds, partial),
        lambda v, xp: covariance_from_partials(v["sd"], v["partial"], size, xp),
        lambda theta: dict(zip(("sd", "partial"), partials_from_covariance(theta, size), strict=True)),
        (slice(0, size * (size + 1) // 2),),
    )


def correlated_effects(sds: HalfT, eta: float, T: np.ndarray) -> CovariancePrior:
    """Half-t standard deviations and an LKJ(eta) correlation matrix of b_c; theta is the covariance of b = T b_c."""
    size = len(sds.labels)
    centred = sds_and_lkj(sds, eta)
    if size == 1:
        return centred

    def theta(v: Values, xp: Any) -> Any:
        factor = factor_from_partials(v["sd"], v["partial"], size, xp)
        return vech_of_square(v.get(TO_ZEROS, T) @ factor, size)

    back = congruence(np.linalg.inv(T))
    # Of effects with hardly any variance the matrix is near singular: its elements one by one suit it better.
    return CovariancePrior(
        centred.variables, theta, lambda theta: centred.values(theta @ back.T), data={TO_ZEROS: T}
    )


def labelled(prior: CovariancePrior, group: str) -> CovariancePrior:
    """The same prior where every label names the group."""
    return replace(prior, variables=tuple(v.of_group(group) for v in prior.variables))


def side_by_side(parts: list[CovariancePrior]) -> CovariancePrior:
    variables = tuple(
        replace(v, name=f"{v.name}_{i}") for i, part in enumerate(parts) for v in part.variables
    )
    data = {f"{name}_{i}": array for i, part in enumerate(parts) for name, array in part.data.items()}

    def theta(values: Values, xp: Any) -> Any:
        known = {**data, **values}
        return xp.concatenate(
            [
                part.theta({name: known[f"{name}_{i}"] for name in part.names}, xp)
                for i, part in enumerate(parts)
            ]
        )

    def inverse(theta: np.ndarray) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        start = 0
        for i, part in enumerate(parts):
            end = start + sum(len(v.labels) for v in part.variables)  # as many parameters as variables
            found |= {f"{name}_{i}": value for name, value in part.values(theta[:, start:end]).items()}
            start = end
        return found

    sizes = [sum(len(v.labels) for v in part.variables) for part in parts]
    starts = np.cumsum([0, *sizes])
    matrices = tuple(
        slice(int(start) + m.start, int(start) + m.stop)
        for start, part in zip(starts, parts, strict=False)
        for m in part.matrices
    )
    return CovariancePrior(variables, theta, inverse, matrices, data)


def _from_working(working: Working, names: tuple[str, ...], scale: PriorScale) -> CovariancePrior:
    if isinstance(working, Joined):
        ends = np.cumsum(working.sizes)
        return side_by_side(
            [
                _from_working(part, names[end - size : end], scale)
                for part, size, end in zip(working.parts, working.sizes, ends, strict=True)
            ]
        )
    if isinstance(working, CholeskyFactor):
        sds = scale.sds("sd", tuple(f"sd({i + 1})" for i in range(working.size)))
        return sds_and_lkj(sds, scale.priors.correlation_eta)
    if isinstance(working, Autocovariances):
        return _autocovariances(working.lags, scale)
    if isinstance(working, PartialAutocorrelations):
        lags = working.lags
        return CovariancePrior(
            (_partials(lags),),
            lambda v, xp: _autocorrelations(v, lags, xp),
            lambda theta: {"partial": _partials_of(theta)},
        )
    if not isinstance(working, Elementwise):
        raise EngineError(
            f"ml.Bayesian() has no prior for working coordinates of type {type(working).__name__}; use Elementwise, "
            "CholeskyFactor, PartialAutocorrelations or Joined, or add the structure to COVARIANCE_PRIORS."
        )
    return side_by_side(
        [_elementwise(kind, name, scale) for kind, name in zip(working.kinds, names, strict=True)]
    )


def _elementwise(kind: str, name: str, scale: PriorScale) -> CovariancePrior:
    if kind == "log":
        return _variances(scale.sds("sd", (f"square root of {name}",)))
    if kind == "range":
        return CovariancePrior((scale.range(name),), lambda v, xp: v["range"], lambda theta: {"range": theta})
    if kind == "atanh":
        return CovariancePrior(
            (StretchedBeta("correlation", (name,), (1.0,)),),
            lambda v, xp: v["correlation"],
            lambda theta: {"correlation": theta},
        )
    covariance = Gaussian("covariance", (name,), ((scale.priors.sd_scale * scale.s) ** 2,))
    return CovariancePrior((covariance,), lambda v, xp: v["covariance"], lambda theta: {"covariance": theta})
