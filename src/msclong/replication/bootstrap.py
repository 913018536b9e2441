"""Parametric bootstrap of a fit: outcomes drawn from it, analysed again in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.marks import synthetic
from msclong.engines.frequentist.arguments import check_fit, check_flag, is_count, random_generator
from msclong.engines.frequentist.engine import Frequentist
from msclong.engines.frequentist.progress import Progress
from msclong.errors import ConvergenceError, ConvergenceWarning, EngineError, SpecError, warn
from msclong.linear_hypothesis import LinearHypothesis
from msclong.printing.overview import Overview, Shown
from msclong.replication.question import Question
from msclong.replication.refits import Refits, Refitter, at_a_time
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import check_level
from msclong.results.simulation import simulated
from msclong.results.stamp import stamp
from msclong.results.summary import summary_table

LEAST = 100
"""Replicates from which on a tail of 2.5 % says something."""

BATCH = 500
"""Data sets that are drawn and fitted at a time at most; results do not depend on it."""


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap(Shown):
    """What data sets drawn from a fit gave when they were analysed as the data were.

    contrasts, coefficients : tables with
        estimate, se : of the fit. bias, sd : mean of the replicates' estimates less the fit's, and their SD.
        lower, upper : bootstrap-t limits: the quantiles of the replicates' (estimate - the fit's) / se, times se.
        lower_percentile, upper_percentile : quantiles of the replicates' estimates.
        p_value : two-sided, the share of replicates whose |t| about the fit's estimate reaches that of the data about
        zero, (b + 1) / (R + 1); mcse : its Monte Carlo standard error.
    parameters : covariance parameters: estimate, bias, sd, lower, upper (percentiles).
    replicates, failed : data sets drawn; those without an estimate, which are left out.
    """

    contrasts: pd.DataFrame
    coefficients: pd.DataFrame
    parameters: pd.DataFrame
    replicates: int
    failed: int

    def _overview(self) -> Overview:
        facts = [f"{self.replicates:,} data sets drawn from the fitted model and fitted again."]
        if self.failed:
            facts.append(f"{self.failed:,} of them have no estimate and are left out.")
        first, second = (
            summary_table(table.drop(columns="sd"), caption)
            for table, caption in (
                (self.contrasts, "Contrasts; bootstrap-t limits"),
                (self.coefficients, "Coefficients"),
            )
        )
        return Overview(
            title="Parametric bootstrap",
            facts=tuple(facts),
            tables=(first,),
            more=(second, summary_table(self.parameters, "Covariance parameters; percentiles")),
            stamp=synthetic(self.contrasts) or "",
        )


def bootstrap(
    fit: Fit,
    n: int = 2000,
    contrast: Any = None,
    level: float = 0.95,
    seed: int | None = None,
    progress: bool | None = None,
) -> Bootstrap:
    """Draw outcomes from a fit for the same rows, fit them again, and see how estimates and t statistics vary.

    Parameters
    ----------
    fit : of ml.Frequentist(), Gaussian.
    n : data sets.
    contrast : as `power` has it; None: the rows of Fit.contrasts().
    level : of the limits.
    seed, progress : as elsewhere; the same seed gives the same numbers.

    The t statistics are those of the fit's own method (Kenward and Roger's standard errors, ...), without its df: the
    replicates' distribution takes the place of Student's. Source: Davison and Hinkley (1997), sections 5.2, 5.3, 4.4.

    Raises EngineError for other fits, SpecError for impossible arguments, ConvergenceError where no refit has an
    estimate; warns (ConvergenceWarning) where some have none.

    Examples
    --------
    >>> import msclong as ml
    >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    >>> found = ml.bootstrap(fit, n=100, contrast="Days", seed=1)
    >>> found.contrasts.columns.tolist()[:4]
    ['estimate', 'se', 'bias', 'sd']
    """
    engine = frequentist(fit, "A parametric bootstrap")
    check_flag(progress, "progress")
    check_level(level)
    if not is_count(n, LEAST):
        raise SpecError(f"A bootstrap needs n={LEAST} or more data sets, better 2000; got {n!r}.")
    rng = random_generator(seed)
    design = fit.design
    p = len(design.fixed.names)
    asked = Question.of(contrast, design).hypothesis(design)
    names = pd.Index([*design.fixed.names, *range(len(asked))], tupleize_cols=False)
    whole = LinearHypothesis(np.vstack([np.eye(p), asked.L]), names, np.r_[np.zeros(p), asked.value])
    found, refitter = Refits.none(n, len(whole), design), Refitter.of(design, engine, whole)
    with Progress("bootstrap", n, progress) as bar:
        step = at_a_time(BATCH, design.n_obs)
        for start in range(0, n, step):
            noise = rng.standard_normal((min(step, n - start), design.n_obs)).T
            Y = simulated(design, fit.estimate.beta, fit.covariance.theta, noise).T
            refitter.outcomes(Y, found, start)
            bar.advance(len(Y))
    failed = int(found.failed.sum())
    if failed == n:
        raise ConvergenceError(f"None of {n} data sets drawn from the fit has an estimate.")
    if failed:
        warn(f"{failed} of {n} bootstrap data sets have no estimate and are left out.", ConvergenceWarning)
    kept = ~found.failed
    data = fit.estimate.test(whole, level)
    table = _of_rows(data, whole.value, found.estimate[kept], found.se[kept], level)
    theta = fit.covariance.theta
    limits = np.quantile(found.theta[kept], [(1 - level) / 2, (1 + level) / 2], axis=0)
    parameters = pd.DataFrame(
        {
            "estimate": theta,
            "bias": found.theta[kept].mean(axis=0) - theta,
            "sd": found.theta[kept].std(axis=0, ddof=1),
            "lower": limits[0],
            "upper": limits[1],
        },
        index=pd.Index(design.structure.parameter_names, name="parameter"),
    )
    coefficients, contrasts = table.iloc[:p], table.iloc[p:].set_axis(asked.rows)
    for one in (coefficients, contrasts, parameters):
        one.attrs["interval"] = f"{100 * level:.4g} % confidence"
    return Bootstrap(
        contrasts=stamp(contrasts, fit),
        coefficients=stamp(coefficients.rename_axis("coefficient"), fit),
        parameters=stamp(parameters, fit),
        replicates=n,
        failed=failed,
    )


def frequentist(fit: Fit, what: str) -> Frequentist:
    """The engine of a Gaussian fit by ml.Frequentist(); raises SpecError for what is no fit, EngineError for others."""
    check_fit(fit)
    if not isinstance(fit.engine, Frequentist) or fit.design.conditional:
        raise EngineError(
            f"{what} refits by ml.Frequentist(); this fit is by {type(fit.engine).__name__}. Fit the spec with "
            "ml.Frequentist(), where its outcome is Gaussian."
        )
    return fit.engine


def _of_rows(
    data: pd.DataFrame, value: np.ndarray, estimates: np.ndarray, errors: np.ndarray, level: float
) -> pd.DataFrame:
    """The rows of a table of `Bootstrap`. value : (c,) hypothesised."""
    estimate, se = data["estimate"].to_numpy(), data["se"].to_numpy()
    t = (estimates - estimate) / errors
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(t, tails, axis=0)
    below, above = np.quantile(estimates, tails, axis=0)
    p = (1 + (np.abs(t) >= np.abs((estimate - value) / se)).sum(axis=0)) / (len(t) + 1)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "se": se,
            "bias": estimates.mean(axis=0) - estimate,
            "sd": estimates.std(axis=0, ddof=1),
            "lower": estimate - high * se,
            "upper": estimate - low * se,
            "lower_percentile": below,
            "upper_percentile": above,
            "p_value": p,
            "mcse": np.sqrt(p * (1 - p) / (len(t) + 1)),
        },
        index=data.index,
    )
