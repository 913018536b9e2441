"""Multiple imputation with Rubin's rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from msclong.design.design import Design
from msclong.design.factored_matrix import FactoredMatrix
from msclong.engines.frequentist.arguments import is_count
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import ConvergenceError, SpecError
from msclong.likelihood.gls import generalised_least_squares
from msclong.likelihood.standardised import standardise
from msclong.results.fit import Fit
from msclong.results.point_estimate import FTest, PointEstimate, SmallSample
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.wald import wald_statistic
from msclong.sensitivity.assumption import Assumption
from msclong.sensitivity.conditional_mean import imputed_residuals
from msclong.sensitivity.planned_visits import PlannedVisits

MOST_TRIES = 100
"""Draws of the covariance parameters, for each that is positive definite, before giving up."""


@dataclass(frozen=True)
class MultipleImputation:
    """Impute by draws, analyse each completed table by the model, pool by Rubin's rules.

    Parameters
    ----------
    seed : int
        Of the draws; the same seed gives the same table.
    imputations : int, 2 or more

    Parameters of the imputation are draws of the posterior where the fit has them (ml.Bayesian); else theta is drawn
    from the normal approximation to its estimate, and beta from its distribution given theta.

    The variance that Rubin's rules give reference-based imputation is "information-anchored": missing outcomes cost
    the information that they cost under MAR (Cro, Carpenter and Kenward 2019, J R Stat Soc A 182:623). The jackknife
    estimates the variance in repeated trials, which is smaller, as outcomes that are copied from the reference vary
    less (Bartlett 2023, Stat Biopharm Res 15:178).

    Raises SpecError for other arguments.

    Examples
    --------
    >>> import msclong as ml
    >>> asked = ml.sensitivity.MultipleImputation(seed=1, imputations=20)
    >>> data = ml.datasets.hamd17()
    >>> fit = ml.fit(ml.ModelSpec("change ~ TRT * week + us(week | PATIENT)", outcome_type="change"), data)
    >>> found = ml.sensitivity.reference_based(fit, "J2R", inference=asked)
    >>> found.inference
    "Multiple imputation (20 tables, seed 1), pooled by Rubin's rules."
    """

    seed: int
    imputations: int = 100

    def __post_init__(self) -> None:
        if not is_count(self.seed, 0):
            raise SpecError(f"MultipleImputation needs a seed, an integer from 0 up; got {self.seed!r}.")
        if not is_count(self.imputations, 2):
            raise SpecError(
                f"imputations is an integer from 2 up: one table says nothing of the variance between; got "
                f"{self.imputations!r}."
            )


@dataclass(frozen=True, eq=False)
class Rubin:
    """Pooled inference from m completed tables: T = W + (1 + 1/m) B, with Barnard and Rubin's degrees of freedom.

    within, between : W and B, (p, p). of_each : the small-sample method of each completed table.
    Rubin (1987); Barnard and Rubin (1999), Biometrika 86:948.
    """

    within: np.ndarray
    between: np.ndarray
    of_each: tuple[SmallSample, ...]

    @property
    def vcov(self) -> np.ndarray:
        return self.within + (1 + 1 / len(self.of_each)) * self.between

    def df(self, L: np.ndarray) -> np.ndarray:
        m = len(self.of_each)
        total, between = (np.einsum("ip,pq,iq->i", L, V, L) for V in (self.vcov, self.between))
        share = (1 + 1 / m) * between / total
        complete = np.mean([one.df(L) for one in self.of_each], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            observed = np.where(
                np.isinf(complete), np.inf, (complete + 1) / (complete + 3) * complete * (1 - share)
            )
            return 1 / (share**2 / (m - 1) + 1 / observed)

    def f_test(self, beta: np.ndarray, L: np.ndarray) -> FTest:
        return FTest(wald_statistic(beta, self.vcov, L), len(L), float(self.df(L).min()))


def multiply_imputed(
    fit: Fit, assumption: Assumption, shift: np.ndarray, asked: MultipleImputation
) -> PointEstimate:
    """The pooled estimate where imputed outcomes are moved by `shift`, (m,).

    Raises ConvergenceError where no draw of the covariance is positive definite.
    """
    planned, rng = assumption.planned, np.random.default_rng(asked.seed)
    engine = fit.engine if isinstance(fit.engine, Frequentist) else Frequentist()
    whole = completed_design(planned)
    moved = assumption.shifts @ shift
    betas, methods = [], []
    for beta, theta in _draws(fit, planned, asked.imputations, rng):
        drawn = imputed_residuals(assumption, beta, planned.sigma(theta), rng)
        y = planned.X @ beta + drawn + moved
        found = engine.fit(replace(whole, y=y.reshape(-1))).estimate
        assert isinstance(found, PointEstimate)  # a frequentist engine makes no draws
        betas.append(found.beta)
        methods.append(found.small_sample)
    return PointEstimate(
        fit.estimate.names,
        np.mean(betas, axis=0),
        Rubin(
            np.mean([method.vcov for method in methods], axis=0),
            np.atleast_2d(np.cov(betas, rowvar=False)),
            tuple(methods),
        ),
    )


def completed_design(planned: PlannedVisits) -> Design:
    """The design of the completed table; its outcomes are NaN where they are missing, to be replaced."""
    design, (n, T, p) = planned.design, planned.X.shape
    rows = np.repeat(np.arange(n), T)
    blank = np.zeros(n * T)
    return replace(
        design,
        fixed=replace(
            design.fixed, factored=FactoredMatrix.of(planned.X.reshape(n * T, p)), frame=planned.frame
        ),
        y=planned.y.reshape(-1),
        subject=rows,
        covariance=replace(design.covariance, unit=rows),
        coords=np.stack(planned.coords)[planned.group].reshape(n * T, -1),
        observed=replace(
            design.observed,
            data={"y": planned.y.reshape(-1)},
            offset=blank,
            dispersion=np.zeros(n * T, dtype=np.intp),
        ),
    )


def _draws(
    fit: Fit, planned: PlannedVisits, m: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """m draws of beta (p,) and theta (k,)."""
    if isinstance(fit.estimate, PosteriorDraws):
        flat, theta = fit.estimate.flat, fit.estimate.flat_theta
        for draw in rng.choice(len(flat), size=m, replace=m > len(flat)):
            yield flat[draw], theta[draw]
        return
    structure, components = fit.design.structure, fit.covariance
    standardised = standardise(fit.design.moments)
    errors = np.zeros((components.theta.size, 0)) if components.errors is None else components.errors
    tries = 0
    for _ in range(m):
        gls = None
        while gls is None:
            tries += 1
            if tries > MOST_TRIES * m:
                raise ConvergenceError(
                    "The normal approximation to the covariance parameters is hardly ever a covariance: too few "
                    "subjects for it. Impute from a posterior: fit with ml.Bayesian(seed=1)."
                )
            theta = components.theta + errors @ rng.standard_normal(errors.shape[1])
            if np.linalg.eigvalsh(planned.sigma(theta)).min() <= 0:
                continue
            scaled = structure.scale(theta, 1 / standardised.scale)
            gls = generalised_least_squares(structure, scaled, standardised.moments)
        yield standardised.coefficients(gls.beta + gls.C @ rng.standard_normal(len(gls.beta))), theta


def imputed_values(planned: PlannedVisits, values: np.ndarray) -> pd.DataFrame:
    """The missing outcomes with their `values` (n, T): subject and visit name the rows; whether after dropout."""
    who, when = np.nonzero(~planned.observed)
    rows = pd.MultiIndex.from_arrays(
        [planned.subjects[who], [planned.visits[t] for t in when]],
        names=[planned.design.data.subject, planned.design.visit],
    )
    table = {"imputed": values[who, when], "after_dropout": planned.after[who, when]}
    return pd.DataFrame(table, index=rows)
