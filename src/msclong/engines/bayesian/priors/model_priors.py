"""The priors of one design, with numbers: what `Priors` means for these covariates and this outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import log, prod

import numpy as np
import pandas as pd

from msclong.design.design import Design
from msclong.design.fixed_effects import FixedEffects
from msclong.engines.bayesian.priors.centred_columns import AT_MEANS, CONSTANT, centred
from msclong.engines.bayesian.priors.covariance_priors import covariance_prior
from msclong.engines.bayesian.priors.covariance_variables import CovariancePrior
from msclong.engines.bayesian.priors.jeffreys import power_of_determinant
from msclong.engines.bayesian.priors.named_priors import check_names, with_named_variables
from msclong.errors import DesignError, SpecError
from msclong.likelihood.standardised import Standardised
from msclong.spec.distributions import Mixture, Normal
from msclong.spec.prior import Priors

MEAN_OUTCOME = "mean outcome (intercept at the covariates' means)"
"""The intercept's default parameter in tables of priors."""

MOST_COMPONENTS = 64
"""Combinations of the components of named mixtures: each costs an integral over beta at every draw."""


@dataclass(frozen=True, eq=False)
class CoefficientPrior:
    """K beta ~ Normal(location, diag(sd^2)), proper: K (p, p) is invertible.

    Row j of K picks coefficient j of the model with centred covariates; where column j of X is constant (the
    intercept), the mean outcome at the covariates' means: the prior does not depend on where a covariate has its zero.
    """

    names: tuple[str, ...]
    K: np.ndarray
    location: np.ndarray
    sd: np.ndarray

    def rows(self, standardised: Standardised) -> np.ndarray:
        """The prior as p observations of unit variance, (p, p + 1), in standardised units."""
        scaled = self.K / self.sd[:, None]
        design = standardised.scale * scaled @ standardised.back
        outcome = self.location / self.sd - scaled @ standardised.ols
        return np.column_stack([design, outcome])


@dataclass(frozen=True, eq=False)
class ModelPriors:
    """All priors of a design. outcome_scale : s, in units of y; `pre_specified` says whether the spec gave it.

    coefficients : the prior of beta, or where single coefficients have mixtures the first component of their product;
    `components` has all. stated : text of the priors that the spec states by name. measured : what is Gaussian, the
    outcome or 'log(outcome)'. unused : a sentence about settings that nothing uses, or empty.
    """

    outcome_scale: float
    pre_specified: bool
    components: tuple[tuple[float, CoefficientPrior], ...]
    stated: Mapping[str, str]
    covariance: CovariancePrior
    measured: str = "the outcome"
    unused: str = ""

    @property
    def coefficients(self) -> CoefficientPrior:
        return self.components[0][1]

    def prior_rows(self, standardised: Standardised) -> list[tuple[float, np.ndarray]]:
        """For each component its log weight in the integral over beta, and the component as observations.

        The log weight is log w - sum log sd: with it, p(theta, y) is the sum over components of exp(log weight) times
        the likelihood with those observations, up to one constant.
        """
        return [
            (log_weight - float(np.log(prior.sd).sum()), prior.rows(standardised))
            for log_weight, prior in self.components
        ]

    def table(self) -> pd.DataFrame:
        """Each parameter and its prior as text, in units of y; indexed by parameter."""
        c = self.coefficients
        rows = [
            (name, self.stated.get(name, f"Normal({m:.4g}, {sd:.4g})"))
            for name, m, sd in zip(c.names, c.location, c.sd, strict=True)
        ]
        rows += [row for variable in self.covariance.variables for row in variable.described()]
        return pd.DataFrame(rows, columns=["parameter", "prior"]).set_index("parameter")

    def note(self) -> str:
        """Where the outcome scale comes from, and what of the spec's `Priors` nothing uses, as sentences."""
        told = f"Priors are on the pre-specified scale s = {self.outcome_scale:.4g} of {self.measured}."
        if not self.pre_specified:
            told = scale_of_these_data(self.outcome_scale, self.measured)
        return told + self.unused


def model_priors(design: Design) -> ModelPriors:
    """The priors that the spec's `Priors` gives this design.

    Raises SpecError for a named prior of a parameter that the model does not have, or too many mixture components.
    """
    priors = design.spec.priors
    s = outcome_scale(design)
    default = coefficient_prior(design.fixed, priors, s, float(design.y.mean()))
    covariance = (
        covariance_prior(design.structure, priors, s, design.coords)
        if priors.covariance == "weakly informative"
        else power_of_determinant(design)
    )
    return ModelPriors(
        outcome_scale=s,
        pre_specified=priors.outcome_scale is not None,
        components=coefficient_components(default, design.fixed.names, priors.coefficients),
        stated={name: str(stated) for name, stated in priors.coefficients.items()},
        covariance=with_named_variables(covariance, priors),
        measured=design.family.measured,
        unused=unused_shape(priors, covariance),
    )


def unused_shape(priors: Priors, covariance: CovariancePrior) -> str:
    """A sentence where the spec states an LKJ shape and no correlation matrix has that prior; else empty."""
    texts = [text for variable in covariance.variables for _, text in variable.described()]
    if priors.correlation_eta == Priors.correlation_eta or any(text.startswith("LKJ") for text in texts):
        return ""
    return (
        f" Priors(correlation_eta={priors.correlation_eta:g}) is not used: no matrix of this covariance has an LKJ "
        "prior; fit.priors has those that are."
    )


def scale_of_these_data(s: float, measured: str) -> str:
    """The sentence about an outcome scale that was not stated beforehand."""
    return (
        f"Priors are on the scale s = {s:.4g}, the SD of {measured} in these data; "
        "state Priors(outcome_scale=...) beforehand where earlier trials tell it."
    )


def outcome_scale(design: Design) -> float:
    """s: the spec's; else the SD of the (transformed) outcome in the data, or 1 for a predictor without unit.

    Raises DesignError for a constant outcome.
    """
    stated = design.spec.priors.outcome_scale
    if stated is None and design.linked:
        return 1.0
    if stated is not None:
        return float(stated)
    spread = float(np.std(design.measured, ddof=1))
    if not spread > 0:
        raise DesignError(
            f"{design.data.outcome!r} is the same in all rows, so there is no variation to model; check the column."
        )
    return spread


def coefficient_prior(
    fixed: FixedEffects, priors: Priors, s: float, mean: float, linked: bool = False
) -> CoefficientPrior:
    """The default prior of the coefficients of `fixed`, on the scale s about `mean`; linked : see `Design.linked`."""
    X, K = centred(fixed)
    names = [
        name if np.array_equal(row, unit) else f"{name} {AT_MEANS}"
        for name, row, unit in zip(fixed.names, K, np.eye(len(K)), strict=True)
    ]
    spread = X.std(axis=0)
    constant = np.flatnonzero(spread <= CONSTANT * np.abs(X).max(axis=0))
    sd = priors.coefficient_sd * s / np.where(spread > 0, spread, 1.0)
    location = np.zeros(X.shape[1])
    if constant.size:
        j = int(constant[0])  # columns are not aliased: at most one is constant
        K[j] = fixed.X.mean(axis=0)
        sd[j] = priors.sd_of_intercept(linked) * s
        location[j] = mean
        names[j] = MEAN_OUTCOME
    else:
        location = mean * K @ _constant_as_combination(fixed.X)
    return CoefficientPrior(tuple(names), K, location, sd)


def coefficient_components(
    default: CoefficientPrior, coefficients: tuple[str, ...], named: Mapping[str, Normal | Mixture]
) -> tuple[tuple[float, CoefficientPrior], ...]:
    """The product of the named mixtures: log weights and priors, each with the defaults of all other coefficients."""
    check_names(named, list(dict.fromkeys([*default.names, *coefficients])), "coefficients")
    K, names, rows = default.K.copy(), list(default.names), {}
    for name, prior in named.items():
        j = (default.names if name in default.names else coefficients).index(name)
        if j in rows:
            raise SpecError(
                f"Priors.coefficients states the intercept twice: {name!r} and {names[j]!r}; keep one."
            )
        if name != default.names[j]:  # the intercept itself, in place of the mean outcome
            K[j], names[j] = np.eye(len(K))[j], name
        rows[j] = [(1.0, prior)] if isinstance(prior, Normal) else list(prior)
    count = prod(len(row) for row in rows.values())
    if count > MOST_COMPONENTS:
        raise SpecError(
            f"The mixtures of Priors.coefficients have {count} combinations, of which {MOST_COMPONENTS} at most can be "
            "integrated out; use fewer components, or a Normal for some of them."
        )
    components = []
    for combination in product(*rows.values()):
        location, sd = default.location.copy(), default.sd.copy()
        for j, (_, normal) in zip(rows, combination, strict=True):
            location[j], sd[j] = normal.mean, normal.sd
        log_weight = sum(log(weight) for weight, _ in combination)
        components.append((log_weight, CoefficientPrior(tuple(names), K, location, sd)))
    return tuple(components)


def log_prior_of_coefficients(
    components: Sequence[tuple[float, CoefficientPrior]], beta: np.ndarray
) -> np.ndarray:
    """Log density of a mixture of priors with log weights at beta (S, p), up to a constant, (S,)."""
    each = []
    for log_weight, prior in components:
        z = (beta @ prior.K.T - prior.location) / prior.sd
        each.append(log_weight - np.log(prior.sd).sum() - (z**2).sum(axis=1) / 2)
    return np.asarray(np.logaddexp.reduce(each))


def _constant_as_combination(X: np.ndarray) -> np.ndarray:
    """c with X c = 1 where there is one (a mean for each visit, say), else zeros: no shrinking of means to zero."""
    ones = np.ones(len(X))
    combination = np.linalg.lstsq(X, ones, rcond=None)[0]
    return combination if np.allclose(X @ combination, ones, atol=1e-8) else np.zeros(X.shape[1])
