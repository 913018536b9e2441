"""The priors of one design, with numbers: what `Priors` means for these covariates and this outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.design.design import Design
from msclong.engines.bayesian.covariance_priors import covariance_prior
from msclong.engines.bayesian.covariance_variables import CovariancePrior
from msclong.engines.bayesian.jeffreys import jeffreys
from msclong.likelihood.standardised import Standardised

CONSTANT = 1e-12
"""A column is constant when its SD is below this share of its largest absolute value."""


@dataclass(frozen=True, eq=False)
class CoefficientPrior:
    """K beta ~ Normal(location, diag(sd^2)), proper: K (p, p) is invertible.

    Row j of K picks coefficient j; where column j of X is constant (the intercept), the mean outcome at the
    covariates' means instead, so that the prior does not depend on where a covariate has its zero.
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
    """All priors of a design. outcome_scale : s, in outcome units; `pre_specified` says whether the spec gave it."""

    outcome_scale: float
    pre_specified: bool
    coefficients: CoefficientPrior
    covariance: CovariancePrior

    def table(self) -> pd.DataFrame:
        """Each parameter and its prior as text, in outcome units; indexed by parameter."""
        c = self.coefficients
        rows = [
            (name, f"Normal({m:.4g}, {sd:.4g})")
            for name, m, sd in zip(c.names, c.location, c.sd, strict=True)
        ]
        rows += [row for variable in self.covariance.variables for row in variable.described()]
        return pd.DataFrame(rows, columns=["parameter", "prior"]).set_index("parameter")

    def note(self) -> str:
        """Where the outcome scale comes from, as a sentence."""
        if self.pre_specified:
            return f"Priors are on the pre-specified outcome scale s = {self.outcome_scale:.4g}."
        return (
            f"Priors are on the scale s = {self.outcome_scale:.4g}, the SD of the outcome in these data; "
            "state Priors(outcome_scale=...) beforehand where earlier trials tell it."
        )


def model_priors(design: Design) -> ModelPriors:
    """The priors that the spec's `Priors` gives this design."""
    priors = design.spec.priors
    stated = priors.outcome_scale
    s = float(np.std(design.y, ddof=1)) if stated is None else float(stated)
    return ModelPriors(
        outcome_scale=s,
        pre_specified=stated is not None,
        coefficients=_coefficient_prior(design, s),
        covariance=(
            jeffreys(design)
            if priors.covariance == "jeffreys"
            else covariance_prior(design.structure, priors, s, design.coords)
        ),
    )


def _coefficient_prior(design: Design, s: float) -> CoefficientPrior:
    priors, X = design.spec.priors, design.fixed.X
    names = list(design.fixed.names)
    spread = X.std(axis=0)
    constant = np.flatnonzero(spread <= CONSTANT * np.abs(X).max(axis=0))
    mean_outcome = float(design.y.mean())
    K = np.eye(X.shape[1])
    sd = priors.coefficient_sd * s / np.where(spread > 0, spread, 1.0)
    location = np.zeros(X.shape[1])
    if constant.size:
        j = int(constant[0])  # columns are not aliased: at most one is constant
        K[j] = X.mean(axis=0)
        sd[j] = priors.intercept_sd * s
        location[j] = mean_outcome
        names[j] = "mean outcome (intercept at the covariates' means)"
    else:
        location = mean_outcome * _constant_as_combination(X)
    return CoefficientPrior(tuple(names), K, location, sd)


def _constant_as_combination(X: np.ndarray) -> np.ndarray:
    """c with X c = 1 where there is one (a mean for each visit, say), else zeros: no shrinking of means to zero."""
    ones = np.ones(len(X))
    combination = np.linalg.lstsq(X, ones, rcond=None)[0]
    return combination if np.allclose(X @ combination, ones, atol=1e-8) else np.zeros(X.shape[1])
